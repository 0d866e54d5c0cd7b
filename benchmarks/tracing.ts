/**
 * Question: what does tracing cost, in processor time a record of the whole process, export included?
 * Sketch:   a batch of 4096 records takes some 15 ms of processor time, so 1 % is 150 us a batch. Between two batches code is
 *           cold: a call of the SDK takes tens of us, a recorded batch or a followed record most of a millisecond with its
 *           delivery. So at 1 % most batches must be left alone, by limits a second.
 * If not:   something is done for every batch or record; look at `PipelineSpans.batch` and `RecordOrigins` first.
 *
 * One pipeline runs all the time, windows full, fed from memory; tracing is reconfigured between runs (see `paired.ts`), as a
 * reload of a daemon does it. A run is timed from its first record until its results are committed and its spans delivered
 * to a collector, which is another process, so that its time is not counted.
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
const SETTLING_RECORDS = 20_000

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
  const tracer = await DistributedTracer.start(optionsOf('off', collector))
  try {
    const checksum = await verify(tracer, collector)
    const run = new Run(tracer, collector)
    await run.records(STREAMS * WINDOWS.at(-1)!, 0) // Windows are full, code is warm.
    const costs = await inTurns(STATES, pairs, async (state) => {
      await run.switchTo(state)
      return run.timed(state, records)
    })
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
    await tracer.shutdown()
    collector.end()
  }
}

/** What is published is the same in every state, and spans arrive in those where they should. */
async function verify(tracer: DistributedTracer, collector: Collector): Promise<string> {
  const checksums: string[] = []
  for (const state of STATES) {
    const run = new Run(tracer, collector)
    const before = await collector.bytes()
    await run.switchTo(state) // Its records count: those behind them may find the rates used up.
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
  return { enabled: state !== 'off', endpoint, sampler: { kind: 'parent', ratio: PARTS[state] } }
}

/** One pipeline over a topic in memory; what it publishes goes nowhere. */
class Run {
  readonly #tracer: DistributedTracer
  readonly #collector: Collector
  readonly #hash = createHash('sha256')
  readonly #topic: MemoryTopic
  readonly #running: Promise<void>
  #part = 0

  constructor(tracer: DistributedTracer, collector: Collector) {
    this.#tracer = tracer
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
    const spans = tracer.pipeline(names)
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

  /**
   * Off is off: no SDK that runs, no hooks of contexts. On, the connection to the collector is there, and what a fresh start
   * may do at once is done: limits are rates.
   */
  async switchTo(state: State): Promise<void> {
    await this.#tracer.reconfigure(optionsOf(state, this.#collector))
    await this.records(SETTLING_RECORDS, PARTS[state])
    await this.#tracer.flush()
  }

  /** Nanoseconds of processor time a record. REQUIRES: switched to the state. */
  async timed(state: State, records: number): Promise<number> {
    const before = process.cpuUsage()
    await this.records(records, PARTS[state])
    await this.#tracer.flush()
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
