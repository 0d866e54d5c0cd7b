/**
 * A load into any event mesh: what has gathered goes out together, and is acknowledged together. One batch is on its way at
 * a time, because records of two that overlap may mingle. A batch that is refused counts as failed as a whole, for the mesh
 * names only its first failure. At most two batches are held.
 */
import { TdaError } from '../errors.js'
import type { BulkObserver, BulkPublisher } from '../mesh/bulk-publisher.js'
import type { EventMesh, OutgoingRecord } from '../mesh/event-mesh.js'

const BATCH_RECORDS = 10_000
const BATCH_BYTES = 16 * 1024 * 1024

export class MeshTarget implements BulkPublisher {
  readonly description: string
  /** Told when the batch is acknowledged, by count. */
  readonly resolutionMs = 1
  readonly #mesh: EventMesh
  readonly #topic: string
  #observer: BulkObserver = { acknowledged: () => {}, failed: () => {} }
  /** Gathered while the batch before is being published. */
  #batch: OutgoingRecord[] = []
  #batchBytes = 0
  #publishing: Promise<void> | null = null

  constructor(mesh: EventMesh, topic: string) {
    this.#mesh = mesh
    this.#topic = topic
    this.description = `topic "${topic}" of ${mesh.description}`
  }

  observe(observer: BulkObserver): void {
    this.#observer = observer
  }

  send(key: Buffer, value: Buffer, timestamp: number): boolean {
    if (this.#batch.length >= BATCH_RECORDS || this.#batchBytes >= BATCH_BYTES) return false
    this.#batch.push({ key, value, timestamp })
    this.#batchBytes += value.length
    return true
  }

  flush(): void {
    if (this.#batch.length === 0 || this.#publishing !== null) return
    const records = this.#batch
    this.#batch = []
    this.#batchBytes = 0
    const over = (tell: () => void): void => {
      this.#publishing = null
      tell()
      this.flush()
    }
    this.#publishing = this.#mesh.publish(this.#topic, records).then(
      () => over(() => this.#observer.acknowledged(records.length)),
      (cause: unknown) => over(() => this.#observer.failed(records.length, asError(cause)))
    )
  }

  drain(timeoutMs: number): Promise<void> {
    const all = async (): Promise<void> => {
      this.flush()
      while (this.#publishing !== null) {
        await this.#publishing
        this.flush()
      }
    }
    return settledWithin(all(), timeoutMs)
  }
}

/** Waits for `work`, but no longer than `timeoutMs`. @throws what `work` throws in that time. */
export async function settledWithin(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, timeoutMs)))
  try {
    await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
  }
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new TdaError('INTERNAL', String(cause))
}
