/** The one member of a group on the in-process mesh. See `in-process-mesh.ts`. */
import { TdaError } from '../errors.js'
import type { AssignedPartition, MeshEvent, MeshRecord, Subscription } from './event-mesh.js'
import type { GroupState, InProcessEventMesh, PartitionLog } from './in-process-mesh.js'

export class InProcessSubscription implements Subscription {
  readonly #mesh: InProcessEventMesh
  readonly #logs: readonly PartitionLog[]
  readonly #group: GroupState
  /** Next offset to read, per partition; empty while nothing is assigned. */
  readonly #position = new Map<number, number>()
  #rebalancing = false
  #closed = false
  /** Which partition the next batch starts with, so that none starves. */
  #turn = 0

  constructor(mesh: InProcessEventMesh, logs: readonly PartitionLog[], group: GroupState) {
    this.#mesh = mesh
    this.#logs = logs
    this.#group = group
  }

  /** What is there is yielded at once; `lingerMs` is not needed without a network. */
  async *events(options: {
    readonly recordsMax: number
    readonly lingerMs: number
    readonly signal: AbortSignal
  }): AsyncGenerator<MeshEvent> {
    const { recordsMax, signal } = options
    const onAbort = (): void => this.#mesh.wake()
    signal.addEventListener('abort', onAbort)
    try {
      while (!signal.aborted && !this.#closed && !this.#mesh.closed) {
        if (this.#position.size === 0) {
          yield { kind: 'assigned', partitions: this.#assign() }
          continue
        }
        if (this.#rebalancing) {
          this.#rebalancing = false
          const { promise, resolve } = deferred()
          yield { kind: 'revoked', partitions: [...this.#position.keys()], done: resolve }
          await promise
          this.#position.clear()
          continue
        }
        const records = this.#read(recordsMax)
        if (records.length > 0) yield { kind: 'records', records }
        else await this.#mesh.changed()
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  commit(next: ReadonlyMap<number, number>): Promise<void> {
    for (const [partition, offset] of next) {
      const log = this.#logs[partition]
      if (!log || !Number.isSafeInteger(offset) || offset < 0 || offset > log.high) {
        const message = `commit: partition ${partition} has no next offset ${offset}`
        return Promise.reject(new TdaError('INVALID_ARGUMENT', message))
      }
      this.#group.committed.set(partition, offset)
    }
    this.#mesh.wake()
    return Promise.resolve()
  }

  lag(): Promise<ReadonlyMap<number, number>> {
    const lag = new Map<number, number>()
    for (const [partition, position] of this.#position)
      lag.set(partition, this.#logs[partition]!.high - position)
    return Promise.resolve(lag)
  }

  close(): Promise<void> {
    this.#closed = true
    if (this.#group.member === this) this.#group.member = null
    this.#mesh.wake()
    return Promise.resolve()
  }

  rebalance(): void {
    this.#rebalancing = this.#position.size > 0
    this.#mesh.wake()
  }

  #assign(): AssignedPartition[] {
    return this.#logs.map(({ partition, low }) => {
      this.#position.set(partition, low)
      return { partition, low, resume: Math.max(low, this.#group.committed.get(partition) ?? low) }
    })
  }

  #read(recordsMax: number): MeshRecord[] {
    const records: MeshRecord[] = []
    for (let i = 0; i < this.#logs.length && records.length < recordsMax; i++) {
      const log = this.#logs[this.#turn++ % this.#logs.length]!
      const from = Math.max(log.low, this.#position.get(log.partition)!)
      const end = Math.min(log.high, from + recordsMax - records.length)
      for (let offset = from; offset < end; offset++) records.push(log.at(offset))
      this.#position.set(log.partition, end)
    }
    return records
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}
