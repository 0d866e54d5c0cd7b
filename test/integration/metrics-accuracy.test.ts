/** Counters under load: after a million points with scrapes all the while, every one of them equals the truth. */
import { expect, test } from '@jest/globals'
import { validateConfig } from '../../lib/config/load.js'
import { Exposition, parseExposition } from '../../lib/cli/top/exposition-reader.js'
import type { MeshEvent, MeshRecord } from '../../lib/mesh/event-mesh.js'
import { startHttpServer } from '../../lib/observability/http-server.js'
import { createMetrics } from '../../lib/observability/metrics.js'
import { healthOf } from '../../lib/pipeline/health.js'
import { assigned, MemorySink, pipelineOf, ScriptedSource } from '../support/pipeline-world.js'

const BATCHES = 256
const RECORDS = 100
const POINTS = 40
/** Of each batch, this record is refused. */
const POISON = 17

function* log(): Generator<MeshEvent> {
  yield assigned()
  const points = JSON.stringify(Array.from({ length: POINTS }, (_, i) => ({ x: (i * 7) % 11 })))
  const good = Buffer.from(points)
  const bad = Buffer.from('{"x":"poison"}')
  for (let batch = 0; batch < BATCHES; batch++) {
    const records = Array.from({ length: RECORDS }, (_, i): MeshRecord => ({
      topic: 'points',
      partition: 0,
      offset: batch * RECORDS + i,
      key: Buffer.from(`s-${i % 8}`),
      value: i === POISON ? bad : good,
      timestamp: Date.now()
    }))
    yield { kind: 'records', records }
  }
}

test('after 10^6 points with concurrent scrapes counters and histograms equal the truth', async () => {
  const config = validateConfig({
    input: { channels: ['x'] },
    pipeline: { workers: 1 },
    metrics: { streams: ['s-3'] },
    scales: [
      { name: 'short', window: 64, slide: 50, filtration: 'sublevel' },
      { name: 'long', window: 1024, slide: 100, filtration: 'superlevel' }
    ]
  })
  const metrics = createMetrics(config.metrics)
  const sink = new MemorySink()
  let running = true
  let scrapes = 0
  let bytes = 0
  let batches = 0
  const publish = sink.publish.bind(sink)
  sink.publish = async (updates) => {
    for (const { value } of updates) bytes += value!.length
    // However fast the batches are, scrapes fall between them.
    const before = scrapes
    if (++batches % 16 === 0) while (running && scrapes === before) await new Promise(setImmediate)
    return publish(updates)
  }
  const pipeline = pipelineOf(config, new ScriptedSource([...log()]), sink, { metrics })
  metrics.beforeScrape(() => pipeline.sample())
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    metrics,
    health: () => healthOf(pipeline.state)
  })
  const scraper = async (accept: string): Promise<void> => {
    let before = new Exposition(new Map())
    while (running) {
      const answer = await fetch(`${server.url}/metrics`, { headers: { accept } })
      const now = parseExposition(await answer.text())
      for (const name of now.names.filter(
        (one) => one.startsWith('tda_') && /_(total|count|bucket)$/.test(one)
      )) {
        for (const { labels, value } of before.samples(name)) {
          expect([name, now.value(name, labels)! >= value]).toEqual([name, true])
        }
      }
      const histogram = 'tda_processing_latency_seconds'
      expect(now.value(`${histogram}_bucket`, { le: '+Inf' })).toBe(now.value(`${histogram}_count`))
      before = now
      scrapes += 1
    }
  }
  const scraping = Promise.all(['text/plain', 'application/openmetrics-text', 'text/plain'].map(scraper))
  scraping.catch(() => (running = false))
  try {
    await pipeline.run()
  } finally {
    running = false
    await scraping
    await server.close()
  }
  expect(scrapes).toBeGreaterThan(10)
  metrics.beforeScrape(() => {})
  const truth = parseExposition(await metrics.text())
  const good = BATCHES * (RECORDS - 1)
  const updatesOf = (scale: string, type: string): number =>
    [...sink.values.values()]
      .flat()
      .filter((text) => text.startsWith(`{"type":"${type}","stream":`) && text.includes(`"scale":"${scale}"`))
      .length
  expect({
    records: truth.value('tda_records_consumed_total'),
    points: truth.value('tda_points_processed_total'),
    rejected: truth.value('tda_records_rejected_total', { reason: 'unparsable' }),
    errors: truth.value('tda_errors_total'),
    updates: truth.value('tda_updates_published_total'),
    bytes: truth.value('tda_published_bytes_total'),
    short: truth.value('tda_features_extracted_total', { scale: 'short' }),
    long: truth.value('tda_features_extracted_total', { scale: 'long' }),
    batches: truth.value('tda_processing_latency_seconds_count'),
    endToEnd: truth.value('tda_end_to_end_latency_seconds_count')
  }).toEqual({
    records: BATCHES * RECORDS,
    points: good * POINTS,
    rejected: BATCHES,
    errors: BATCHES,
    updates: sink.published,
    bytes,
    short: updatesOf('short', 'update'),
    long: updatesOf('long', 'update'),
    batches: BATCHES,
    endToEnd: BATCHES
  })
  expect(good * POINTS).toBeGreaterThan(1e6)
}, 300_000)
