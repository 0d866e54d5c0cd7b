/** What became of spans, and who is told about it. */

/** Why spans were lost. Stable: a metric's label. */
export const DROP_REASONS = ['queue_full', 'export_failed', 'trace_too_large'] as const
/** Why a span was lost: the queue was full, the collector did not take it, or its trace had too many. */
export type DropReason = (typeof DROP_REASONS)[number]

/** What became of the spans of this process, in spans. */
export interface TracingStatistics {
  /** Acknowledged by the collector. */
  readonly exported: number
  /** In the queue now. */
  readonly waiting: number
  readonly dropped: Readonly<Record<DropReason, number>>
  /** Traces not decided yet that were given up for newer ones; how many spans they would have had nobody knows. */
  readonly forgotten: number
}

export const noStatistics: TracingStatistics = {
  exported: 0,
  waiting: 0,
  dropped: { queue_full: 0, export_failed: 0, trace_too_large: 0 },
  forgotten: 0
}

/** The part of a pino logger that is used. */
export interface TracingLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}
