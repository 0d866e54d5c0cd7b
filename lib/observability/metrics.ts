/**
 * Prometheus metrics of the pipeline; with `process-metrics.ts`, `stream-metrics.ts` and `exposition.ts` all that knows
 * prom-client. Names end in their unit; counters in `_total`. All series whose labels are known beforehand exist from the start, at 0, so that a rate over the first
 * rejected record is a rate and not a hole.
 *
 * Cost: counters about 0.1 us, histograms 0.5 us; the pipeline calls them once per batch.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { REJECT_REASONS, type RejectReason } from '../adapters/decoder.js'
import type { Config } from '../config/schema.js'
import type { BreakerState } from '../mesh/broker-guard.js'
import {
  PIPELINE_STATES,
  STAGES,
  type PipelineMetrics,
  type Stage,
  type TransactionCount
} from './pipeline-metrics.js'
import { EngineMetrics } from './engine-metrics.js'
import { exposition, type ExpositionFormat } from './exposition.js'
import { registerProcessMetrics } from './process-metrics.js'
import { DROP_REASONS, noStatistics, type TracingStatistics } from './tracing/tracing-statistics.js'
import { byDimension, StreamMetrics } from './stream-metrics.js'

/** 0.1 to 100 ms in six steps a decade, so that quantiles are good to about 25 %; then up to half a minute. */
const LATENCY_BUCKETS = [
  ...[1e-4, 1e-3, 1e-2].flatMap((decade) =>
    [1, 1.5, 2, 3, 5, 7].map((step) => Number((step * decade).toPrecision(2)))
  ),
  ...[0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30]
]

/** Where a record is found out: by the decoder, or when a point of it asks to enter. */
const STAGE_OF: Readonly<Record<RejectReason, Stage>> = {
  unparsable: 'decode',
  wrong_dimension: 'decode',
  non_finite: 'decode',
  missing_field: 'decode',
  missing_key: 'decode',
  bad_timestamp: 'decode',
  too_many_points: 'decode',
  empty: 'decode',
  timestamp_backwards: 'admit',
  too_many_streams: 'admit',
  memory_pressure: 'admit',
  window_capacity: 'admit',
  distance_overflow: 'admit',
  no_direction: 'admit'
}

/** librdkafka's numbers of what an outage brings: a broken connection, no answer in time. */
const OUTAGE_CODES = [-195, -185]

const TRACE_ID = /^[0-9a-f]{32}$/
const BREAKER_STATES: readonly BreakerState[] = ['closed', 'half-open', 'open']
const TRANSACTION_COUNTS: readonly TransactionCount[] = ['committed', 'aborted', 'retried', 'fenced', 'lost']

/** The pipeline's metrics with their face to Prometheus. */
export interface Metrics extends PipelineMetrics {
  /** What became of spans since the start of the process: before a scrape. */
  tracing(statistics: TracingStatistics): void
  /** Lines of the log that a limit kept back. */
  logLinesLeftOut(component: string, count: number): void
  /** Which streams have series of their own, and whether exemplars are kept. At any time. */
  reconfigure(settings: Config['metrics']): void
  /** What sets the gauges before every scrape, instead of what did so before; what it throws fails that scrape. */
  beforeScrape(sample: () => void | Promise<void>): void
  /** The exposition of all metrics in Prometheus' text format, or as OpenMetrics (with exemplars), after sampling. */
  text(format?: ExpositionFormat): Promise<string>
  contentType(format?: ExpositionFormat): string
}

/**
 * Metrics with a registry of their own, so that several pipelines may live in one process: give them to `createDaemon`
 * to serve them from an endpoint of your own. All are listed in docs/metrics.md.
 *
 * @param settings `metrics` of a configuration: which streams have series of their own, and whether exemplars are kept.
 * @example
 * const metrics = createMetrics()
 * metrics.memoryLimit(2 ** 30)
 * const text = await metrics.text()
 * console.log(text.includes('tda_memory_limit_bytes 1073741824'), metrics.contentType().split(';')[0]) // true text/plain
 */
export function createMetrics(settings: Config['metrics'] = { streams: [], exemplars: true }): Metrics {
  const registry = new Registry()
  registerProcessMetrics(registry)
  const watched = new StreamMetrics(registry)
  const engines = new EngineMetrics(registry)
  const { render, contentType } = exposition(registry)
  const registers = [registry]
  const counter = (name: string, help: string, ...labelNames: string[]): Counter =>
    new Counter({ name, help, labelNames, registers })
  const gauge = (name: string, help: string, ...labelNames: string[]): Gauge =>
    new Gauge({ name, help, labelNames, registers })
  const latency = (name: string, help: string): Histogram =>
    new Histogram({ name, help, buckets: LATENCY_BUCKETS, registers })
  const latencyOfTraces = (name: string, help: string): Histogram => {
    const enableExemplars = true
    const histogram = new Histogram({ name, help, buckets: LATENCY_BUCKETS, enableExemplars, registers: [] })
    registry.registerMetric(histogram) // As a register of its own it would be refused: only the view shows exemplars.
    return histogram
  }

  const consumed = counter(
    'tda_records_consumed_total',
    'Records taken from the source, replayed ones included.'
  )
  const partitionRecords = counter(
    'tda_partition_records_consumed_total',
    'Records taken from a partition since it was assigned.',
    'partition'
  )
  const rebalances = counter('tda_rebalances_total', 'Times partitions came or went.', 'kind')
  const topicRecords = counter('tda_topic_records_total', 'Records acknowledged by a topic.', 'topic')
  const topicBytes = counter('tda_topic_bytes_total', 'Bytes acknowledged by a topic.', 'topic')
  const transactions = counter('tda_transactions_total', 'Transactions by what became of them.', 'outcome')
  const brokerErrors = counter(
    'tda_broker_errors_total',
    "Calls to the brokers that failed and were repeated, by librdkafka's error number.",
    'code'
  )
  const omitted = counter(
    'tda_results_omitted_total',
    'Results that the output topic did not take because they were too long.'
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
  const checkpoints = counter('tda_checkpoints_total', 'Checkpoints of the state of streams handed over.')
  const checkpointBytes = counter('tda_checkpoint_bytes_total', 'Bytes of the records of these checkpoints.')
  const replayed = counter(
    'tda_restore_records_total',
    'Records of before the committed offset that were read to rebuild windows.'
  )
  const features = counter(
    'tda_features_extracted_total',
    'Updates of a scale whose features were computed.',
    'scale'
  )
  const errors = counter(
    'tda_errors_total',
    'Records refused (type: the reason) and operations failed (type: the error code), by stage.',
    'stage',
    'type'
  )
  const leftOut = counter(
    'tda_log_lines_left_out_total',
    'Lines kept out of the log by a limit.',
    'component'
  )
  const failures = counter('tda_pipeline_failures_total', 'Why the pipeline failed.', 'code')
  const processing = latencyOfTraces(
    'tda_processing_latency_seconds',
    'From the arrival of a batch until its results were acknowledged.'
  )
  const endToEnd = latencyOfTraces(
    'tda_end_to_end_latency_seconds',
    "From the log's timestamp of a batch's newest record until its results were acknowledged."
  )
  const computing = latency(
    'tda_compute_latency_seconds',
    'From the arrival of a batch until its updates were computed, ready to be delivered.'
  )
  const publishing = latency(
    'tda_publish_latency_seconds',
    'From handing results to the sink until it acknowledged them.'
  )
  const state = gauge('tda_pipeline_state', '1 for the state the pipeline is in, 0 for the others.', 'state')
  const queue = gauge('tda_queue_depth', 'Entries in a bounded queue.', 'queue')
  const lag = gauge('tda_consumer_lag_records', 'Records of a partition not read yet.', 'partition')
  const restoring = gauge(
    'tda_restore_progress_ratio',
    "Part of the records that rebuild a partition's windows which are read; 1 when they are complete.",
    'partition'
  )
  const broker = gauge('tda_broker_up', '1 while brokers answer, 0 when none did for 10 s.')
  const breaker = gauge('tda_breaker_state', '1 for the state the circuit breaker is in.', 'state')
  const spoolBytes = gauge('tda_spool_bytes', 'Bytes that wait in the spool on disk.')
  const spoolRecords = gauge('tda_spool_records', 'Outcomes that wait in the spool on disk.')
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
  const pairs = gauge(
    'tda_diagram_pairs',
    'Pairs in the diagrams of a scale, all streams.',
    'scale',
    'dimension'
  )
  const spans = counter('tda_trace_spans_exported_total', 'Spans acknowledged by the collector.')
  const lostSpans = counter(
    'tda_trace_spans_dropped_total',
    'Spans that did not get to the collector.',
    'reason'
  )
  const forgottenTraces = counter(
    'tda_traces_forgotten_total',
    'Traces given up before it was decided whether to keep them, because too many were under way.'
  )
  for (const reason of DROP_REASONS) lostSpans.inc({ reason }, 0)
  let traced = noStatistics
  const memoryMax = gauge('tda_memory_limit_bytes', 'What point rings and engines may take.')
  for (const reason of REJECT_REASONS) {
    rejected.inc({ reason }, 0)
    errors.inc({ stage: STAGE_OF[reason], type: reason }, 0)
  }
  for (const stage of STAGES) {
    if (stage !== 'decode' && stage !== 'admit') errors.inc({ stage, type: 'BROKER' }, 0)
  }
  for (const outcome of TRANSACTION_COUNTS) transactions.inc({ outcome }, 0)
  for (const kind of ['assigned', 'revoked']) rebalances.inc({ kind }, 0)
  for (const code of OUTAGE_CODES) brokerErrors.inc({ code }, 0)
  let exemplars = settings.exemplars
  watched.watch(settings.streams)
  const observe = (histogram: Histogram, seconds: number, traceId: string | undefined): void => {
    const named = exemplars && traceId !== undefined && TRACE_ID.test(traceId)
    // prom-client's types know nothing of the arguments of a histogram with exemplars.
    histogram.observe({
      value: seconds,
      ...(named ? { exemplarLabels: { trace_id: traceId } } : {})
    } as never)
  }
  let sampler: () => void | Promise<void> = () => {}

  return {
    recordsConsumed: (count) => consumed.inc(count),
    partitionConsumed(partition, count) {
      if (count === null) partitionRecords.remove({ partition })
      else partitionRecords.inc({ partition }, count)
    },
    rebalanced: (kind) => rebalances.inc({ kind }),
    published(topic, count, size) {
      topicRecords.inc({ topic }, count)
      topicBytes.inc({ topic }, size)
    },
    transaction: (outcome) => transactions.inc({ outcome }),
    brokerFailed: (code) => brokerErrors.inc({ code }),
    breaker: (now) => BREAKER_STATES.forEach((one) => breaker.set({ state: one }, one === now ? 1 : 0)),
    spool(size, count) {
      spoolBytes.set(size)
      spoolRecords.set(count)
    },
    resultsOmitted: (count) => omitted.inc(count),
    pointsProcessed: (count) => points.inc(count),
    streamPoints: (stream, count) => watched.appended(stream, count),
    recordsRejected(reason, count) {
      rejected.inc({ reason }, count)
      errors.inc({ stage: STAGE_OF[reason], type: reason }, count)
    },
    timestampsBackwards: (count) => backwards.inc(count),
    updatesPublished(count, size) {
      updates.inc(count)
      bytes.inc(size)
    },
    checkpointed(_, size) {
      checkpoints.inc()
      checkpointBytes.inc(size)
    },
    recordsReplayed: (count) => replayed.inc(count),
    featuresExtracted: (scale, count) => features.inc({ scale }, count),
    error: (stage, code) => errors.inc({ stage, type: code }),
    failed: (code) => failures.inc({ code }),
    batchLatency: (seconds, traceId) => observe(processing, seconds, traceId),
    // Clocks of two machines may disagree.
    endToEnd: (seconds, traceId) => observe(endToEnd, Math.max(0, seconds), traceId),
    computeLatency: (seconds) => computing.observe(seconds),
    publishLatency: (seconds) => publishing.observe(seconds),
    state: (kind) => PIPELINE_STATES.forEach((one) => state.set({ state: one }, one === kind ? 1 : 0)),
    queueDepth: (name, depth) => queue.set({ queue: name }, depth),
    brokerUp: (up) => broker.set(up ? 1 : 0),
    consumerLag(partition, records) {
      if (records === null) lag.remove({ partition })
      else lag.set({ partition }, records)
    },
    restoreProgress(partition, ratio) {
      if (ratio === null) restoring.remove({ partition })
      else restoring.set({ partition }, ratio)
    },
    workerUtilisation: (ratio) => utilisation.set(ratio),
    memoryLimit: (size) => memoryMax.set(size),
    memoryRatio: (ratio) => memory.set(ratio),
    streams: (count) => streams.set(count),
    ringBytes: (size) => ringBytes.set(size),
    scale(scale, totals) {
      windowPoints.set({ scale }, totals.points)
      windowBytes.set({ scale }, totals.bytes)
      byDimension(totals).forEach((count, dimension) => pairs.set({ scale, dimension }, count))
      engines.set(scale, totals.counters)
    },
    get streamsWatched() {
      return watched.watched
    },
    stream: (stream, totals) => watched.set(stream, totals),
    logLinesLeftOut: (component, count) => leftOut.inc({ component }, count),
    reconfigure({ streams: names, exemplars: keep }) {
      exemplars = keep
      watched.watch(names)
    },
    tracing(statistics) {
      spans.inc(statistics.exported - traced.exported)
      for (const reason of DROP_REASONS) {
        lostSpans.inc({ reason }, statistics.dropped[reason] - traced.dropped[reason])
      }
      forgottenTraces.inc(statistics.forgotten - traced.forgotten)
      traced = statistics
    },
    beforeScrape(sample) {
      sampler = sample
    },
    async text(format = 'prometheus') {
      await sampler()
      return render(format)
    },
    contentType
  }
}
