/**
 * From records to points. Pure: the same records give the same columns and the same refusals, and a record with several
 * points is taken or refused whole. What a record looks like is the reader's business (`json-reader.ts`,
 * `csv-reader.ts`, `binary-reader.ts`); what is done with its points is here.
 *
 * Cost: see `benchmarks/RESULTS.md`; a one-point JSON record takes 0.6 us, a third of it where records come in columns.
 */
import type { Config } from '../config/schema.js'
import type { MeshRecord, RecordBatch } from '../mesh/event-mesh.js'
import { binaryReader } from './binary-reader.js'
import { csvReader } from './csv-reader.js'
import { flatJson } from './flat-json.js'
import { jsonReader } from './json-reader.js'
import { PointCollector } from './point-collector.js'
import type { InputConfig, RecordReader } from './record-reader.js'

/** Why a record is not used. Stable: metrics labels and dead letter headers carry it. */
export const REJECT_REASONS = [
  'unparsable',
  'wrong_dimension',
  'non_finite',
  'missing_field',
  'missing_key',
  'bad_timestamp',
  'timestamp_backwards',
  'too_many_points',
  'too_many_streams',
  'memory_pressure',
  'window_capacity',
  'distance_overflow',
  'no_direction',
  'empty'
] as const
export type RejectReason = (typeof REJECT_REASONS)[number]

export interface RejectedRecord {
  readonly record: MeshRecord
  readonly reason: RejectReason
  /** For people: which field, what was found, what was expected. */
  readonly message: string
}

/** The points of one stream in one batch, in order, as columns. The columns are views; do not transfer their buffers. */
export interface StreamPoints {
  readonly partition: number
  readonly stream: string
  readonly count: number
  /** Row-major, `count x channels`. */
  readonly values: Float64Array
  /** Milliseconds since the epoch; `null` in streams without event time. */
  readonly timestamps: Float64Array | null
  /** The offset of the record each point came in. */
  readonly offsets: Float64Array
  /** The position of each point in its record, from 0. */
  readonly indices: Uint32Array
  /** The record each point came in, for dead letters. */
  readonly records: readonly MeshRecord[]
}

export interface DecodedBatch {
  /** One entry per (partition, stream), in order of first appearance. */
  readonly streams: readonly StreamPoints[]
  readonly rejected: readonly RejectedRecord[]
  /** Points in all streams together. */
  readonly points: number
}

export interface Decoder {
  decode(records: RecordBatch): DecodedBatch
}

const READERS: Record<InputConfig['format'], (input: InputConfig) => RecordReader> = {
  json: jsonReader,
  csv: csvReader,
  binary: binaryReader
}

/** A decoder for records as `config.input` describes them. It keeps scratch memory, so one per thread and pipeline. */
export function createDecoder(config: Config): Decoder {
  const { input } = config
  const timed = input.timestamp.from !== 'none'
  const collector = new PointCollector(input.channels.length, timed)
  const read = READERS[input.format](input)
  const flat = flatJson(input)
  return {
    decode(records) {
      const rejected: RejectedRecord[] = []
      const readFlat = flat !== null && records.columns !== undefined ? flat(records.columns) : null
      for (let i = 0; i < records.length; i++) {
        const record = records[i]!
        if (readFlat?.(record, i, collector) === true) continue
        const mark = collector.size
        const refusal = read(record, collector)
        if (refusal === null) continue
        collector.rewind(mark)
        rejected.push({ record, reason: refusal.reason, message: refusal.message })
      }
      const points = collector.size
      return { streams: collector.group(), rejected, points }
    }
  }
}
