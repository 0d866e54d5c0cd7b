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
  const tracer = await DistributedTracer.start({ enabled: false })
  try {
    const checksum = await verify(tracer, collector)
    const run = new Run(tracer)
    await run.records(STREAMS * WINDOWS.at(-1)!, 0) // Windows are full, code is warm.
    const costs = await inTurns(STATES, pairs, (state) => run.timed(state, collector, records))
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
    await tracer.reconfigure(optionsOf(state, collector))
    const before = await collector.bytes()
    const run = new Run(tracer)
    await run.records(VERIFY_RECORDS, PARTS[state])
    await run.end()
    await tracer.flush()
    const received = (await collector.bytes()) - before
    if (received > 0 !== (state !== 'off')) {
      throw new BenchmarkMismatch(`tracing: ${received} bytes of spans were delivered in state ${state}`)
    }
    checksums.push(run.checksum())
  }
  await tracer.reconfigure({ enabled: false })
  const [first] = checksums
  if (checksums.some((one) => one !== first)) {
    throw new BenchmarkMismatch(`tracing: other values are published when traced: ${checksums.join(', ')}`)
  }
  return first!
}

function optionsOf(state: State, { endpoint }: Collector): TracingOptions {
  if (state === 'off') return { enabled: false }
  return { enabled: true, endpoint, sampler: { kind: 'parent', ratio: PARTS[state] } }
}

/** One pipeline over a topic in memory; what it publishes goes nowhere. */
class Run {
  readonly #tracer: DistributedTracer
  readonly #hash = createHash('sha256')
  readonly #topic: MemoryTopic
  readonly #running: Promise<void>
  #part = 0

  constructor(tracer: DistributedTracer) {
    this.#tracer = tracer
    const values = pipelineValues()
    this.#topic = new MemoryTopic((offset) => recordOf(offset, values, this.#part))
    const config = configuration()
    const spans = tracer.pipeline({
      topic: config.input.topic,
      groupId: 'tda-bench',
      outputTopic: config.output.topic,
      deadLetterTopic: config.output.deadLetterTopic,
      scales: config.scales.map(({ name }) => name)
    })
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
  async timed(state: State, collector: Collector, records: number): Promise<number> {
    await this.#tracer.reconfigure(optionsOf(state, collector))
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

/** Every record has a context; `part` of them, spread evenly, one that is sampled. */
function recordOf(offset: number, values: Float64Array, part: number): MeshRecord {
  const sampled = Math.floor((offset + 1) * part) > Math.floor(offset * part)
  const id = (offset + 1).toString(16)
  const context = `00-${id.padStart(32, 'a')}-${id.padStart(16, 'b')}-${sampled ? '01' : '00'}`
  return {
    topic: 'bench',
    partition: 0,
    offset,
    key: Buffer.from(streamOf(offset, STREAMS)),
    value: Buffer.from(`{"value":${values[offset % values.length]!}}`),
    timestamp: 0,
    headers: [['traceparent', context]]
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
