/**
 * The conditions of the alerts (`deploy/prometheus/rules.yaml`) as far as one or two scrapes can tell: without their
 * patience (`for`), so they speak earlier, and without those that need history. Each is named after its alert, and its
 * chapter in docs/runbook.md. A test compares names and thresholds.
 */
import { histogramQuantile, type Exposition } from './exposition-reader.js'

export interface Condition {
  /** Name of the alert. */
  readonly alert: string
  /** What is the case, for people. */
  readonly text: string
}

export const LIMITS = {
  lagRecords: 10_000,
  latencySeconds: 0.01,
  rejectedRatio: 0.01,
  memoryRatio: 0.8,
  utilisationRatio: 0.95,
  eventLoopSeconds: 0.25
} as const

/** What is not as it should be. `before`: an earlier scrape of the same process; without it rates are unknown. */
export function conditions(now: Exposition, before?: Exposition): Condition[] {
  const found: Condition[] = []
  const report = (alert: string, holds: boolean, text: string): void => {
    if (holds) found.push({ alert, text })
  }
  const gauge = (name: string, labels = {}): number => now.value(name, labels) ?? 0
  const grown = (name: string, labels = {}): number =>
    before === undefined ? 0 : Math.max(0, gauge(name, labels) - (before.value(name, labels) ?? 0))
  const state = (kind: string): boolean => gauge('tda_pipeline_state', { state: kind }) === 1
  const lag = gauge('tda_consumer_lag_records')
  const consumed = grown('tda_records_consumed_total')

  report('TdaBrokerDown', now.value('tda_broker_up') === 0, 'no broker answers')
  report(
    'TdaBreakerOpen',
    gauge('tda_breaker_state', { state: 'open' }) === 1,
    'calls to the brokers are suspended'
  )
  const stalled = before !== undefined && state('running') && consumed === 0
  report(
    'TdaStalled',
    stalled && lag > 0 && (before.value('tda_consumer_lag_records') ?? 0) > 0,
    `${lag} records wait, and none is taken`
  )
  const grows = before !== undefined && lag > (before.value('tda_consumer_lag_records') ?? lag)
  report('TdaLagGrowing', lag > LIMITS.lagRecords && grows, `${lag} records behind, and falling back further`)
  const p99 = histogramQuantile(now, 'tda_compute_latency_seconds', 0.99, before)
  report(
    'TdaLatencyHigh',
    p99 !== undefined && p99 > LIMITS.latencySeconds,
    `computing a batch takes ${((p99 ?? 0) * 1000).toFixed(1)} ms at p99`
  )
  const rejected = grown('tda_records_rejected_total')
  const ratio = consumed === 0 ? 0 : rejected / consumed
  report('TdaErrorRateHigh', ratio > LIMITS.rejectedRatio, `${percent(ratio)} of the records cannot be used`)
  report('TdaDeadLetters', rejected > 0 && ratio <= LIMITS.rejectedRatio, `${rejected} dead letters`)
  for (const stage of now.labelValues('tda_errors_total', 'stage')) {
    if (stage === 'decode' || stage === 'admit') continue
    const errors = grown('tda_errors_total', { stage })
    report('TdaOperationsFailing', errors > 0, `${stage} has failed ${errors} times`)
  }
  const memory = gauge('tda_memory_limit_ratio')
  report('TdaMemoryHigh', memory >= LIMITS.memoryRatio, `${percent(memory)} of the memory limit is in use`)
  const progress = now.samples('tda_restore_progress_ratio').map(({ value }) => value)
  const slowest = progress.length === 0 ? '' : `, the slowest partition at ${percent(Math.min(...progress))}`
  report('TdaRestoreTooLong', state('restoring'), `windows are being rebuilt${slowest}`)
  report('TdaWaitingForPartitions', state('starting'), 'it has no partitions')
  const busy = gauge('tda_worker_utilisation_ratio')
  report(
    'TdaWorkersSaturated',
    busy > LIMITS.utilisationRatio,
    `worker threads are busy ${percent(busy)} of the time`
  )
  const delay = gauge('nodejs_eventloop_lag_p99_seconds')
  report(
    'TdaEventLoopSlow',
    delay > LIMITS.eventLoopSeconds,
    `the main thread is blocked for ${Math.round(delay * 1000)} ms at p99`
  )
  return found
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(ratio < 0.1 ? 1 : 0)} %`
}
