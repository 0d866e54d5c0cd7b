/** What a load generator reports. Field names are stable; `streaming-tda load --json` prints the report as it is. */
import type { BulkPublisher } from '../mesh/bulk-publisher.js'
import type { LatencyFigures } from './latency.js'
import type { LoadPlan } from './options.js'
import type { RateFigures } from './rate-audit.js'
import type { ResourceFigures, ResourceTracker } from './resources.js'

/** How a run stands. */
export interface LoadProgress {
  readonly elapsedMs: number
  readonly sent: number
  readonly acknowledged: number
  readonly failed: number
  /** How late the next event is. */
  readonly behindMs: number
  readonly rssMiB: number
}

/** What a run sent and what became of it: events, times in seconds or ms, bytes. `scheduled` = `sent` + `unsent`. */
export interface LoadReport {
  readonly target: string
  readonly rate: number
  readonly durationMs: number
  readonly arrival: string
  /** Name of the data, or `rows`. */
  readonly data: string
  readonly channels: readonly string[]
  readonly streams: number
  readonly skew: number
  readonly format: string
  readonly pointsPerRecord: number
  readonly seed: number
  /** From the start to the last event sent, or to the stop. */
  readonly seconds: number
  /** Whether it was asked to stop before its end. */
  readonly stopped: boolean
  /** Events the schedule had until then. */
  readonly scheduled: number
  readonly sent: number
  /** Scheduled, but not sent within duration and drain. */
  readonly unsent: number
  readonly acknowledged: number
  readonly failed: number
  /** Sent, and neither acknowledged nor failed when the drain was over. */
  readonly unconfirmed: number
  /** What the first failure said. */
  readonly firstFailure: string | null
  readonly points: number
  /** Of the values sent. */
  readonly valueBytes: number
  readonly eventsPerSecond: number
  /** Every second of the run against its schedule; `null` in `worst` for a run below a second. */
  readonly held: RateFigures
  /** From intended to handed over, in ms: how late the generator itself was. */
  readonly sendDelayMs: LatencyFigures | null
  /** From intended to acknowledged, in ms; told up to `resolutionMs` late. */
  readonly publishLatencyMs: (LatencyFigures & { readonly resolutionMs: number }) | null
  readonly resources: ResourceFigures
}

export interface LoadOutcome {
  readonly target: BulkPublisher
  readonly seconds: number
  readonly stopped: boolean
  readonly scheduled: number
  readonly sent: number
  readonly acknowledged: number
  readonly failed: number
  readonly firstFailure: Error | null
  readonly bytes: number
  readonly rate: RateFigures
  readonly sendDelay: LatencyFigures | null
  readonly publish: LatencyFigures | null
  readonly resources: ResourceTracker
}

export function loadReport(plan: LoadPlan, outcome: LoadOutcome): LoadReport {
  const { target, seconds, scheduled, sent, acknowledged, failed, publish } = outcome
  return {
    target: target.description,
    rate: plan.rate,
    durationMs: plan.durationMs,
    arrival: plan.arrival,
    data: typeof plan.data === 'string' ? plan.data : 'rows',
    channels: plan.channels,
    streams: plan.streams,
    skew: plan.skew,
    format: plan.format,
    pointsPerRecord: plan.pointsPerRecord,
    seed: plan.seed,
    seconds,
    stopped: outcome.stopped,
    scheduled,
    sent,
    unsent: scheduled - sent,
    acknowledged,
    failed,
    unconfirmed: sent - acknowledged - failed,
    firstFailure: outcome.firstFailure?.message ?? null,
    points: sent * plan.pointsPerRecord,
    valueBytes: outcome.bytes,
    eventsPerSecond: seconds > 0 ? sent / seconds : 0,
    held: outcome.rate,
    sendDelayMs: outcome.sendDelay,
    publishLatencyMs: publish === null ? null : { ...publish, resolutionMs: target.resolutionMs },
    resources: outcome.resources.figures()
  }
}
