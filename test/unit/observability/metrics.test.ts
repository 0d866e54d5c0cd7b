import { expect, test } from '@jest/globals'
import { createMetrics, type Metrics } from '../../../lib/observability/metrics.js'

/** The value of a series, by its exact name and labels. */
async function value(metrics: Metrics, series: string): Promise<number | undefined> {
  const line = (await metrics.text()).split('\n').find((one) => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

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
  metrics.scale('fast', { points: 64, pairs: 12, bytes: 512 })
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
    'tda_diagram_pairs{scale="fast"}': 12
  }
  for (const [series, number] of Object.entries(expected)) {
    expect([series, await value(metrics, series)]).toEqual([series, number])
  }
  expect(metrics.contentType).toMatch(/^text\/plain/)
})

test('a partition that was given up has no lag', async () => {
  const metrics = createMetrics()
  metrics.consumerLag(3, 1)
  metrics.consumerLag(3, null)
  expect(await value(metrics, 'tda_consumer_lag_records{partition="3"}')).toBeUndefined()
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
