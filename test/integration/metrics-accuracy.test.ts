/** Counters under load: after a million records with scrapes all the while, every one of them equals the truth. */
import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect, test } from '@jest/globals'
import { validateConfig } from '../../lib/config/load.js'
import { Exposition, parseExposition } from '../../lib/cli/top/exposition-reader.js'
import type { DiagramMessage } from '../../lib/diagram.js'
import type { MeshEvent, MeshRecord, Transactions } from '../../lib/mesh/event-mesh.js'
import { startHttpServer } from '../../lib/observability/http-server.js'
import { createMetrics } from '../../lib/observability/metrics.js'
import { ExactlyOnce } from '../../lib/pipeline/exactly-once.js'
import { healthOf } from '../../lib/pipeline/health.js'
import { topicsOf } from '../../lib/pipeline/sink.js'
import { MemorySink, pipelineOf, ScriptedSource } from '../support/pipeline-world.js'

const PARTITIONS = 2
const SCRAPES_MIN = 10
const BATCHES = 256
const RECORDS = 4000
const STREAMS = 8
const WATCHED = 's-3'
/** Of each batch, this record is refused. */
const POISON = 17

/** Batches of both partitions in turns; made as they are read. */
function* log(): Generator<MeshEvent> {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({
    partition,
    low: 0,
    resume: 0,
    committed: null
  }))
  yield { kind: 'assigned', partitions }
  const good = Array.from({ length: 11 }, (_, x) => Buffer.from(`{"x":${(x * 7) % 11}}`))
  const bad = Buffer.from('{"x":"poison"}')
  for (let batch = 0; batch < BATCHES; batch++) {
    const first = Math.floor(batch / PARTITIONS) * RECORDS
    const records = Array.from({ length: RECORDS }, (_, i): MeshRecord => ({
      topic: 'points',
      partition: batch % PARTITIONS,
      offset: first + i,
      key: Buffer.from(`s-${i % STREAMS}`),
      value: i === POISON ? bad : good[Math.floor((first + i) / STREAMS) % good.length]!,
      timestamp: Date.now()
    }))
    yield { kind: 'records', records }
  }
}

const config = validateConfig({
  input: { channels: ['x'] },
  pipeline: { workers: 1 },
  metrics: { streams: [WATCHED] },
  scales: [
    { name: 'short', window: 64, slide: 50, filtration: 'sublevel' },
    { name: 'long', window: 1024, slide: 100, filtration: 'superlevel' }
  ]
})

/** Brokers that count what is committed, topic by topic. */
class CountingBrokers implements Transactions {
  readonly topics = new Map<string, { records: number; bytes: number }>()
  readonly committed = new Map<number, number>()
  /** Before each transaction. */
  pause: () => Promise<void> = () => Promise.resolve()
  readonly #sink: MemorySink

  constructor(sink: MemorySink) {
    this.#sink = sink
  }

  async commit({ records: parts, next }: Parameters<Transactions['commit']>[0]): Promise<boolean> {
    await this.pause()
    for (const { topic, records } of parts) {
      const sums = this.topics.get(topic) ?? { records: 0, bytes: 0 }
      for (const { key, value } of records) sums.bytes += (key?.length ?? 0) + (value?.length ?? 0)
      sums.records += records.length
      this.topics.set(topic, sums)
      if (topic === config.output.topic) await this.#sink.publish(records)
    }
    for (const [partition, offset] of next) this.committed.set(partition, offset)
    return true
  }

  async close(): Promise<void> {}
}

test('after 10^6 records with concurrent scrapes counters and histograms equal the truth', async () => {
  const metrics = createMetrics(config.metrics)
  const sink = new MemorySink()
  const brokers = new CountingBrokers(sink)
  const delivery = new ExactlyOnce({
    transactions: brokers,
    topics: topicsOf(config),
    intervalMs: 0,
    repeat: (attempt) => attempt(),
    metrics
  })
  let running = true
  let scrapes = 0
  let transactions = 0
  brokers.pause = async () => {
    // However fast the batches are, scrapes fall between them: on a slow machine transactions are few, and each waits for one.
    const before = scrapes
    if (++transactions % 16 === 0 || scrapes <= SCRAPES_MIN)
      while (running && scrapes === before) await new Promise(setImmediate)
  }
  const stop = new AbortController()
  const source = new ScriptedSource(log(), false)
  const pipeline = pipelineOf(config, source, sink, { metrics, delivery, signal: stop.signal })
  metrics.beforeScrape(() => pipeline.sample())
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    metrics,
    health: () => healthOf(pipeline.state)
  })
  // A connection each: one that is kept may be closed by the server just when a slow machine uses it again.
  const scraped = (accept = 'text/plain'): Promise<Exposition> =>
    new Promise((resolve, reject) => {
      get(`${server.url}/metrics`, { agent: false, headers: { accept } }, (answer) => {
        text(answer).then((read) => resolve(parseExposition(read)), reject)
      }).on('error', reject)
    })
  const scraper = async (accept: string): Promise<void> => {
    let before = new Exposition(new Map())
    while (running) {
      const now = await scraped(accept)
      for (const name of now.names.filter(
        (one) => one.startsWith('tda_') && /_(total|count|bucket)$/.test(one)
      )) {
        for (const { labels, value } of before.samples(name)) {
          if (now.value(name, labels)! < value) throw new Error(`${name} went back from ${value}`)
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
  const ended = pipeline.run()
  let truth: Exposition
  try {
    const perPartition = (BATCHES / PARTITIONS) * RECORDS
    const done = (): boolean => [0, 1].every((partition) => brokers.committed.get(partition) === perPartition)
    const over = ended.then(() => {
      throw new Error('the pipeline ended before its records')
    })
    over.catch(() => {})
    while (!done()) await Promise.race([over, scraping, new Promise(setImmediate)])
    running = false
    await scraping
    truth = await scraped()
  } finally {
    running = false
    stop.abort()
    await ended
    await server.close()
  }
  expect(scrapes).toBeGreaterThan(SCRAPES_MIN)

  const messages = [...sink.values.values()].flat().map((one) => JSON.parse(one) as DiagramMessage)
  const ofScale = (scale: string): DiagramMessage[] => messages.filter((one) => one.scale === scale)
  const updates = (scale: string): number =>
    ofScale(scale).filter((one) => one.type === 'update' && (one.part?.index ?? 0) === 0).length
  const edits = (scale: string): number =>
    ofScale(scale).reduce(
      (sum, one) =>
        one.type === 'update' ? sum + one.added.length + one.removed.length + one.moved.length : sum,
      0
    )
  const newestPairs = (scale: string): number => {
    const newest = new Map(
      ofScale(scale)
        .filter(({ stream }) => stream === WATCHED)
        .map((one) => [one.partition, one.features.pairs])
    )
    return [...newest.values()].reduce((sum, pairs) => sum + pairs, 0)
  }
  const pairsShown = (scale: string): number =>
    [0, 1, 2].reduce(
      (sum, dimension) =>
        sum +
        truth.value('tda_stream_diagram_pairs', { stream: WATCHED, scale, dimension: String(dimension) })!,
      0
    )
  const { output } = config
  const topic = (name: string): object => ({
    records: truth.value('tda_topic_records_total', { topic: name }),
    bytes: truth.value('tda_topic_bytes_total', { topic: name })
  })
  const perScale = (read: (scale: string) => unknown): object => ({
    short: read('short'),
    long: read('long')
  })
  const records = BATCHES * RECORDS
  expect(records).toBeGreaterThan(1e6)
  expect({
    records: truth.value('tda_records_consumed_total'),
    partitions: [0, 1].map((partition) =>
      truth.value('tda_partition_records_consumed_total', { partition: String(partition) })
    ),
    assigned: truth.value('tda_rebalances_total', { kind: 'assigned' }),
    points: truth.value('tda_points_processed_total'),
    rejected: truth.value('tda_records_rejected_total', { reason: 'unparsable' }),
    errors: truth.value('tda_errors_total', { stage: 'decode', type: 'unparsable' }),
    allErrors: truth.samples('tda_errors_total').reduce((sum, { value }) => sum + value, 0),
    updates: truth.value('tda_updates_published_total'),
    bytes: truth.value('tda_published_bytes_total'),
    omitted: truth.value('tda_results_omitted_total'),
    results: topic(output.topic),
    letters: topic(output.deadLetterTopic),
    features: perScale((scale) => truth.value('tda_features_extracted_total', { scale })),
    edits: perScale((scale) => truth.value('tda_engine_edits_total', { scale })),
    batches: truth.value('tda_processing_latency_seconds_count'),
    computed: truth.value('tda_compute_latency_seconds_count'),
    endToEnd: truth.value('tda_end_to_end_latency_seconds_count'),
    streams: truth.value('tda_streams'),
    watched: truth.value('tda_stream_points_total', { stream: WATCHED }),
    watchedWindow: perScale((scale) => truth.value('tda_stream_window_points', { stream: WATCHED, scale })),
    watchedPairs: perScale(pairsShown)
  }).toEqual({
    records,
    partitions: [records / 2, records / 2],
    assigned: 1,
    points: records - BATCHES,
    rejected: BATCHES,
    errors: BATCHES,
    allErrors: BATCHES,
    updates: sink.published,
    bytes: [...sink.values.values()].flat().reduce((sum, one) => sum + Buffer.byteLength(one), 0),
    omitted: 0,
    results: brokers.topics.get(output.topic),
    letters: { records: BATCHES, bytes: brokers.topics.get(output.deadLetterTopic)!.bytes },
    features: perScale(updates),
    edits: perScale(edits),
    batches: BATCHES,
    computed: BATCHES,
    endToEnd: BATCHES,
    streams: STREAMS * PARTITIONS,
    watched: records / STREAMS,
    watchedWindow: { short: 64 * PARTITIONS, long: 1024 * PARTITIONS },
    watchedPairs: perScale(newestPairs)
  })
  for (const name of ['tda_engine_columns_reduced_total', 'tda_engine_pivots_walked_total']) {
    for (const scale of ['short', 'long']) expect(truth.value(name, { scale })).toBeGreaterThan(records / 100)
  }
})
