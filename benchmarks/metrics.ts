/**
 * Question: what do metrics cost, in processor time a record of the whole process, answering scrapes included?
 * Sketch:   a batch of 4096 records takes some 15 ms of processor time; some 15 calls of 0.1 to 0.5 us are 0.05 %. Answering a
 *           scrape takes 5 ms; one in some 3 s of work is 0.2 %, and five times what Prometheus asks for by default.
 * If not:   something is called for every record; look at `PipelineReport` first.
 *
 * One pipeline runs all the time, windows full, fed from memory; metrics are switched between runs. Each run with metrics is
 * scraped once by HTTP, from another process. What the metrics of the process itself cost (event-loop delay, collections) is there in both, so
 * it is measured by itself: case `process`, of two processes that do nothing else, in turns too, as a part of a processor.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createDecoder } from '../lib/adapters/decoder.js'
import { parseExposition } from '../lib/cli/top/exposition-reader.js'
import { configSchema, type Config } from '../lib/config/schema.js'
import { startHttpServer, type HttpServer } from '../lib/observability/http-server.js'
import { createMetrics, type Metrics } from '../lib/observability/metrics.js'
import { AtLeastOnce } from '../lib/pipeline/at-least-once.js'
import { noMetrics, type PipelineMetrics } from '../lib/observability/pipeline-metrics.js'
import { Pipeline } from '../lib/pipeline/pipeline.js'
import { MemoryTopic } from './memory-topic.js'
import type { IdleTime } from './metrics-idle.js'
import { excess, inTurns, overhead } from './paired.js'
import { pipelineValues, streamOf } from './pipeline-records.js'
import { BenchmarkMismatch, type BenchmarkResult } from './report.js'

const WINDOWS = [64, 4096, 65_536] as const
const SLIDE = 100
const STREAMS = 4
const STATES = ['off', 'on'] as const
type State = (typeof STATES)[number]

export interface MetricsBenchmark {
  /** Rounds: in each, a run without metrics and one with. */
  readonly pairs: number
  /** Records of one run. */
  readonly records: number
  /** Milliseconds that an idle process of case `process` is watched at a time. */
  readonly idle: number
}

export async function* benchmarkMetrics({
  pairs,
  records,
  idle
}: MetricsBenchmark): AsyncGenerator<BenchmarkResult> {
  const run = await Run.start()
  try {
    await run.records(STREAMS * WINDOWS.at(-1)!) // Windows are full, code is warm.
    const costs = await inTurns(STATES, pairs, (state) => run.timed(state, records))
    yield {
      suite: 'metrics',
      case: 'pipeline',
      params: { streams: STREAMS, records, windows: WINDOWS.join(' '), slide: SLIDE, scrapes: 1 },
      repetitions: pairs,
      ...overhead(costs.get('off')!, costs.get('on')!),
      checksum: await run.checked()
    }
  } finally {
    await run.end()
  }
  const processes = { off: idleProcess(false), on: idleProcess(true) }
  try {
    const costs = await inTurns(STATES, pairs, (state) => cpuOf(processes[state], idle))
    yield {
      suite: 'metrics',
      case: 'process',
      params: { idle },
      repetitions: pairs,
      ...excess(costs.get('off')!, costs.get('on')!),
      checksum: '0'.repeat(16)
    }
  } finally {
    for (const child of Object.values(processes)) child.disconnect()
  }
}

function idleProcess(withMetrics: boolean): ChildProcess {
  return fork(fileURLToPath(new URL('metrics-idle.js', import.meta.url)), [String(withMetrics)])
}

/** The part of one processor that the process takes in so many ms of doing nothing. */
async function cpuOf(child: ChildProcess, ms: number): Promise<number> {
  const answer = once(child, 'message')
  child.send(ms)
  const [{ cpuMs, tookMs }] = (await answer) as [IdleTime]
  return cpuMs / tookMs
}

/** One pipeline over a topic in memory; what it publishes goes nowhere. */
class Run {
  readonly #metrics: Metrics
  readonly #server: HttpServer
  readonly #scraper = fork(fileURLToPath(new URL('metrics-scraper.js', import.meta.url)))
  readonly #topic: MemoryTopic
  readonly #pipeline: Pipeline
  readonly #running: Promise<void>
  readonly #switch: { target: PipelineMetrics }
  readonly #hash = createHash('sha256')
  #measured = 0
  #published = 0

  static async start(): Promise<Run> {
    const metrics = createMetrics()
    const health = { live: true, ready: true, reason: 'running' }
    const server = await startHttpServer({ host: '127.0.0.1', port: 0, metrics, health: () => health })
    return new Run(metrics, server)
  }

  private constructor(metrics: Metrics, server: HttpServer) {
    const config = configuration()
    const values = pipelineValues()
    this.#metrics = metrics
    this.#server = server
    this.#switch = { target: noMetrics }
    this.#topic = new MemoryTopic((offset) => ({
      topic: 'bench',
      partition: 0,
      offset,
      key: Buffer.from(streamOf(offset, STREAMS)),
      value: Buffer.from(`{"value":${values[offset % values.length]!}}`),
      timestamp: 0
    }))
    const sink = {
      publish: async (updates: readonly { readonly value: string | Uint8Array | null }[]) => {
        this.#published += this.#switch.target === metrics ? updates.length : 0
        this.#hash.update(updates[0]?.value ?? '')
      },
      reject: async () => {}
    }
    this.#pipeline = new Pipeline({
      config,
      source: this.#topic,
      decoder: createDecoder(config),
      delivery: new AtLeastOnce(sink, this.#topic),
      metrics: switched(this.#switch)
    })
    metrics.beforeScrape(() => this.#pipeline.sample())
    this.#running = this.#pipeline.run()
  }

  async records(count: number): Promise<void> {
    await Promise.race([this.#topic.feed(count), this.#running])
  }

  /** Nanoseconds of processor time a record. */
  async timed(state: State, records: number): Promise<number> {
    this.#switch.target = state === 'on' ? this.#metrics : noMetrics
    if (state === 'on') this.#measured += records
    const before = process.cpuUsage()
    await Promise.all([this.records(records), state === 'on' ? this.#scrape() : undefined])
    const { user, system } = process.cpuUsage(before)
    return ((user + system) * 1000) / records
  }

  async #scrape(): Promise<void> {
    const answer = once(this.#scraper, 'message')
    this.#scraper.send(`${this.#server.url}/metrics`)
    const [{ bytes }] = (await answer) as [{ bytes: number }]
    if (bytes === 0) throw new BenchmarkMismatch('metrics: a scrape was answered with nothing')
  }

  /** What was counted must be what was fed and published meanwhile. */
  async checked(): Promise<string> {
    this.#switch.target = noMetrics
    const read = parseExposition(await this.#metrics.text())
    const counted = [read.value('tda_records_consumed_total'), read.value('tda_updates_published_total')]
    if (counted[0] !== this.#measured || counted[1] !== this.#published) {
      throw new BenchmarkMismatch(
        `metrics: counted ${counted.join(' records and ')} updates, expected ${this.#measured} and ${this.#published}`
      )
    }
    return this.#hash.digest('hex').slice(0, 16)
  }

  async end(): Promise<void> {
    await this.#topic.close()
    await this.#running
    this.#scraper.disconnect()
    await this.#server.close()
  }
}

/** Metrics that go where `to` points now. */
function switched(to: { readonly target: PipelineMetrics }): PipelineMetrics {
  const names = Object.keys(noMetrics).filter((name) => name !== 'streamsWatched')
  const calls = names.map((name) => [
    name,
    (...values: unknown[]) =>
      (to.target as unknown as Record<string, (...values: unknown[]) => void>)[name]!(...values)
  ])
  return { ...noMetrics, ...(Object.fromEntries(calls) as Partial<PipelineMetrics>) }
}

function configuration(): Config {
  return configSchema.parse({
    input: { topic: 'bench', channels: ['value'] },
    scales: WINDOWS.map((window) => ({
      name: `window-${window}`,
      window,
      slide: SLIDE,
      filtration: 'sublevel'
    }))
  })
}
