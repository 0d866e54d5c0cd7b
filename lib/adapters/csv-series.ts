/** A whole CSV file as series in memory, for commands that look at all points of a stream at once. */
import type { Config } from '../config/schema.js'
import { TdaError } from '../errors.js'
import type { CsvFile } from './csv-file.js'
import { createDecoder, type RejectReason, type StreamPoints } from './decoder.js'
import { configForFile, fileRecords } from './file-records.js'

/** Most numbers read into memory: with what is made of them about 1.5 GiB. */
const NUMBERS_MAX = 1 << 24

/** All points of one stream, as columns. */
export interface FileSeries {
  readonly stream: string
  readonly count: number
  readonly channels: number
  /** Row-major, `count x channels`. */
  readonly values: Float64Array
  /** Milliseconds since the epoch; `null` without event time. */
  readonly timestamps: Float64Array | null
  /** The row of each point, from 0. */
  readonly offsets: Float64Array
  readonly indices: Uint32Array
}

export interface SeriesOfFile {
  /** In order of first appearance. */
  readonly series: readonly FileSeries[]
  readonly rows: number
  /** Rows that could not be used, by reason. */
  readonly rejected: ReadonlyMap<RejectReason, number>
}

/**
 * Reads all streams of the file. `progress` hears after every few thousand rows.
 * @throws {TdaError} FILE when the file cannot be read or has more than 2^24 numbers; CONFIG_INVALID for a column that
 * the file does not have.
 */
export async function readSeries(file: CsvFile, config: Config, progress: () => void): Promise<SeriesOfFile> {
  const decoder = createDecoder(configForFile(config, file))
  const channels = config.input.channels.length
  const parts = new Map<string, StreamPoints[]>()
  const rejected = new Map<RejectReason, number>()
  let points = 0
  let rows = 0
  for await (const records of fileRecords(file, config.pipeline.recordsMax)) {
    const batch = decoder.decode(records)
    rows += records.length
    points += batch.points
    if (points * channels > NUMBERS_MAX) {
      throw new TdaError(
        'FILE',
        `${file.path} has more than ${NUMBERS_MAX} numbers; use replay, which does not keep them`
      )
    }
    for (const { reason } of batch.rejected) rejected.set(reason, (rejected.get(reason) ?? 0) + 1)
    for (const one of batch.streams) {
      const known = parts.get(one.stream)
      if (known === undefined) parts.set(one.stream, [one])
      else known.push(one)
    }
    progress()
  }
  const series = [...parts].map(([stream, list]) => joined(stream, channels, list))
  return { series, rows, rejected }
}

function joined(stream: string, channels: number, parts: readonly StreamPoints[]): FileSeries {
  const count = parts.reduce((sum, part) => sum + part.count, 0)
  const timed = parts[0]!.timestamps !== null
  const values = new Float64Array(count * channels)
  const timestamps = timed ? new Float64Array(count) : null
  const offsets = new Float64Array(count)
  const indices = new Uint32Array(count)
  let at = 0
  for (const part of parts) {
    values.set(part.values, at * channels)
    timestamps?.set(part.timestamps!, at)
    offsets.set(part.offsets, at)
    indices.set(part.indices, at)
    at += part.count
  }
  return { stream, count, channels, values, timestamps, offsets, indices }
}
