/**
 * The event mesh: what the pipeline needs of a log of partitioned records. Kafka (`kafka-mesh.ts`), its embedded mock
 * broker and the in-process mesh implement it alike; one conformance suite holds for all.
 */

/** One record as it was consumed. */
export interface MeshRecord {
  readonly topic: string
  readonly partition: number
  /** Position in the partition's log; exact up to 2^53. */
  readonly offset: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  /** Milliseconds since the epoch, as the log has it. */
  readonly timestamp: number
  /** Values as UTF-8 text: bytes that are none come as U+FFFD. */
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

/** Where the bytes of a batch's records lie, for readers that take them all at once. */
export interface RecordColumns {
  readonly bytes: Uint8Array
  readonly keyStarts: Uint32Array
  /** -1: no key. */
  readonly keyLengths: Int32Array
  readonly valueStarts: Uint32Array
  /** -1: no value. */
  readonly valueLengths: Int32Array
}

/** Records in order; `columns`, where there are, speak of the same records. */
export type RecordBatch = readonly MeshRecord[] & { readonly columns?: RecordColumns }

/** One record to publish. Records of one key keep their order. */
export interface OutgoingRecord {
  /** Decides on the partition, texts as UTF-8; `null`: any partition. */
  readonly key: string | Uint8Array | null
  /** Where it goes whatever its key; default: the key decides. */
  readonly partition?: number
  readonly value: string | Uint8Array | null
  /** Milliseconds since the epoch. Default: the log's clock. */
  readonly timestamp?: number
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

/** Where a partition's log starts, and where this group resumes. */
export interface AssignedPartition {
  readonly partition: number
  /** Oldest offset still retained. */
  readonly low: number
  /** Where results begin: the committed offset, or `low` when it is not in the log or the group never committed. */
  readonly resume: number
  /** What the group has committed, the next offset to read, whether or not the log has it; `null`: nothing. */
  readonly committed: number | null
}

/**
 * What a subscription yields, in order. Assignment and revocation come in the same stream as the records, so that one
 * loop sees one history. Reading starts at `low` of each assigned partition: records before `resume` rebuild windows.
 */
export type MeshEvent =
  | {
      readonly kind: 'assigned'
      readonly partitions: readonly AssignedPartition[]
      /** Reading starts there instead of at `low`; to be called before the next event. Absent: it cannot be chosen. */
      readonly startAt?: (partition: number, offset: number) => void
    }
  | { readonly kind: 'records'; readonly records: RecordBatch }
  /** The partitions are given up once `done` is called; commit before that. */
  | { readonly kind: 'revoked'; readonly partitions: readonly number[]; readonly done: () => void }

/** One member of a consumer group. */
export interface Subscription {
  /** Bounded batches, at our pace: nothing is fetched beyond the one asked for and the client's bounded prefetch. Ends after `close` or when the signal aborts. */
  events(options: {
    readonly recordsMax: number
    readonly lingerMs: number
    readonly signal: AbortSignal
  }): AsyncIterable<MeshEvent>
  /**
   * Commits the next offset to read of each partition. Resolves with the partitions whose offsets the group has; the
   * others are being taken away, and their next owner repeats what was not committed.
   */
  commit(next: ReadonlyMap<number, number>): Promise<ReadonlySet<number>>
  /**
   * Records between the position read so far and the end of each assigned partition, those without an answer (no leader)
   * left out; BROKER when there is none at all.
   */
  lag(): Promise<ReadonlyMap<number, number>>
  /** Leaves the group; `events` ends. What was not committed is repeated by the next owner. */
  close(): Promise<void>
}

/** What a transport can do; the conformance suite asks no more of it. */
export interface MeshCapabilities {
  /** Records and offsets of a transaction become visible together or not at all, fenced by the group's generation. */
  readonly transactions: boolean
  /** Topics get the partitions and settings asked for. */
  readonly createTopics: boolean
  /** `offsetsAt` finds offsets by time. */
  readonly offsetsForTimes: boolean
  /** With `cleanup.policy: compact` the newest record of each key is kept for good. */
  readonly compaction: boolean
  /** Several members share the partitions of a topic in one group. */
  readonly groups: boolean
}

/** What becomes visible at once. */
export interface Transaction {
  readonly records: readonly { readonly topic: string; readonly records: readonly OutgoingRecord[] }[]
  /** Next offset to read of each partition of the subscription that the records come from. */
  readonly next: ReadonlyMap<number, number>
}

/** What became of one attempt: `fenced` takes a new producer, `lost` is left to the next owner of the partitions. */
export type TransactionOutcome = 'committed' | 'aborted' | 'fenced' | 'lost'

/** A producer of transactions on behalf of one subscription. */
export interface Transactions {
  /**
   * One attempt, one at a time. Resolves `true` when all of it is visible and committed, `false` when its partitions are
   * being taken away from this member: then nothing of it ever becomes visible, and their next owner does it again.
   *
   * @throws TdaError with `retriable` when nothing of it is visible and the same call may succeed later; without, when
   * it cannot: MESSAGE_TOO_LARGE with the records (`recordsTooLarge`) that no broker will take, BROKER for missing rights.
   */
  commit(transaction: Transaction): Promise<boolean>
  close(): Promise<void>
}

/** Settings of a topic, as Kafka names them, for example `cleanup.policy`. */
export type TopicSettings = Readonly<Record<string, string>>

/** Where a partition's retained records begin and end; `high` is the next offset to be given. */
export interface PartitionBounds {
  readonly low: number
  readonly high: number
}

/** A log of partitioned records to publish to and to read from. Every method rejects with a `TdaError`. */
export interface EventMesh {
  /** What this transport is and is not, in one sentence for people. */
  readonly description: string
  readonly capabilities: MeshCapabilities
  /**
   * Resolves when every record is acknowledged by the log; rejects with BROKER naming the first that was not, or with
   * MESSAGE_TOO_LARGE and the records (`recordsTooLarge`) when they are longer than the log takes.
   */
  publish(topic: string, records: readonly OutgoingRecord[]): Promise<void>
  /** Joins the group; reading starts with `events`. */
  subscribe(topic: string, options: { readonly groupId: string }): Promise<Subscription>
  /**
   * Transactions that commit the offsets of `subscription`, which must come from this mesh. NOT_SUPPORTED where
   * `capabilities.transactions` is false. `report` hears of every attempt.
   */
  transactions(
    subscription: Subscription,
    report?: (outcome: TransactionOutcome) => void
  ): Promise<Transactions>
  /** Creates the topic when missing. NOT_SUPPORTED when the transport cannot give it that many partitions. */
  createStream(topic: string, partitions: number, settings?: TopicSettings): Promise<void>
  /** Partitions of a topic; 0 when it does not exist. */
  partitions(topic: string): Promise<number>
  /** Where the records of a partition begin and end now, transactions under way included. */
  bounds(topic: string, partition: number): Promise<PartitionBounds>
  /** The next offset a group reads of each partition of a topic; `null`: it has never committed there. It is not joined. */
  groupOffsets(topic: string, groupId: string): Promise<ReadonlyMap<number, number | null>>
  /**
   * The records of one partition from an offset (default: the oldest) up to the end it has at the call, in batches.
   * Records of a transaction under way are waited for, those of an aborted one left out. No group is involved.
   */
  readPartition(
    topic: string,
    partition: number,
    options?: { readonly from?: number; readonly signal?: AbortSignal }
  ): AsyncIterable<readonly MeshRecord[]>
  /**
   * Of each partition the oldest offset whose record is not older than `timestampMs`, or the end where all are older.
   * NOT_SUPPORTED where `capabilities.offsetsForTimes` is false.
   */
  offsetsAt(topic: string, timestampMs: number): Promise<ReadonlyMap<number, number>>
  /** Closes what it opened, subscriptions included; what was published is acknowledged before, within a limit. */
  close(): Promise<void>
}
