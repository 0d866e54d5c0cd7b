/**
 * Prometheus metrics of the pipeline, and the only file that knows prom-client. Names end in their unit; counters in
 * `_total`. All series whose labels are known beforehand exist from the start, at 0, so that a rate over the first
 * rejected record is a rate and not a hole.
 *
 * Cost: counters about 0.1 us, histograms 0.5 us; the pipeline calls them once per batch.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { REJECT_REASONS } from '../adapters/decoder.js'
import type { PipelineStateKind } from '../pipeline/lifecycle.js'
import type { PipelineMetrics } from '../pipeline/pipeline-metrics.js'
import { DROP_REASONS, noStatistics, type TracingStatistics } from './tracing/tracing-statistics.js'

/** 0.1 to 100 ms in six steps a decade, so that quantiles are good to about 25 %; then up to half a minute. */
const LATENCY_BUCKETS = [
  ...[1e-4, 1e-3, 1e-2].flatMap((decade) =>
    [1, 1.5, 2, 3, 5, 7].map((step) => Number((step * decade).toPrecision(2)))
  ),
  ...[0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30]
]

const STATES: readonly PipelineStateKind[] = [
  'starting',
  'restoring',
  'running',
  'draining',
  'stopped',
  'failed'
]

/** The pipeline's metrics with their face to Prometheus. */
export interface Metrics extends PipelineMetrics {
  /** What became of spans since the start of the process: before a scrape. */
  tracing(statistics: TracingStatistics): void
  /** What sets the gauges before every scrape, instead of what did so before; what it throws fails that scrape. */
  beforeScrape(sample: () => void | Promise<void>): void
  /** The exposition text of all metrics, after sampling. */
  text(): Promise<string>
  readonly contentType: string
}

/** Metrics with a registry of their own, so that several pipelines may live in one process. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const counter = (name: string, help: string, ...labelNames: string[]): Counter =>
    new Counter({ name, help, labelNames, registers })
  const gauge = (name: string, help: string, ...labelNames: string[]): Gauge =>
    new Gauge({ name, help, labelNames, registers })
  const latency = (name: string, help: string): Histogram =>
    new Histogram({ name, help, buckets: LATENCY_BUCKETS, registers })

  const consumed = counter(
    'tda_records_consumed_total',
    'Records taken from the source, replayed ones included.'
  )
  const points = counter('tda_points_processed_total', 'Points appended to a window, replayed ones included.')
  const rejected = counter('tda_records_rejected_total', 'Records sent to the dead letter topic.', 'reason')
  const backwards = counter(
    'tda_timestamps_backwards_total',
    'Points appended in arrival order though their timestamp went back.'
  )
  const updates = counter(
    'tda_updates_published_total',
    'Messages with updates and snapshots acknowledged by the sink.'
  )
  const bytes = counter('tda_published_bytes_total', 'Bytes of the messages acknowledged by the sink.')
  const failures = counter('tda_pipeline_failures_total', 'Why the pipeline failed.', 'code')
  const processing = latency(
    'tda_processing_latency_seconds',
    'From the arrival of a batch until its results were acknowledged.'
  )
  const endToEnd = latency(
    'tda_end_to_end_latency_seconds',
    "From the log's timestamp of a batch's newest record until its results were acknowledged."
  )
  const publishing = latency(
    'tda_publish_latency_seconds',
    'From handing results to the sink until it acknowledged them.'
  )
  const state = gauge('tda_pipeline_state', '1 for the state the pipeline is in, 0 for the others.', 'state')
  const queue = gauge('tda_queue_depth', 'Entries in a bounded queue.', 'queue')
  const lag = gauge('tda_consumer_lag_records', 'Records of a partition not read yet.', 'partition')
  const broker = gauge('tda_broker_up', '1 while brokers answer, 0 when none did for 10 s.')
  const utilisation = gauge(
    'tda_worker_utilisation_ratio',
    'Part of the time since the last scrape that the worker threads were busy.'
  )
  const memory = gauge(
    'tda_memory_limit_ratio',
    'Part of the memory limit in use; from 0.8 on no new streams are admitted.'
  )
  const streams = gauge('tda_streams', 'Streams held.')
  const ringBytes = gauge('tda_ring_bytes', 'Native memory of the shared point rings.')
  const windowPoints = gauge('tda_window_points', 'Points in the windows of a scale, all streams.', 'scale')
  const windowBytes = gauge(
    'tda_window_bytes',
    'Native memory of the engines of a scale, all streams.',
    'scale'
  )
  const pairs = gauge('tda_diagram_pairs', 'Pairs in the diagrams of a scale, all streams.', 'scale')
  const spans = counter('tda_trace_spans_exported_total', 'Spans acknowledged by the collector.')
  const lostSpans = counter(
    'tda_trace_spans_dropped_total',
    'Spans that did not get to the collector.',
    'reason'
  )
  for (const reason of DROP_REASONS) lostSpans.inc({ reason }, 0)
  let traced = noStatistics
  for (const reason of REJECT_REASONS) rejected.inc({ reason }, 0)
  let sampler: () => void | Promise<void> = () => {}

  return {
    recordsConsumed: (count) => consumed.inc(count),
    pointsProcessed: (count) => points.inc(count),
    recordsRejected: (reason, count) => rejected.inc({ reason }, count),
    timestampsBackwards: (count) => backwards.inc(count),
    updatesPublished(count, size) {
      updates.inc(count)
      bytes.inc(size)
    },
    failed: (code) => failures.inc({ code }),
    batchLatency: (seconds) => processing.observe(seconds),
    endToEnd: (seconds) => endToEnd.observe(Math.max(0, seconds)), // clocks of two machines may disagree
    publishLatency: (seconds) => publishing.observe(seconds),
    state: (kind) => STATES.forEach((one) => state.set({ state: one }, one === kind ? 1 : 0)),
    queueDepth: (name, depth) => queue.set({ queue: name }, depth),
    brokerUp: (up) => broker.set(up ? 1 : 0),
    consumerLag(partition, records) {
      if (records === null) lag.remove({ partition })
      else lag.set({ partition }, records)
    },
    workerUtilisation: (ratio) => utilisation.set(ratio),
    memoryRatio: (ratio) => memory.set(ratio),
    streams: (count) => streams.set(count),
    ringBytes: (size) => ringBytes.set(size),
    scale(scale, totals) {
      windowPoints.set({ scale }, totals.points)
      windowBytes.set({ scale }, totals.bytes)
      pairs.set({ scale }, totals.pairs)
    },
    tracing(statistics) {
      spans.inc(statistics.exported - traced.exported)
      for (const reason of DROP_REASONS) {
        lostSpans.inc({ reason }, statistics.dropped[reason] - traced.dropped[reason])
      }
      traced = statistics
    },
    beforeScrape(sample) {
      sampler = sample
    },
    async text() {
      await sampler()
      return registry.metrics()
    },
    contentType: registry.contentType
  }
}
