/**
 * The event mesh without a broker: the same partitions, offsets, groups, commits and lag, in the memory of this process.
 * For the library, for tests and for machines where node-rdkafka cannot be built.
 *
 *   (I1) Offsets of a partition are consecutive; `low` is the oldest one retained, `high` the next one to be given.
 *   (I2) A partition holds at most `bytesMax`. The oldest records go first, but never one that a group which has ever
 *        subscribed has not committed: then `publish` waits. So memory is bounded and no group loses a record.
 *   (I3) Records of one key are in one partition, in the order they were published.
 *
 * A group has one member here. Cost: O(1) a record.
 */
import { TdaError, type ErrorCode } from '../errors.js'
import type { EventMesh, MeshRecord, OutgoingRecord, Subscription } from './event-mesh.js'
import { InProcessSubscription } from './in-process-subscription.js'

/** What a record costs beside its bytes, roughly: an object, a Buffer header, a slot. */
const RECORD_OVERHEAD_BYTES = 200

/** Limits and clock of an in-process mesh. */
export interface InProcessMeshOptions {
  /** Partitions of a topic that is published to before `createStream`. Default 4. */
  readonly partitions?: number
  /** Bytes a partition may hold. Default 64 MiB. */
  readonly bytesMax?: number
  /** The log's clock, in ms since the epoch. Default `Date.now`. */
  readonly now?: () => number
}

/** One partition's log. Mutable, shared between the mesh and its subscriptions. */
export class PartitionLog {
  readonly topic: string
  readonly partition: number
  low = 0
  bytes = 0
  #records: MeshRecord[] = []
  /** Index in `#records` of offset `low`; the part before it is dropped in blocks. */
  #head = 0

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get high(): number {
    return this.low + this.#records.length - this.#head
  }

  append(record: MeshRecord): void {
    this.#records.push(record)
    this.bytes += sizeOf(record)
  }

  /** REQUIRES: low <= offset < high. */
  at(offset: number): MeshRecord {
    return this.#records[this.#head + offset - this.low]!
  }

  dropOldest(): void {
    this.bytes -= sizeOf(this.at(this.low))
    this.low += 1
    this.#head += 1
    if (this.#head * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#head)
      this.#head = 0
    }
  }
}

/** What one group knows of one topic. */
export interface GroupState {
  readonly committed: Map<number, number>
  member: InProcessSubscription | null
}

interface Topic {
  readonly logs: readonly PartitionLog[]
  readonly groups: Map<string, GroupState>
  nextUnkeyed: number
}

/**
 * @example
 * const mesh = new InProcessEventMesh()
 * await mesh.createStream('points', 1)
 * await mesh.publish('points', [{ key: 'a', value: '{"x":1}' }])
 * const subscription = await mesh.subscribe('points', { groupId: 'readers' })
 * const { signal } = new AbortController()
 * const events = subscription.events({ recordsMax: 10, lingerMs: 0, signal })[Symbol.asyncIterator]()
 * console.log((await events.next()).value.kind) // assigned
 * console.log((await events.next()).value.records.length) // 1
 * await subscription.close()
 * await mesh.close()
 */
export class InProcessEventMesh implements EventMesh {
  readonly description: string
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

  createStream(topic: string, partitions: number): Promise<void> {
    if (!Number.isSafeInteger(partitions) || partitions < 1) {
      return rejected(
        'INVALID_ARGUMENT',
        `createStream "${topic}": partitions must be at least 1, got ${partitions}`
      )
    }
    if (!this.#topics.has(topic)) this.#create(topic, partitions)
    return Promise.resolve()
  }

  async publish(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    const target = this.#topic(topic)
    for (const outgoing of records) {
      const key = bytesOf(outgoing.key)
      const value = bytesOf(outgoing.value)
      const partition =
        key === null ? target.nextUnkeyed++ % target.logs.length : hash(key) % target.logs.length
      const log = target.logs[partition]!
      const size = RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0)
      if (size > this.#bytesMax) {
        throw new TdaError(
          'BROKER',
          `publish to "${topic}": a record of ${size} bytes exceeds the ${this.#bytesMax} bytes a partition may hold`
        )
      }
      while (log.bytes + size > this.#bytesMax) {
        if (this.#closed) break
        if (log.low < oldestUncommitted(target, log)) {
          log.dropOldest()
          continue
        }
        this.wake() // The readers must see what is there, or they never make room.
        await this.changed()
      }
      if (this.#closed) throw new TdaError('BROKER', `publish to "${topic}": the in-process mesh is closed`)
      log.append({
        topic,
        partition,
        offset: log.high,
        key,
        value,
        timestamp: outgoing.timestamp ?? this.#now(),
        ...(outgoing.headers ? { headers: outgoing.headers } : {})
      })
    }
    this.wake()
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

  #create(name: string, partitions: number): Topic {
    const logs = Array.from({ length: partitions }, (_, partition) => new PartitionLog(name, partition))
    const topic: Topic = { logs, groups: new Map(), nextUnkeyed: 0 }
    this.#topics.set(name, topic)
    return topic
  }
}

/** The offset below which every group is done. */
function oldestUncommitted(topic: Topic, log: PartitionLog): number {
  let oldest = log.high
  for (const group of topic.groups.values()) {
    oldest = Math.min(oldest, group.committed.get(log.partition) ?? log.low)
  }
  return oldest
}

function sizeOf(record: MeshRecord): number {
  return RECORD_OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0)
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
