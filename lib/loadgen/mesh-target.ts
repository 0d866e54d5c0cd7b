/**
 * A load into any event mesh: the records of a moment go out together, and are acknowledged together. A batch that is
 * refused counts as failed as a whole, for the mesh names only its first failure.
 */
import { TdaError } from '../errors.js'
import type { BulkObserver, BulkPublisher } from '../mesh/bulk-publisher.js'
import type { EventMesh, OutgoingRecord } from '../mesh/event-mesh.js'

const IN_FLIGHT_RECORDS = 20_000
const IN_FLIGHT_BYTES = 32 * 1024 * 1024

export class MeshTarget implements BulkPublisher {
  readonly description: string
  /** Told when the batch is acknowledged, by count: batches settle in the order they were sent. */
  readonly resolutionMs = 1
  readonly #mesh: EventMesh
  readonly #topic: string
  #observer: BulkObserver = { acknowledged: () => {}, failed: () => {} }
  #batch: OutgoingRecord[] = []
  #records = 0
  #bytes = 0
  #batchBytes = 0
  readonly #inFlight = new Set<Promise<void>>()

  constructor(mesh: EventMesh, topic: string) {
    this.#mesh = mesh
    this.#topic = topic
    this.description = `topic "${topic}" of ${mesh.description}`
  }

  observe(observer: BulkObserver): void {
    this.#observer = observer
  }

  send(key: Buffer, value: Buffer, timestamp: number): boolean {
    if (this.#records >= IN_FLIGHT_RECORDS || this.#bytes >= IN_FLIGHT_BYTES) return false
    this.#batch.push({ key, value, timestamp })
    this.#records++
    this.#bytes += value.length
    this.#batchBytes += value.length
    return true
  }

  flush(): void {
    if (this.#batch.length === 0) return
    const [records, bytes] = [this.#batch, this.#batchBytes]
    this.#batch = []
    this.#batchBytes = 0
    const published = this.#mesh
      .publish(this.#topic, records)
      .then(
        () => this.#observer.acknowledged(records.length),
        (cause: unknown) => this.#observer.failed(records.length, asError(cause))
      )
      .finally(() => {
        this.#records -= records.length
        this.#bytes -= bytes
        this.#inFlight.delete(published)
      })
    this.#inFlight.add(published)
  }

  drain(timeoutMs: number): Promise<void> {
    this.flush()
    return settledWithin(Promise.all(this.#inFlight), timeoutMs)
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
