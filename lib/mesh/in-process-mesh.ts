/**
 * The event mesh without a broker: the same partitions, offsets, groups, commits, transactions and lag, in the memory of
 * this process. For the library, for tests and for machines where node-rdkafka cannot be built.
 *
 *   (I2) A partition holds at most `bytesMax`, or one transaction. The oldest records go first, but never one that a group which has ever
 *        subscribed has not committed: then `publish` waits. So memory is bounded and no group loses a record. Of a
 *        compacted topic what a newer record of its key replaces goes first, and nothing else.
 *   (I3) Records of one key are in one partition, in the order they were published.
 *   (I4) A transaction makes room first and then appends and commits without a pause: nobody sees a part of it.
 *
 * A group has one member here. Cost: O(1) a record; (I1) is in `partition-log.ts`.
 */
import { TdaError, type ErrorCode } from '../errors.js'
import type {
  EventMesh,
  MeshCapabilities,
  MeshRecord,
  OutgoingRecord,
  PartitionBounds,
  Subscription,
  TopicSettings,
  Transaction,
  TransactionOutcome,
  Transactions
} from './event-mesh.js'
import { InProcessSubscription } from './in-process-subscription.js'
import { PartitionLog, sizeOf } from './partition-log.js'
import { tooLargeError } from './too-large.js'

/** Records of one batch of `readPartition`. */
const READ_RECORDS = 1000

/** Limits and clock of an in-process mesh. */
export interface InProcessMeshOptions {
  /** Partitions of a topic that is published to before `createStream`. Default 4. */
  readonly partitions?: number
  /** Bytes a partition may hold. Default 64 MiB. */
  readonly bytesMax?: number
  /** The log's clock, in ms since the epoch. Default `Date.now`. */
  readonly now?: () => number
}

/** What one group knows of one topic. */
export interface GroupState {
  readonly committed: Map<number, number>
  member: InProcessSubscription | null
}

interface Topic {
  readonly logs: readonly PartitionLog[]
  readonly compacted: boolean
  readonly groups: Map<string, GroupState>
  nextUnkeyed: number
}

/**
 * A log of partitioned records in memory, with the interface of Kafka's mesh. Cost: O(1) a record; see (I1) to (I4).
 *
 * @example
 * const mesh = new InProcessEventMesh()
 * await mesh.createStream('points', 1)
 * await mesh.publish('points', [{ key: 'a', value: '{"x":1}' }])
 * const reader = await mesh.subscribe('points', { groupId: 'readers' })
 * const { signal } = new AbortController()
 * for await (const event of reader.events({ recordsMax: 10, lingerMs: 0, signal })) {
 *   if (event.kind !== 'records') continue
 *   console.log(event.records.map(({ partition, offset }) => [partition, offset])) // [ [ 0, 0 ] ]
 *   break
 * }
 * await mesh.close()
 */
export class InProcessEventMesh implements EventMesh {
  readonly description: string
  readonly capabilities: MeshCapabilities = {
    transactions: true,
    createTopics: true,
    offsetsForTimes: true,
    compaction: true,
    groups: false
  }
  readonly #topics = new Map<string, Topic>()
  readonly #partitions: number
  readonly #bytesMax: number
  readonly #now: () => number
  /** Resolvers of everybody who waits for a record, a commit or the end. */
  #waiting: (() => void)[] = []
  #closed = false

  constructor(options: InProcessMeshOptions = {}) {
    this.#partitions = options.partitions ?? 4
    this.#bytesMax = options.bytesMax ?? 64 * 1024 * 1024
    this.#now = options.now ?? Date.now
    this.description =
      'In-process mesh: no broker; records live in this process, at most ' +
      `${(this.#bytesMax / (1024 * 1024)).toFixed(0)} MiB a partition, and are gone when it ends.`
  }

  createStream(topic: string, partitions: number, settings: TopicSettings = {}): Promise<void> {
    if (!Number.isSafeInteger(partitions) || partitions < 1) {
      return rejected(
        'INVALID_ARGUMENT',
        `createStream "${topic}": partitions must be at least 1, got ${partitions}`
      )
    }
    const compacted = settings['cleanup.policy']?.includes('compact') ?? false
    if (!this.#topics.has(topic)) this.#create(topic, partitions, compacted)
    return Promise.resolve()
  }

  async publish(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    const tooLarge = new Set<OutgoingRecord>()
    for (const outgoing of records) {
      const placed = this.#place(topic, outgoing)
      if (placed.size > this.#bytesMax) {
        tooLarge.add(outgoing)
        continue
      }
      await this.#makeRoom([placed])
      this.#append([placed])
    }
    this.wake()
    if (tooLarge.size > 0) throw tooLargeError(`publish to "${topic}"`, tooLarge)
  }

  transactions(
    subscription: Subscription,
    report: (outcome: TransactionOutcome) => void = () => {}
  ): Promise<Transactions> {
    if (!(subscription instanceof InProcessSubscription) || subscription.mesh !== this) {
      return rejected('INVALID_ARGUMENT', 'transactions: the subscription is not of this mesh')
    }
    return Promise.resolve({
      commit: async (transaction) => {
        const committed = await this.#commit(transaction, subscription)
        report(committed ? 'committed' : 'lost')
        return committed
      },
      close: () => Promise.resolve()
    })
  }

  partitions(topic: string): Promise<number> {
    return Promise.resolve(this.#topics.get(topic)?.logs.length ?? 0)
  }

  bounds(topic: string, partition: number): Promise<PartitionBounds> {
    const log = this.#topics.get(topic)?.logs[partition]
    if (!log) return rejected('INVALID_ARGUMENT', `bounds: there is no "${topic}"/${partition}`)
    return Promise.resolve({ low: log.low, high: log.high })
  }

  groupOffsets(topic: string, groupId: string): Promise<ReadonlyMap<number, number | null>> {
    const { logs, groups } = this.#topic(topic)
    const committed = groups.get(groupId)?.committed
    return Promise.resolve(
      new Map(logs.map(({ partition }) => [partition, committed?.get(partition) ?? null] as const))
    )
  }

  async *readPartition(
    topic: string,
    partition: number,
    options: { readonly from?: number; readonly signal?: AbortSignal } = {}
  ): AsyncGenerator<readonly MeshRecord[]> {
    const { high } = await this.bounds(topic, partition)
    const log = this.#topics.get(topic)!.logs[partition]!
    let next = options.from ?? log.low
    while (next < high && options.signal?.aborted !== true) {
      const records = log.read(next, READ_RECORDS).filter(({ offset }) => offset < high)
      if (records.length === 0) return
      next = records.at(-1)!.offset + 1
      yield records
    }
  }

  offsetsAt(topic: string, timestampMs: number): Promise<ReadonlyMap<number, number>> {
    const logs = this.#topics.get(topic)?.logs ?? []
    return Promise.resolve(new Map(logs.map((log) => [log.partition, log.offsetAt(timestampMs)])))
  }

  subscribe(topic: string, options: { readonly groupId: string }): Promise<Subscription> {
    if (this.#closed) return rejected('BROKER', `subscribe to "${topic}": the in-process mesh is closed`)
    const { logs, groups } = this.#topic(topic)
    const group = groups.get(options.groupId) ?? { committed: new Map<number, number>(), member: null }
    groups.set(options.groupId, group)
    if (group.member) {
      return rejected(
        'NOT_SUPPORTED',
        `subscribe to "${topic}": group "${options.groupId}" has its member; the in-process mesh allows one a group`
      )
    }
    group.member = new InProcessSubscription(this, logs, group)
    return Promise.resolve(group.member)
  }

  /**
   * Takes all partitions from the member of a group and assigns them anew, as a broker does when members come and go.
   * For tests and drills. Nothing happens when the group has no member.
   */
  rebalance(topic: string, groupId: string): void {
    this.#topics.get(topic)?.groups.get(groupId)?.member?.rebalance()
  }

  /** Removes the records of a partition before an offset, whoever has read them, as retention does. For tests and drills. */
  trim(topic: string, partition: number, before: number): void {
    const log = this.#topics.get(topic)?.logs[partition]
    while (log && log.low < Math.min(before, log.high)) log.dropOldest()
  }

  /** Removes what newer records of their keys replace, as brokers do of compacted topics now and then. For tests and drills. */
  compact(topic: string): void {
    for (const log of this.#topics.get(topic)?.logs ?? []) log.compact()
  }

  close(): Promise<void> {
    this.#closed = true
    this.wake()
    return Promise.resolve()
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Resolves when a record was published, an offset committed, a member rebalanced or something closed. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  #topic(name: string): Topic {
    return this.#topics.get(name) ?? this.#create(name, this.#partitions)
  }

  #create(name: string, partitions: number, compacted = false): Topic {
    const logs = Array.from({ length: partitions }, (_, partition) => new PartitionLog(name, partition))
    const topic: Topic = { logs, compacted, groups: new Map(), nextUnkeyed: 0 }
    this.#topics.set(name, topic)
    return topic
  }

  async #commit({ records, next }: Transaction, subscription: InProcessSubscription): Promise<boolean> {
    const generation = subscription.generation
    const placed = records.flatMap((part) => part.records.map((one) => this.#place(part.topic, one)))
    await this.#makeRoom(placed)
    if (subscription.generation !== generation || !subscription.holds(next.keys())) return false
    subscription.store(next)
    this.#append(placed)
    this.wake()
    return true
  }

  #place(name: string, outgoing: OutgoingRecord): Placed {
    const topic = this.#topic(name)
    const { headers } = outgoing
    const key = bytesOf(outgoing.key)
    const log = topic.logs[outgoing.partition ?? this.#partitionOf(topic, key)]
    if (!log) {
      const message = `publish to "${name}": there is no partition ${outgoing.partition}`
      throw new TdaError('INVALID_ARGUMENT', message)
    }
    const timestamp = outgoing.timestamp ?? this.#now()
    const record = { key, value: bytesOf(outgoing.value), timestamp, ...(headers ? { headers } : {}) }
    return { outgoing, topic, log, record, size: sizeOf(record) }
  }

  #partitionOf(topic: Topic, key: Uint8Array | null): number {
    return (key === null ? topic.nextUnkeyed++ : hash(key)) % topic.logs.length
  }

  /** Resolves when all of it can be appended without a further wait. */
  async #makeRoom(placed: readonly Placed[]): Promise<void> {
    const wanted = new Map<PartitionLog, { readonly topic: Topic; size: number }>()
    for (const { topic, log, size } of placed) {
      const sum = wanted.get(log)
      if (sum) sum.size += size
      else wanted.set(log, { topic, size })
    }
    const tooLarge = placed.filter(({ size }) => size > this.#bytesMax)
    if (tooLarge.length > 0) {
      const what = `publish to "${tooLarge[0]!.log.topic}"`
      throw tooLargeError(what, new Set(tooLarge.map(({ outgoing }) => outgoing)))
    }
    while (!this.#closed && ![...wanted].every(([log, { topic, size }]) => this.#hasRoom(topic, log, size))) {
      this.wake() // The readers must see what is there, or they never make room.
      await this.changed()
    }
    if (this.#closed) throw new TdaError('BROKER', 'publish: the in-process mesh is closed')
  }

  #hasRoom(topic: Topic, log: PartitionLog, size: number): boolean {
    while (log.bytes > 0 && log.bytes + size > this.#bytesMax) {
      if (topic.compacted) {
        if (!log.compact()) return false
      } else if (log.low >= oldestUncommitted(topic, log)) return false
      else log.dropOldest()
    }
    return true
  }

  #append(placed: readonly Placed[]): void {
    for (const { log, record } of placed) log.append(record)
  }
}

/** A record that knows where it goes. */
interface Placed {
  readonly outgoing: OutgoingRecord
  readonly topic: Topic
  readonly log: PartitionLog
  readonly record: Omit<MeshRecord, 'topic' | 'partition' | 'offset'>
  readonly size: number
}

/** The offset below which every group is done. */
function oldestUncommitted(topic: Topic, log: PartitionLog): number {
  let oldest = log.high
  for (const group of topic.groups.values()) {
    oldest = Math.min(oldest, group.committed.get(log.partition) ?? log.low)
  }
  return oldest
}

function rejected(code: ErrorCode, message: string): Promise<never> {
  return Promise.reject(new TdaError(code, message))
}

function bytesOf(data: string | Uint8Array | null): Uint8Array | null {
  return typeof data === 'string' ? Buffer.from(data) : data
}

/** FNV-1a, 32 bits: any fixed spreading of keys will do. */
function hash(key: Uint8Array): number {
  let h = 0x811c9dc5
  for (const byte of key) h = Math.imul(h ^ byte, 0x01000193)
  return h >>> 0
}
