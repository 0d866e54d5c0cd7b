/**
 * Reads a consumer's records in batches of columns (`binding/kafka/`) instead of node-rdkafka's object a message, where
 * that optional addon is built: the consumer, its group, assignments and commits stay node-rdkafka's. The only file that
 * loads the addon, and only after node-rdkafka, whose librdkafka it shares.
 *
 * Cost: about 0.5 us a record in a thread of libuv's pool and 0.1 us on this one; node-rdkafka's `consume` takes 5 us.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { MeshRecord, RecordBatch, RecordColumns } from './event-mesh.js'

/** A batch as the addon hands it over; see binding/kafka/batch.h. */
interface Columns extends RecordColumns {
  readonly bytes: Buffer
  readonly partitions: Int32Array
  readonly offsets: Float64Array
  readonly timestamps: Float64Array
  readonly headers: readonly (readonly [index: number, headers: Headers])[] | null
  /** Ends of partitions that were reached. */
  readonly endPartitions: Int32Array
  readonly endOffsets: Float64Array
  /** The first error among the records, 0: none. */
  readonly errorCode: number
  readonly error: string
}
type Headers = NonNullable<MeshRecord['headers']>

interface NativeReader {
  /** One call at a time. Waits `firstMs` for a first record, then `lingerMs` for a full batch. */
  take(recordsMax: number, firstMs: number, lingerMs: number): Promise<Columns>
  close(): void
}

interface KafkaAddon {
  readonly Reader: new (consumerName: string) => NativeReader
}

/** A consumer's error between its records; `code` is librdkafka's number. */
export interface ReadError {
  readonly code: number
  readonly message: string
}

/** What came, and the first error that came with it. */
export interface ColumnarBatch {
  readonly records: RecordBatch
  /** Ends of partitions that were reached: offsets beyond the last record and what belongs to transactions. */
  readonly ends: readonly (readonly [partition: number, offset: number])[]
  readonly error: ReadError | null
}

const addonPath = fileURLToPath(new URL('../../../build/Release/streaming_tda_kafka.node', import.meta.url))

/**
 * The librdkafka settings that let a {@link ColumnarReader} find the consumer made with them; empty where the addon is
 * not built, or does not load.
 */
export function columnarSettings(): { readonly 'plugin.library.paths'?: string } {
  return loadAddon() === null ? {} : { 'plugin.library.paths': addonPath }
}

/** Why there is no reader, for people; `null` where there is one. Call it once node-rdkafka is loaded. */
export function columnarObstacle(path = addonPath): string | null {
  const found = path === addonPath ? loaded() : load(path)
  return typeof found === 'string' ? found : null
}

let result: KafkaAddon | string | undefined

function loaded(): KafkaAddon | string {
  result ??= load(addonPath)
  return result
}

function loadAddon(): KafkaAddon | null {
  const found = loaded()
  return typeof found === 'string' ? null : found
}

/** The addon, or why it is not there: node-rdkafka's own way still works. */
function load(path: string): KafkaAddon | string {
  if (!existsSync(path)) return 'the columnar reader is not built'
  try {
    return createRequire(import.meta.url)(path) as KafkaAddon
  } catch (error) {
    // Built for another Node or librdkafka.
    return `the columnar reader does not load: ${(error as Error).message.split('\n', 1)[0]}`
  }
}

/** The reader of one connected consumer. While there is one, nobody else consumes from it. */
export class ColumnarReader {
  readonly #native: NativeReader
  readonly #topic: string
  #taking: Promise<unknown> = Promise.resolve()

  /** `null` when the consumer was not made with {@link columnarSettings}. */
  static open(consumerName: string, topic: string): ColumnarReader | null {
    const addon = loadAddon()
    if (addon === null) return null
    try {
      return new ColumnarReader(new addon.Reader(consumerName), topic)
    } catch {
      return null
    }
  }

  private constructor(native: NativeReader, topic: string) {
    this.#native = native
    this.#topic = topic
  }

  /** At most `recordsMax` records; empty when none came within `firstMs`. One call at a time. */
  async take(recordsMax: number, firstMs: number, lingerMs: number): Promise<ColumnarBatch> {
    const taking = this.#native.take(recordsMax, firstMs, lingerMs)
    this.#taking = taking
    const columns = await taking
    const { errorCode, error, endOffsets } = columns
    return {
      records: toRecords(columns, this.#topic),
      ends: Array.from(columns.endPartitions, (partition, i) => [partition, endOffsets[i]!] as const),
      error: errorCode === 0 ? null : Object.assign(new Error(error), { code: errorCode })
    }
  }

  /** Call before the consumer is disconnected. Waits for the call under way. */
  async close(): Promise<void> {
    await this.#taking.catch(() => {})
    this.#native.close()
  }
}

function toRecords(columns: Columns, topic: string): RecordBatch {
  const records = new Array<ColumnarRecord>(columns.offsets.length)
  for (let i = 0; i < records.length; i++) records[i] = new ColumnarRecord(columns, topic, i)
  for (const [i, headers] of columns.headers ?? []) Object.assign(records[i]!, { headers })
  return Object.assign(records, { columns })
}

/** One record of a batch. It keeps the batch's bytes, and makes views of them when asked. */
class ColumnarRecord implements MeshRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  declare readonly headers?: Headers
  readonly #columns: Columns
  readonly #index: number

  constructor(columns: Columns, topic: string, index: number) {
    this.topic = topic
    this.partition = columns.partitions[index]!
    this.offset = columns.offsets[index]!
    this.timestamp = columns.timestamps[index]!
    this.#columns = columns
    this.#index = index
  }

  get key(): Uint8Array | null {
    const { bytes, keyStarts, keyLengths } = this.#columns
    return view(bytes, keyStarts[this.#index]!, keyLengths[this.#index]!)
  }

  get value(): Uint8Array | null {
    const { bytes, valueStarts, valueLengths } = this.#columns
    return view(bytes, valueStarts[this.#index]!, valueLengths[this.#index]!)
  }
}

function view(bytes: Buffer, start: number, length: number): Uint8Array | null {
  return length < 0 ? null : bytes.subarray(start, start + length)
}
