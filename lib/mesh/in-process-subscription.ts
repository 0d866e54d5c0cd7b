/** The one member of a group on the in-process mesh. See `in-process-mesh.ts`. */
import { TdaError } from '../errors.js'
import type { AssignedPartition, MeshEvent, MeshRecord, Subscription } from './event-mesh.js'
import type { GroupState, InProcessEventMesh } from './in-process-mesh.js'
import type { PartitionLog } from './partition-log.js'

export class InProcessSubscription implements Subscription {
  readonly mesh: InProcessEventMesh
  readonly #logs: readonly PartitionLog[]
  readonly #group: GroupState
  /** Next offset to read, per partition; empty while nothing is assigned. */
  readonly #position = new Map<number, number>()
  #generation = 0
  #rebalancing = false
  #closed = false
  /** Which partition the next batch starts with, so that none starves. */
  #turn = 0

  constructor(mesh: InProcessEventMesh, logs: readonly PartitionLog[], group: GroupState) {
    this.mesh = mesh
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
    const onAbort = (): void => this.mesh.wake()
    signal.addEventListener('abort', onAbort)
    try {
      while (!signal.aborted && !this.#closed && !this.mesh.closed) {
        if (this.#position.size === 0) {
          const startAt = (partition: number, offset: number): void =>
            void this.#position.set(partition, offset)
          yield { kind: 'assigned', partitions: this.#assign(), startAt }
          continue
        }
        if (this.#rebalancing) {
          this.#rebalancing = false
          const { promise, resolve } = deferred()
          yield { kind: 'revoked', partitions: [...this.#position.keys()], done: resolve }
          await promise
          this.#position.clear()
          this.#generation += 1
          continue
        }
        const records = this.#read(recordsMax)
        if (records.length > 0) yield { kind: 'records', records }
        else await this.mesh.changed()
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  async commit(next: ReadonlyMap<number, number>): Promise<ReadonlySet<number>> {
    await Promise.resolve() // As with a broker, nothing is refused before somebody can wait for it.
    this.store(next)
    this.mesh.wake()
    return new Set(next.keys())
  }

  /** Counts assignments: what was read in one generation is not committed in another. */
  get generation(): number {
    return this.#generation
  }

  /** Whether this member may commit offsets of these partitions now. */
  holds(partitions: Iterable<number>): boolean {
    if (this.#closed) return false
    for (const partition of partitions) if (!this.#position.has(partition)) return false
    return true
  }

  /** @throws INVALID_ARGUMENT when the log has no such offset; nothing is stored. */
  store(next: ReadonlyMap<number, number>): void {
    for (const [partition, offset] of next) {
      const log = this.#logs[partition]
      if (!log || !Number.isSafeInteger(offset) || offset < 0 || offset > log.high) {
        throw new TdaError('INVALID_ARGUMENT', `commit: partition ${partition} has no next offset ${offset}`)
      }
    }
    for (const [partition, offset] of next) this.#group.committed.set(partition, offset)
  }

  lag(): Promise<ReadonlyMap<number, number>> {
    const lag = new Map<number, number>()
    for (const [partition, position] of this.#position)
      lag.set(partition, this.#logs[partition]!.high - position)
    return Promise.resolve(lag)
  }

  close(): Promise<void> {
    this.#closed = true
    this.#generation += 1
    if (this.#group.member === this) this.#group.member = null
    this.mesh.wake()
    return Promise.resolve()
  }

  rebalance(): void {
    this.#rebalancing = this.#position.size > 0
    this.mesh.wake()
  }

  #assign(): AssignedPartition[] {
    return this.#logs.map(({ partition, low }) => {
      this.#position.set(partition, low)
      const committed = this.#group.committed.get(partition) ?? null
      return { partition, low, resume: Math.max(low, committed ?? low), committed }
    })
  }

  #read(recordsMax: number): MeshRecord[] {
    const records: MeshRecord[] = []
    for (let i = 0; i < this.#logs.length && records.length < recordsMax; i++) {
      const log = this.#logs[this.#turn++ % this.#logs.length]!
      const found = log.read(this.#position.get(log.partition)!, recordsMax - records.length)
      for (const record of found) records.push(record)
      this.#position.set(log.partition, found.length > 0 ? found.at(-1)!.offset + 1 : log.high)
    }
    return records
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}
