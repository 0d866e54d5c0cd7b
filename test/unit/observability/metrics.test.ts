import { PerformanceObserver } from 'node:perf_hooks'
import { expect, test } from '@jest/globals'
import { createMetrics, type Metrics } from '../../../lib/observability/metrics.js'
import { histogramQuantile, parseExposition } from '../../../lib/cli/top/exposition-reader.js'
import type { EngineCounters } from '../../../lib/native.js'
import { seeded } from '../../support/pipeline-world.js'

/** The value of a series, by its exact name and labels. */
async function value(metrics: Metrics, series: string): Promise<number | undefined> {
  const line = (await metrics.text()).split('\n').find((one) => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

const work = (one: number): EngineCounters => ({
  columns: one,
  pivots: 2 * one,
  edits: 3 * one,
  arenaBytes: 4 * one
})

test('what the pipeline reports appears under Prometheus names', async () => {
  const metrics = createMetrics()
  metrics.recordsConsumed(3)
  metrics.pointsProcessed(5)
  metrics.recordsRejected('non_finite', 2)
  metrics.timestampsBackwards(1)
  metrics.updatesPublished(4, 1000)
  metrics.failed('BROKER')
  metrics.batchLatency(0.0012)
  metrics.endToEnd(-5)
  metrics.publishLatency(60)
  metrics.state('restoring')
  metrics.state('running')
  metrics.queueDepth('batches', 2)
  metrics.consumerLag(1, 7)
  metrics.brokerUp(true)
  metrics.workerUtilisation(0.5)
  metrics.streams(9)
  metrics.ringBytes(4096)
  metrics.scale('fast', { points: 64, pairs: 12, loops: 5, voids: 1, bytes: 512, counters: work(100) })
  metrics.featuresExtracted('fast', 6)
  metrics.error('deliver', 'BROKER')
  metrics.computeLatency(0.0004)
  metrics.memoryLimit(1e9)
  metrics.logLinesLeftOut('worker', 3)
  metrics.topicLatency('out', 0.004)
  metrics.topicFailed('out', '-195')
  metrics.clientFailed('consumer', '-195')
  metrics.clientFailed('producer', '-169')
  metrics.partitionEndToEnd(3, 0.3)
  const expected = {
    tda_records_consumed_total: 3,
    tda_points_processed_total: 5,
    'tda_records_rejected_total{reason="non_finite"}': 2,
    'tda_records_rejected_total{reason="unparsable"}': 0,
    tda_timestamps_backwards_total: 1,
    tda_updates_published_total: 4,
    tda_published_bytes_total: 1000,
    'tda_pipeline_failures_total{code="BROKER"}': 1,
    'tda_processing_latency_seconds_bucket{le="0.001"}': 0,
    'tda_processing_latency_seconds_bucket{le="0.0015"}': 1,
    tda_end_to_end_latency_seconds_sum: 0,
    'tda_publish_latency_seconds_bucket{le="30"}': 0,
    tda_publish_latency_seconds_count: 1,
    'tda_pipeline_state{state="running"}': 1,
    'tda_pipeline_state{state="restoring"}': 0,
    'tda_queue_depth{queue="batches"}': 2,
    'tda_consumer_lag_records{partition="1"}': 7,
    tda_broker_up: 1,
    tda_worker_utilisation_ratio: 0.5,
    tda_streams: 9,
    tda_ring_bytes: 4096,
    'tda_window_points{scale="fast"}': 64,
    'tda_window_bytes{scale="fast"}': 512,
    'tda_diagram_pairs{scale="fast",dimension="0"}': 6,
    'tda_diagram_pairs{scale="fast",dimension="1"}': 5,
    'tda_diagram_pairs{scale="fast",dimension="2"}': 1,
    'tda_engine_columns_reduced_total{scale="fast"}': 100,
    'tda_engine_pivots_walked_total{scale="fast"}': 200,
    'tda_engine_edits_total{scale="fast"}': 300,
    'tda_engine_arena_bytes{scale="fast"}': 400,
    'tda_features_extracted_total{scale="fast"}': 6,
    'tda_errors_total{stage="deliver",type="BROKER"}': 1,
    'tda_errors_total{stage="decode",type="non_finite"}': 2,
    'tda_errors_total{stage="decode",type="too_many_points"}': 0,
    'tda_errors_total{stage="admit",type="window_capacity"}': 0,
    'tda_compute_latency_seconds_bucket{le="0.0005"}': 1,
    'tda_topic_publish_latency_seconds_bucket{le="0.002",topic="out"}': 0,
    'tda_topic_publish_latency_seconds_bucket{le="0.005",topic="out"}': 1,
    'tda_topic_errors_total{topic="out",code="-195"}': 1,
    'tda_kafka_client_errors_total{client="consumer",code="-195"}': 1,
    'tda_kafka_client_errors_total{client="producer",code="-195"}': 0,
    'tda_kafka_client_errors_total{client="producer",code="-169"}': 1,
    'tda_partition_end_to_end_latency_seconds_sum{partition="3"}': 0.3,
    tda_memory_limit_bytes: 1e9,
    'tda_log_lines_left_out_total{component="worker"}': 3
  }
  for (const [series, number] of Object.entries(expected)) {
    expect([series, await value(metrics, series)]).toEqual([series, number])
  }
  expect(metrics.contentType()).toMatch(/^text\/plain/)
})

test('a partition that was given up has no series any more', async () => {
  const metrics = createMetrics()
  metrics.consumerLag(3, 1)
  metrics.consumerLag(3, null)
  expect(await value(metrics, 'tda_consumer_lag_records{partition="3"}')).toBeUndefined()
  metrics.partitionConsumed(3, 5)
  metrics.partitionEndToEnd(3, 1)
  metrics.partitionEndToEnd(4, 1)
  metrics.partitionConsumed(3, null)
  const text = await metrics.text()
  expect(text).not.toContain('partition="3"')
  expect(text).toContain('tda_partition_end_to_end_latency_seconds_count{partition="4"} 1')
})

test('gauges are sampled before each scrape, and the process tells of itself', async () => {
  const metrics = createMetrics()
  let streams = 0
  metrics.beforeScrape(async () => {
    await Promise.resolve()
    metrics.streams(++streams)
  })
  expect(await value(metrics, 'tda_streams')).toBe(1)
  expect(await value(metrics, 'tda_streams')).toBe(2)
  expect(await value(metrics, 'process_resident_memory_bytes')).toBeGreaterThan(0)
  expect(await metrics.text()).toContain('nodejs_eventloop_lag_p99_seconds')
})

test('two pipelines in one process do not share their counts', async () => {
  const [one, other] = [createMetrics(), createMetrics()]
  one.pointsProcessed(5)
  expect(await value(other, 'tda_points_processed_total')).toBe(0)
})

const TRACE = '0af7651916cd43dd8448eb211c80319c'

test('an exemplar names the trace, in OpenMetrics only, and never disturbs the other format', async () => {
  const metrics = createMetrics()
  metrics.batchLatency(0.004, TRACE)
  metrics.batchLatency(0.0002, 'no trace id')
  metrics.pointsProcessed(7)
  const plain = await metrics.text()
  const open = await metrics.text('openmetrics')
  const bucket = open
    .split('\n')
    .find((line) => line.includes('processing_latency_seconds_bucket{le="0.005"}'))
  expect(bucket).toMatch(
    new RegExp(
      `^tda_processing_latency_seconds_bucket\\{le="0.005"\\} 2 # \\{trace_id="${TRACE}"\\} 0.004 [0-9.]+$`
    )
  )
  expect(open).toContain('# TYPE tda_points_processed counter\ntda_points_processed_total 7\n')
  expect(open).toMatch(/# EOF\n$/)
  expect(open.match(/trace_id/g)).toHaveLength(1)
  expect(plain).not.toContain(TRACE)
  // Asking for OpenMetrics leaves the names of the other format as they were.
  expect(await metrics.text()).toContain(
    '# TYPE tda_points_processed_total counter\ntda_points_processed_total 7\n'
  )
  expect(metrics.contentType('openmetrics')).toMatch(/^application\/openmetrics-text; version=1.0.0/)
})

test('without exemplars no trace is named, from the next one on', async () => {
  const metrics = createMetrics({ streams: [], exemplars: false })
  metrics.endToEnd(1, TRACE)
  expect(await metrics.text('openmetrics')).not.toContain(TRACE)
  metrics.reconfigure({ streams: [], exemplars: true })
  metrics.endToEnd(1, TRACE)
  expect(await metrics.text('openmetrics')).toContain(TRACE)
})

test('only watched streams have series, at most so many, and they go with the list', async () => {
  const metrics = createMetrics({ streams: ['a'], exemplars: true })
  const scales = new Map([['fast', { points: 4, pairs: 3, loops: 1, voids: 0, bytes: 9, counters: work(1) }]])
  for (const stream of ['a', 'b']) {
    metrics.streamPoints(stream, 10)
    metrics.stream(stream, { scales })
  }
  expect([...metrics.streamsWatched]).toEqual(['a'])
  expect(await value(metrics, 'tda_stream_points_total{stream="a"}')).toBe(10)
  expect(await value(metrics, 'tda_stream_window_points{stream="a",scale="fast"}')).toBe(4)
  expect(await value(metrics, 'tda_stream_diagram_pairs{stream="a",scale="fast",dimension="0"}')).toBe(2)
  expect(await metrics.text()).not.toContain('stream="b"')
  metrics.streamPoints('a', 15)
  expect(await value(metrics, 'tda_stream_points_total{stream="a"}')).toBe(25)
  metrics.stream('a', null) // given up, and taken again: it goes on
  expect(await value(metrics, 'tda_stream_window_points{stream="a",scale="fast"}')).toBeUndefined()
  metrics.streamPoints('a', 5)
  metrics.stream('a', { scales })
  expect(await value(metrics, 'tda_stream_window_points{stream="a",scale="fast"}')).toBe(4)
  expect(await value(metrics, 'tda_stream_points_total{stream="a"}')).toBe(30)
  metrics.reconfigure({ streams: ['b'], exemplars: true })
  expect(await metrics.text()).not.toContain('stream="a"')
  expect(await value(metrics, 'tda_stream_points_total{stream="b"}')).toBe(0)
})

test('law: quantiles read from the buckets are within a quarter of the true ones, from 0.1 to 100 ms', async () => {
  const random = seeded(5)
  for (const center of [2e-4, 1e-3, 4e-3, 0.02, 0.06]) {
    const metrics = createMetrics()
    const samples = Array.from({ length: 4000 }, () => center * (0.6 + 0.9 * random()))
    for (const sample of samples) metrics.batchLatency(sample)
    samples.sort((a, b) => a - b)
    const read = parseExposition(await metrics.text())
    for (const quantile of [0.5, 0.95, 0.99]) {
      const truth = samples[Math.ceil(quantile * samples.length) - 1]!
      const estimate = histogramQuantile(read, 'tda_processing_latency_seconds', quantile)!
      expect([center, quantile, Math.abs(estimate / truth - 1) < 0.25]).toEqual([center, quantile, true])
    }
  }
})

test('every collection is counted, also those that an observer gets together', async () => {
  const metrics = createMetrics()
  const collected = async (): Promise<number> => {
    const read = parseExposition(await metrics.text())
    const kinds = ['major', 'minor', 'incremental', 'weakcb', 'other']
    return kinds.reduce(
      (sum, kind) => sum + (read.value('nodejs_gc_duration_seconds_count', { kind }) ?? 0),
      0
    )
  }
  let seen = 0
  const entries = new PerformanceObserver((list) => (seen += list.getEntries().length))
  const before = await collected()
  entries.observe({ entryTypes: ['gc'] })
  const kept: unknown[] = []
  for (let i = 0; i < 200_000; i++) kept.push({ i, text: `${i}` })
  while (seen < 2)
    await new Promise((resolve) => setImmediate(resolve)).then(() =>
      kept.push(new Array(10_000).fill(kept.length))
    )
  entries.disconnect()
  expect((await collected()) - before).toBeGreaterThanOrEqual(seen)
})

test('what engines count only grows, whatever they hold', async () => {
  const metrics = createMetrics()
  const totals = { points: 0, pairs: 0, loops: 0, voids: 0, bytes: 0 }
  metrics.scale('a', { ...totals, counters: work(10) })
  metrics.scale('a', { ...totals, counters: { ...work(15), arenaBytes: 3 } })
  expect(await value(metrics, 'tda_engine_edits_total{scale="a"}')).toBe(45)
  expect(await value(metrics, 'tda_engine_arena_bytes{scale="a"}')).toBe(3)
})
