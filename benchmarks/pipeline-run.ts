/** The moving parts of `bench pipeline`: a pipeline on a topic of the embedded broker, and the producer process. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { RecordableHistogram } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { createDecoder } from '../lib/adapters/decoder.js'
import { configSchema, type Config } from '../lib/config/schema.js'
import { EMBEDDED_PARTITIONS } from '../lib/mesh/embedded-broker.js'
import type { EventMesh, Subscription } from '../lib/mesh/event-mesh.js'
import { noMetrics } from '../lib/observability/pipeline-metrics.js'
import { Pipeline } from '../lib/pipeline/pipeline.js'
import { AtLeastOnce } from '../lib/pipeline/at-least-once.js'
import { meshSink } from '../lib/pipeline/sink.js'
import type { ToProducer } from './pipeline-records.js'

export const WINDOWS = [64, 4096, 65_536] as const
export const SLIDE = 100
/** Records between producer and commit: deep enough for full batches, far below what the broker keeps. */
export const AHEAD_MAX = 40_000
/** How often the producer is told how far the pipeline is. */
const TELL_MS = 5

export const outputTopic = (topic: string): string => `${topic}.diagrams`

export interface RunOptions {
  readonly topic: string
  readonly streams: number
  /** Gets the latency of each batch, in microseconds. */
  readonly latency: RecordableHistogram
}

export class PipelineRun {
  readonly #producer: Producer
  readonly #options: RunOptions
  readonly #source: CountingSource
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #asked = 0

  static async start(mesh: EventMesh, producer: Producer, options: RunOptions): Promise<PipelineRun> {
    const config = configOf(options)
    for (const topic of [options.topic, config.output.topic, config.output.deadLetterTopic]) {
      await mesh.createStream(topic, EMBEDDED_PARTITIONS)
    }
    const source = new CountingSource(await mesh.subscribe(options.topic, { groupId: 'tda-bench' }))
    return new PipelineRun(mesh, producer, options, config, source)
  }

  private constructor(
    mesh: EventMesh,
    producer: Producer,
    options: RunOptions,
    config: Config,
    source: CountingSource
  ) {
    this.#producer = producer
    this.#options = options
    this.#source = source
    const pipeline = new Pipeline({
      config,
      source,
      decoder: createDecoder(config),
      delivery: new AtLeastOnce(meshSink(mesh, config), source),
      metrics: {
        ...noMetrics,
        endToEnd: (seconds) => options.latency.record(Math.max(1, Math.round(seconds * 1e6)))
      },
      signal: this.#stop.signal
    })
    this.#running = pipeline.run()
  }

  /** Has `count` more records produced; resolves when their results are acknowledged and they are committed. */
  async records(count: number): Promise<void> {
    const { topic, streams } = this.#options
    this.#asked += count
    const tell = setInterval(() => this.#tell(), TELL_MS)
    try {
      this.#producer.send({ kind: 'task', topic, streams, records: count, aheadMax: AHEAD_MAX })
      await Promise.race([this.#source.committed(this.#asked), this.#running, this.#producer.lost])
    } finally {
      clearInterval(tell)
    }
    this.#tell()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
    await this.#source.close()
  }

  #tell(): void {
    this.#producer.send({ kind: 'finished', topic: this.#options.topic, records: this.#source.total })
  }
}

/** A subscription that knows how many records have been committed; its topic starts at offset 0. */
class CountingSource implements Subscription {
  readonly #inner: Subscription
  readonly #next = new Map<number, number>()
  #wanted = Infinity
  #reached: () => void = () => undefined
  total = 0

  constructor(inner: Subscription) {
    this.#inner = inner
  }

  events(options: Parameters<Subscription['events']>[0]): ReturnType<Subscription['events']> {
    return this.#inner.events(options)
  }

  async commit(next: ReadonlyMap<number, number>): Promise<ReadonlySet<number>> {
    const committed = await this.#inner.commit(next)
    for (const [partition, offset] of next) {
      this.total += offset - (this.#next.get(partition) ?? 0)
      this.#next.set(partition, offset)
    }
    if (this.total >= this.#wanted) this.#reached()
    return committed
  }

  lag(): Promise<ReadonlyMap<number, number>> {
    return this.#inner.lag()
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  /** Resolves when that many records have been committed. One waiter at a time. */
  committed(records: number): Promise<void> {
    this.#wanted = records
    return new Promise((resolve) => {
      this.#reached = resolve
      if (this.total >= records) resolve()
    })
  }
}

export class Producer {
  /** Rejects when the process ends before it was asked to. */
  readonly lost: Promise<never>
  readonly #child: ChildProcess
  #ending = false

  static async start(brokers: readonly string[]): Promise<Producer> {
    const producer = new Producer(fork(fileURLToPath(new URL('pipeline-producer.js', import.meta.url))))
    producer.send({ kind: 'connect', brokers })
    await Promise.race([once(producer.#child, 'message'), producer.lost])
    return producer
  }

  private constructor(child: ChildProcess) {
    this.#child = child
    this.lost = new Promise((_, reject) => {
      child.once('exit', (code, signal) => {
        if (!this.#ending)
          reject(new Error(`the producer process ended early: ${signal ?? `exit code ${code}`}`))
      })
    })
    this.lost.catch(() => undefined) // Whoever waits for the producer races against it.
  }

  send(message: ToProducer): void {
    if (this.#child.connected) this.#child.send(message)
  }

  async end(): Promise<void> {
    this.#ending = true
    if (this.#child.exitCode !== null) return
    const ended = once(this.#child, 'exit')
    this.send({ kind: 'end' })
    await ended
  }
}

function configOf({ topic }: RunOptions): Config {
  return configSchema.parse({
    input: { topic, channels: ['value'] },
    scales: WINDOWS.map((window) => ({
      name: `window-${window}`,
      window,
      slide: SLIDE,
      filtration: 'sublevel'
    })),
    output: { topic: outputTopic(topic), deadLetterTopic: `${topic}.dead-letters` },
    streams: { max: 100_000 }
  })
}
