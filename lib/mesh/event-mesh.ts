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
  /** Where results begin: the committed offset, or `low` when that record is gone or the group never committed. */
  readonly resume: number
  /** What the group has committed, the next offset to read, whether or not it is retained; `null`: nothing, ever. */
  readonly committed: number | null
}

/**
 * What a subscription yields, in order. Assignment and revocation come in the same stream as the records, so that one
 * loop sees one history. Reading starts at `low` of each assigned partition: records before `resume` rebuild windows.
 */
export type MeshEvent =
  | { readonly kind: 'assigned'; readonly partitions: readonly AssignedPartition[] }
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
  /** Commits the next offset to read of each partition. */
  commit(next: ReadonlyMap<number, number>): Promise<void>
  /** Records between the position read so far and the end of each assigned partition; BROKER when none answers. */
  lag(): Promise<ReadonlyMap<number, number>>
  /** Leaves the group; `events` ends. What was not committed is repeated by the next owner. */
  close(): Promise<void>
}

/** A log of partitioned records to publish to and to read from. Every method rejects with a `TdaError`. */
export interface EventMesh {
  /** What this transport is and is not, in one sentence for people. */
  readonly description: string
  /** Resolves when every record is acknowledged by the log; rejects with BROKER naming the first that was not. */
  publish(topic: string, records: readonly OutgoingRecord[]): Promise<void>
  /** Joins the group; reading starts with `events`. */
  subscribe(topic: string, options: { readonly groupId: string }): Promise<Subscription>
  /** Creates the topic when missing. NOT_SUPPORTED when the transport cannot give it that many partitions. */
  createStream(topic: string, partitions: number): Promise<void>
  /** Closes what it opened, subscriptions included; what was published is acknowledged before, within a limit. */
  close(): Promise<void>
}
