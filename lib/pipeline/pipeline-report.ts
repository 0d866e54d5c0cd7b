/** What the pipeline says of itself while it runs: counts, latencies and warnings, once per batch. */
import type { RejectedRecord, RejectReason } from '../adapters/decoder.js'
import type { DiagramMessage } from '../diagram.js'
import { TdaError } from '../errors.js'
import type { MeshRecord, OutgoingRecord } from '../mesh/event-mesh.js'
import type { MemoryLook } from '../scales/memory-gate.js'
import type { StreamSlice } from '../scales/stream-entry.js'
import type { JobMessages, PoolJob, WorkerLog } from '../scales/worker-pool.js'
import { resultPlace } from '../publishers/dead-letters.js'
import { componentLogger, type DetailedLogger, type PipelineLogger } from './pipeline-logger.js'
import type { PipelineMetrics, Stage } from '../observability/pipeline-metrics.js'

export type { PipelineLogger } from './pipeline-logger.js'

/**
 * Of each partition the log's newest timestamp in a batch, of records that `isLive` (default: all); nothing of partitions
 * that are only replayed, and where the log has no timestamps (-1).
 */
export function newestOf(
  records: readonly MeshRecord[],
  isLive: (record: MeshRecord) => boolean = () => true
): ReadonlyMap<number, number> {
  const newest = new Map<number, number>()
  let newestMs = 0
  for (const [i, record] of records.entries()) {
    const { partition, timestamp } = record
    if (records[i - 1]?.partition !== partition) newestMs = newest.get(partition) ?? 0
    if (timestamp <= newestMs || !isLive(record)) continue
    newestMs = timestamp
    newest.set(partition, timestamp)
  }
  return newest
}

/** What the worker threads say, as lines of component `worker`. */
export function workerLog(logger: PipelineLogger | undefined): WorkerLog {
  const log = componentLogger(logger, 'worker')
  return {
    get debugStream() {
      return log.debugStream
    },
    write(level, fields, message) {
      if (level === 'debug') log.detail(fields, message)
      else log[level](fields, message)
    }
  }
}

/** What has happened so far, for people. */
export interface PipelineTotals {
  readonly records: number
  readonly points: number
  readonly rejected: number
  readonly updates: number
}

const WARN_EVERY_MS = 1_000
const MIB = 1 << 20

export interface ReportParts {
  readonly metrics: PipelineMetrics
  readonly logger: PipelineLogger | undefined
  /** Names of the scales, in order. */
  readonly scales: readonly string[]
}

export class PipelineReport {
  readonly #metrics: PipelineMetrics
  readonly #logger: DetailedLogger
  readonly #scales: readonly string[]
  readonly #totals = { records: 0, points: 0, rejected: 0, updates: 0 }
  /** Failures that have been counted: a promise hands its error on to whoever waits for it. */
  readonly #counted = new WeakSet<object>()
  /** Rejected since the last warning. */
  #rejectedUnsaid = new Map<RejectReason, number>()
  #warnAgainAtMs = 0

  constructor({ metrics, logger, scales }: ReportParts) {
    this.#metrics = metrics
    this.#logger = componentLogger(logger, 'pipeline')
    this.#scales = scales
  }

  get totals(): PipelineTotals {
    return { ...this.#totals }
  }

  /** Counts a failure of `work` at its stage: the innermost that sees it. */
  async watched<T>(stage: Stage, work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      if (typeof error === 'object' && error !== null && !this.#counted.has(error)) {
        this.#counted.add(error)
        this.#metrics.error(stage, error instanceof TdaError ? error.code : 'INTERNAL')
      }
      throw error
    }
  }

  /** `backwards`: points among them whose timestamp went back. */
  taken(records: readonly MeshRecord[], slices: readonly StreamSlice[], backwards: number): void {
    const points = slices.reduce((sum, { count }) => sum + count, 0)
    this.#totals.records += records.length
    this.#totals.points += points
    this.#metrics.recordsConsumed(records.length)
    let from = 0
    for (const [i, { partition }] of records.entries()) {
      if (records[i + 1]?.partition === partition) continue
      this.#metrics.partitionConsumed(partition, i + 1 - from) // Partitions come in runs.
      from = i + 1
    }
    this.#metrics.pointsProcessed(points)
    const { streamsWatched } = this.#metrics
    if (streamsWatched.size > 0) {
      for (const { entry, count, replay } of slices) {
        if (!replay && streamsWatched.has(entry.stream)) this.#metrics.streamPoints(entry.stream, count)
      }
    }
    if (backwards > 0) this.#metrics.timestampsBackwards(backwards)
    this.#logger.debug({ records: records.length, points, slices: slices.length }, 'batch taken')
    const followed = this.#logger.debugStream
    if (followed === undefined) return
    for (const { entry, count, offsets, replay, timestamps } of slices) {
      if (entry.stream !== followed) continue
      const { stream, partition, next } = entry
      const [first, last] = [offsets[0], offsets[count - 1]]
      const newestTimestamp = timestamps?.[count - 1]
      const fields = { stream, partition, offset: first, lastOffset: last, points: count, next, replay }
      this.#logger.detail(
        { ...fields, ...(newestTimestamp === undefined ? {} : { newestTimestamp }) },
        'points taken'
      )
    }
  }

  /** Passes the results of a whole batch on, and measures how long they took. */
  async computed<T>(arrivedMs: number, results: Promise<T>): Promise<T> {
    const done = await results
    this.#metrics.computeLatency((performance.now() - arrivedMs) / 1000)
    return done
  }

  /** Passes the results of a round on, counted. */
  async advanced(jobs: readonly PoolJob[], results: Promise<JobMessages[]>): Promise<JobMessages[]> {
    const done = await this.watched('advance', results)
    const ofScales = this.#scales.map(() => 0)
    for (const [i, { scale }] of jobs.entries()) ofScales[scale]! += done[i]!.updates
    for (const [scale, updates] of ofScales.entries()) {
      if (updates > 0) this.#metrics.featuresExtracted(this.#scales[scale]!, updates)
    }
    return done
  }

  published(updates: readonly OutgoingRecord[], startedMs: number): void {
    let bytes = 0
    for (const { value } of updates) bytes += value?.length ?? 0
    this.#totals.updates += updates.length
    this.#metrics.publishLatency((performance.now() - startedMs) / 1000)
    this.#metrics.updatesPublished(updates.length, bytes)
    const ms = Math.round(performance.now() - startedMs)
    this.#logger.debug({ updates: updates.length, bytes, ms }, 'updates published')
    const followed = this.#logger.debugStream
    if (followed === undefined) return
    for (const { key, value } of updates) {
      if (key === followed && value !== null) this.#logger.detail(updateFields(value), 'update published')
    }
  }

  /** Results too long for their topic. */
  omitted(updates: ReadonlySet<OutgoingRecord>): void {
    this.#metrics.resultsOmitted(updates.size)
    const { stream, scale, sequence } = resultPlace([...updates][0]!.value)
    const fields = { results: updates.size, stream, scale, sequence }
    const advice = 'raise max.message.bytes of output.topic, or lower publish.maxBytes'
    this.#logger.warn(
      fields,
      `results too long for their topic went to the dead letters without value; ${advice}`
    )
  }

  /** Warns at most once a second, however many records are broken. */
  rejected(letters: readonly RejectedRecord[]): void {
    const reasons = new Map<RejectReason, number>()
    for (const { reason } of letters) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    for (const [reason, count] of reasons) {
      this.#metrics.recordsRejected(reason, count)
      this.#rejectedUnsaid.set(reason, (this.#rejectedUnsaid.get(reason) ?? 0) + count)
    }
    this.#totals.rejected += letters.length
    this.#detailRejected(letters)
    const now = performance.now()
    if (now < this.#warnAgainAtMs) return
    this.#warnAgainAtMs = now + WARN_EVERY_MS
    const { record, reason, message } = letters[0]!
    const { topic, partition, offset } = record
    const unsaid = Object.fromEntries(this.#rejectedUnsaid)
    const count = [...this.#rejectedUnsaid.values()].reduce((sum, one) => sum + one, 0)
    const fields = { topic, partition, offset, reason, records: count, reasons: unsaid }
    this.#rejectedUnsaid = new Map()
    this.#logger.warn(fields, `records rejected, for instance: ${message}`)
  }

  /** Once when memory has become short and once when it is not any more. */
  memory(open: boolean, { ratio, used }: MemoryLook): void {
    const [nativeMiB, residentMiB] = [used.native, used.resident].map((bytes) => Math.ceil(bytes / MIB))
    const fields = { ratio: Number(ratio.toFixed(3)), nativeMiB, residentMiB }
    const percent = `memory at ${Math.round(100 * ratio)} % of its limit`
    if (open) this.#logger.info(fields, `${percent}: new streams are admitted again`)
    else
      this.#logger.warn(fields, `${percent}: new streams are dead letters (memory_pressure) until it falls`)
  }

  /** `newest`: see {@link newestOf}. */
  finished(arrivedMs: number, newest: ReadonlyMap<number, number>, traceId?: string): void {
    this.#metrics.batchLatency((performance.now() - arrivedMs) / 1000, traceId)
    if (newest.size === 0) return
    const nowMs = Date.now()
    const ageOf = (timestampMs: number): number => Math.max(0, nowMs - timestampMs) / 1000
    this.#metrics.endToEnd(ageOf(Math.max(...newest.values())), traceId)
    for (const [partition, timestampMs] of newest) {
      this.#metrics.partitionEndToEnd(partition, ageOf(timestampMs))
    }
  }

  /** Records of the followed stream, where its name is their key: one that cannot be read has no other name. */
  #detailRejected(letters: readonly RejectedRecord[]): void {
    const followed = this.#logger.debugStream
    if (followed === undefined) return
    for (const { record, reason, message } of letters) {
      const { topic, partition, offset, key } = record
      if (key === null || Buffer.from(key).toString() !== followed) continue
      this.#logger.detail(
        { stream: followed, topic, partition, offset, reason },
        `record rejected: ${message}`
      )
    }
  }
}

/** What an update says of itself; it is read again because only a followed stream asks. */
function updateFields(value: string | Uint8Array): object {
  const message = JSON.parse(
    typeof value === 'string' ? value : Buffer.from(value).toString()
  ) as DiagramMessage
  const { type, stream, scale, sequence, partition, window } = message
  const changes =
    message.type === 'update'
      ? { added: message.added.length, removed: message.removed.length, moved: message.moved.length }
      : { pairs: message.pairs.length }
  const bytes = value.length
  const [offset] = window.last
  return { type, stream, scale, sequence, partition, offset, windowPoints: window.points, ...changes, bytes }
}
