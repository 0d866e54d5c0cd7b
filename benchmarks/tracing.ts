/**
 * Question: what does tracing cost, in processor time a record of the whole process, export included?
 * Sketch:   a batch of 4096 records takes some 20 ms of processor time; fifteen spans of 4 us are 0.3 %, and a record without
 *           a sampled context costs a look at its headers, some 30 ns.
 * If not:   something is done for every record; look at `PipelineSpans.batch` and `RecordOrigins` first.
 *
 * One pipeline runs all the time, windows full, fed from memory; tracing is switched between runs (see `paired.ts`). A run is
 * timed from its first record until its results are committed and its spans delivered to a collector, which is another
 * process, so that its time is not counted.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createDecoder } from '../lib/adapters/decoder.js'
import { configSchema, type Config } from '../lib/config/schema.js'
import type { TracingOptions } from '../lib/config/tracing.js'
import type { MeshRecord, OutgoingRecord } from '../lib/mesh/event-mesh.js'
import { DistributedTracer } from '../lib/observability/tracing/distributed-tracer.js'
import type { PipelineTracer } from '../lib/observability/tracing/pipeline-tracer.js'
import { AtLeastOnce } from '../lib/pipeline/at-least-once.js'
import { Pipeline } from '../lib/pipeline/pipeline.js'
import { MemoryTopic } from './memory-topic.js'
import { inTurns, overhead } from './paired.js'
import { pipelineValues, streamOf } from './pipeline-records.js'
import { BenchmarkMismatch, type BenchmarkResult } from './report.js'

const WINDOWS = [64, 4096, 65_536] as const
const SLIDE = 100
const STREAMS = 4
const VERIFY_RECORDS = 20_000
const CONTEXTS = 100_000

export interface TracingBenchmark {
  /** Rounds: in each, a run without tracing, one at 1 % and one at 100 %. */
  readonly pairs: number
  /** Records of one run. */
  readonly records: number
}

/** The part of batches, and of records by their senders, that is sampled. */
const PARTS = { off: 0, 'sampled-0.01': 0.01, 'sampled-1': 1 } as const
type State = keyof typeof PARTS
const STATES = Object.keys(PARTS) as State[]

export async function* benchmarkTracing({
  pairs,
  records
}: TracingBenchmark): AsyncGenerator<BenchmarkResult> {
  const collector = await Collector.start()
  const tracers: Tracers = {
    off: await DistributedTracer.start({ enabled: false }),
    on: await DistributedTracer.start(optionsOf('sampled-1', collector))
  }
  try {
    const checksum = await verify(tracers, collector)
    const run = new Run(tracers, collector)
    await run.records(STREAMS * WINDOWS.at(-1)!, 0) // Windows are full, code is warm.
    const costs = await inTurns(STATES, pairs, (state) => run.timed(state, records))
    await run.end()
    for (const state of STATES.slice(1)) {
      yield {
        suite: 'tracing',
        case: state,
        params: { streams: STREAMS, records, windows: WINDOWS.join(' '), slide: SLIDE, sampler: 'parent' },
        repetitions: pairs,
        ...overhead(costs.get('off')!, costs.get(state)!),
        checksum
      }
    }
  } finally {
    await tracers.on.shutdown()
    collector.end()
  }
}

interface Tracers {
  readonly off: DistributedTracer
  /** Always the same exporter, so that its start is not measured; the sampler changes. */
  readonly on: DistributedTracer
}

/** What is published is the same in every state, and spans arrive in those where they should. */
async function verify(tracers: Tracers, collector: Collector): Promise<string> {
  const checksums: string[] = []
  for (const state of STATES) {
    const before = await collector.bytes()
    const run = new Run(tracers, collector)
    await run.timed(state, VERIFY_RECORDS)
    await run.end()
    const received = (await collector.bytes()) - before
    if (received > 0 !== (state !== 'off')) {
      throw new BenchmarkMismatch(`tracing: ${received} bytes of spans were delivered in state ${state}`)
    }
    checksums.push(run.checksum())
  }
  const [first] = checksums
  if (checksums.some((one) => one !== first)) {
    throw new BenchmarkMismatch(`tracing: other values are published when traced: ${checksums.join(', ')}`)
  }
  return first!
}

function optionsOf(state: State, { endpoint }: Collector): TracingOptions {
  return { enabled: true, endpoint, sampler: { kind: 'parent', ratio: PARTS[state] } }
}

/** One pipeline over a topic in memory; what it publishes goes nowhere. */
class Run {
  readonly #tracers: Tracers
  readonly #collector: Collector
  readonly #spans: Readonly<Record<keyof Tracers, PipelineTracer>>
  #now: PipelineTracer
  readonly #hash = createHash('sha256')
  readonly #topic: MemoryTopic
  readonly #running: Promise<void>
  #part = 0

  constructor(tracers: Tracers, collector: Collector) {
    this.#tracers = tracers
    this.#collector = collector
    const values = pipelineValues()
    const contexts = new Map(Object.values(PARTS).map((part) => [part as number, contextsOf(part)]))
    this.#topic = new MemoryTopic((offset) => recordOf(offset, values, contexts.get(this.#part)!))
    const config = configuration()
    const names = {
      topic: config.input.topic,
      groupId: 'tda-bench',
      outputTopic: config.output.topic,
      deadLetterTopic: config.output.deadLetterTopic,
      scales: config.scales.map(({ name }) => name)
    }
    this.#spans = { off: tracers.off.pipeline(names), on: tracers.on.pipeline(names) }
    this.#now = this.#spans.off
    const spans: PipelineTracer = {
      batch: (arrival) => this.#now.batch(arrival),
      commit: (partitions, commit) => this.#now.commit(partitions, commit),
      failed: (error) => this.#now.failed(error)
    }
    const sink = {
      publish: async (updates: readonly OutgoingRecord[]) => {
        this.#hash.update(updates[0]?.value ?? '')
      },
      reject: async () => {}
    }
    const commits = {
      commit: (next: ReadonlyMap<number, number>) => spans.commit(next.size, () => this.#topic.commit(next))
    }
    const pipeline = new Pipeline({
      config,
      source: this.#topic,
      decoder: createDecoder(config),
      delivery: new AtLeastOnce(sink, commits),
      tracer: spans
    })
    this.#running = pipeline.run()
  }

  /** Resolves when the results of so many more records are committed; `part` of their senders have sampled. */
  async records(count: number, part: number): Promise<void> {
    this.#part = part
    await Promise.race([this.#topic.feed(count), this.#running])
  }

  /** Nanoseconds of processor time a record. */
  async timed(state: State, records: number): Promise<number> {
    const on = state !== 'off'
    if (on) await this.#tracers.on.reconfigure(optionsOf(state, this.#collector))
    this.#now = this.#spans[on ? 'on' : 'off']
    const before = process.cpuUsage()
    await this.records(records, PARTS[state])
    if (on) await this.#tracers.on.flush()
    const { user, system } = process.cpuUsage(before)
    return ((user + system) * 1000) / records
  }

  async end(): Promise<void> {
    await this.#topic.close()
    await this.#running
  }

  checksum(): string {
    return this.#hash.digest('hex').slice(0, 16)
  }
}

/**
 * A context a record; `part` of them, spread evenly, sampled. Made beforehand, and from bytes, as a client makes them: a
 * string that is still a concatenation would be put together by whoever looks at it first, which is tracing.
 */
function contextsOf(part: number): readonly string[] {
  return Array.from({ length: CONTEXTS }, (_, i) => {
    const sampled = Math.floor((i + 1) * part) > Math.floor(i * part)
    const id = (i + 1).toString(16)
    const context = `00-${id.padStart(32, 'a')}-${id.padStart(16, 'b')}-${sampled ? '01' : '00'}`
    return Buffer.from(context).toString('latin1')
  })
}

function recordOf(offset: number, values: Float64Array, contexts: readonly string[]): MeshRecord {
  return {
    topic: 'bench',
    partition: 0,
    offset,
    key: Buffer.from(streamOf(offset, STREAMS)),
    value: Buffer.from(`{"value":${values[offset % values.length]!}}`),
    timestamp: 0,
    headers: [['traceparent', contexts[offset % CONTEXTS]!]]
  }
}

class Collector {
  readonly endpoint: string
  readonly #child: ChildProcess

  static async start(): Promise<Collector> {
    const child = fork(fileURLToPath(new URL('tracing-receiver.js', import.meta.url)))
    const [{ port }] = (await once(child, 'message')) as [{ port: number }]
    return new Collector(child, `http://127.0.0.1:${port}`)
  }

  private constructor(child: ChildProcess, endpoint: string) {
    this.#child = child
    this.endpoint = endpoint
  }

  /** Received so far. */
  async bytes(): Promise<number> {
    const answer = once(this.#child, 'message')
    this.#child.send('bytes')
    return ((await answer) as [{ bytes: number }])[0].bytes
  }

  end(): void {
    this.#child.disconnect()
  }
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
