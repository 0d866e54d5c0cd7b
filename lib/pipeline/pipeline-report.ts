/** What the pipeline says of itself while it runs: counts, latencies and warnings, once per batch. */
import type { RejectedRecord, RejectReason } from '../adapters/decoder.js'
import type { MeshRecord, OutgoingRecord } from '../mesh/event-mesh.js'
import { resultPlace } from '../publishers/dead-letters.js'
import type { PipelineMetrics } from './pipeline-metrics.js'

/** The part of a pino logger that is used. */
export interface PipelineLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What has happened so far, for people. */
export interface PipelineTotals {
  readonly records: number
  readonly points: number
  readonly rejected: number
  readonly updates: number
}

const WARN_EVERY_MS = 1_000

export class PipelineReport {
  readonly #metrics: PipelineMetrics
  readonly #logger: PipelineLogger | undefined
  readonly #totals = { records: 0, points: 0, rejected: 0, updates: 0 }
  /** Rejected since the last warning. */
  #rejectedUnsaid = new Map<RejectReason, number>()
  #warnAgainAtMs = 0

  constructor(metrics: PipelineMetrics, logger: PipelineLogger | undefined) {
    this.#metrics = metrics
    this.#logger = logger
  }

  get totals(): PipelineTotals {
    return { ...this.#totals }
  }

  /** `backwards`: points among them whose timestamp went back. */
  taken(records: readonly MeshRecord[], points: number, backwards: number): void {
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
    if (backwards > 0) this.#metrics.timestampsBackwards(backwards)
  }

  published(updates: readonly OutgoingRecord[], startedMs: number): void {
    let bytes = 0
    for (const { value } of updates) bytes += value?.length ?? 0
    this.#totals.updates += updates.length
    this.#metrics.publishLatency((performance.now() - startedMs) / 1000)
    this.#metrics.updatesPublished(updates.length, bytes)
  }

  /** Results too long for their topic. */
  omitted(updates: ReadonlySet<OutgoingRecord>): void {
    this.#metrics.resultsOmitted(updates.size)
    const { stream, scale, sequence } = resultPlace([...updates][0]!.value)
    const fields = { results: updates.size, stream, scale, sequence }
    const advice = 'raise max.message.bytes of output.topic, or lower publish.maxBytes'
    this.#logger?.warn(
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
    const now = performance.now()
    if (now < this.#warnAgainAtMs) return
    this.#warnAgainAtMs = now + WARN_EVERY_MS
    const { record, reason, message } = letters[0]!
    const { topic, partition, offset } = record
    const unsaid = Object.fromEntries(this.#rejectedUnsaid)
    const count = [...this.#rejectedUnsaid.values()].reduce((sum, one) => sum + one, 0)
    const fields = { topic, partition, offset, reason, records: count, reasons: unsaid }
    this.#rejectedUnsaid = new Map()
    this.#logger?.warn(fields, `records rejected, for instance: ${message}`)
  }

  /** `newestMs`: the log's timestamp of the newest record, or null for a batch that was only replayed. */
  finished(arrivedMs: number, newestMs: number | null): void {
    this.#metrics.batchLatency((performance.now() - arrivedMs) / 1000)
    // A log without timestamps says -1.
    if (newestMs !== null && newestMs > 0) this.#metrics.endToEnd(Math.max(0, Date.now() - newestMs) / 1000)
  }
}
