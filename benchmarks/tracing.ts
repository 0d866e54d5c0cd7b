/**
 * Question: what does tracing cost, in processor time a record of the whole process, export included?
 * Sketch:   a batch of 4096 records takes some 20 ms, ten spans of 4 us are 0.2 %; a record without a sampled context costs
 *           a look at its headers, some 30 ns of 5 us.
 * If not:   something is done for every record; look at `PipelineSpans.batch` and `RecordOrigins` first.
 *
 * One pipeline runs all the time, windows full, fed from memory; tracing is switched between runs, in an order that
 * changes, so that the three states meet the same machine. A run is timed from its first record until its results are
 * committed and its spans delivered. The interval is of the ratio of means, by resampling whole rounds.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createDecoder } from '../lib/adapters/decoder.js'
import { configSchema, type Config } from '../lib/config/schema.js'
import type { TracingOptions } from '../lib/config/tracing.js'
import type { MeshEvent, MeshRecord, OutgoingRecord, Subscription } from '../lib/mesh/event-mesh.js'
import { DistributedTracer } from '../lib/observability/tracing/distributed-tracer.js'
import { AtLeastOnce } from '../lib/pipeline/at-least-once.js'
import { Pipeline } from '../lib/pipeline/pipeline.js'
import { uniform } from '../lib/loadgen/random.js'
import { sum } from './measure.js'
import { pipelineValues, streamOf } from './pipeline-records.js'
import { BenchmarkMismatch, type BenchmarkResult } from './report.js'

const WINDOWS = [64, 4096, 65_536] as const
const SLIDE = 100
const STREAMS = 4
const VERIFY_RECORDS = 20_000
const RESAMPLES = 10_000
const SENDERS_PARTS = [0, 0.01, 1] as const

export interface TracingBenchmark {
  /** Rounds: in each, a run without tracing, one at 1 % and one at 100 %. */
  readonly pairs: number
  /** Records of one run. */
  readonly records: number
}

type State = 'off' | 'sampled-0.01' | 'sampled-1'
const STATES: readonly State[] = ['off', 'sampled-0.01', 'sampled-1']

export async function* benchmarkTracing(options: TracingBenchmark): AsyncGenerator<BenchmarkResult> {
  const collector = await Collector.start()
  const tracer = await DistributedTracer.start({ enabled: false })
  try {
    const checksum = await verify(tracer, collector)
    const run = new Run(tracer)
    const costs = await measure(run, collector, options)
    await run.end()
    const off = costs.get('off')!
    for (const state of STATES.slice(1)) yield result(state, off, costs.get(state)!, options, checksum)
  } finally {
    await tracer.shutdown()
    collector.end()
  }
}

/** Processor time of each run, in ns a record, by state; index i of all states is one round. */
async function measure(
  run: Run,
  collector: Collector,
  { pairs, records }: TracingBenchmark
): Promise<Map<State, number[]>> {
  const costs = new Map<State, number[]>(STATES.map((state) => [state, []]))
  await run.records(STREAMS * WINDOWS.at(-1)!, 0) // Windows are full, code is warm.
  for (const state of STATES) await run.timed(state, collector, records)
  const random = uniform(1)
  for (let round = 0; round < pairs; round++) {
    for (const state of shuffled(STATES, random))
      costs.get(state)!.push(await run.timed(state, collector, records))
  }
  return costs
}

function result(
  state: State,
  off: readonly number[],
  on: readonly number[],
  { records }: TracingBenchmark,
  checksum: string
): BenchmarkResult {
  const [overheadLow, overheadHigh] = interval(off, on)
  return {
    suite: 'tracing',
    case: state,
    params: { streams: STREAMS, records, windows: WINDOWS.join(' '), slide: SLIDE, sampler: 'parent' },
    repetitions: on.length,
    cpuNsPerRecordOff: sum(off) / off.length,
    cpuNsPerRecord: sum(on) / on.length,
    overheadPercent: percent(sum(on) / sum(off)),
    overheadLowPercent: overheadLow,
    overheadHighPercent: overheadHigh,
    checksum
  }
}

/** 95 % of what the ratio of means is when rounds are drawn again with replacement, in percent above 1. */
export function interval(
  off: readonly number[],
  on: readonly number[]
): readonly [low: number, high: number] {
  const random = uniform(2)
  const ratios = Float64Array.from({ length: RESAMPLES }, () => {
    let [a, b] = [0, 0]
    for (let i = 0; i < off.length; i++) {
      const at = Math.floor(random() * off.length)
      a += off[at]!
      b += on[at]!
    }
    return b / a
  }).sort()
  return [percent(ratios[Math.floor(RESAMPLES * 0.025)]!), percent(ratios[Math.floor(RESAMPLES * 0.975)]!)]
}

const percent = (ratio: number): number => (ratio - 1) * 100

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const order = [...items]
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return order
}

/** What is published is the same in every state, and spans arrive in those where they should. */
async function verify(tracer: DistributedTracer, collector: Collector): Promise<string> {
  const checksums: string[] = []
  for (const state of STATES) {
    await tracer.reconfigure(optionsOf(state, collector))
    const before = await collector.bytes()
    const run = new Run(tracer, createHash('sha256'))
    await run.records(VERIFY_RECORDS, partOf(state))
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

function partOf(state: State): number {
  return SENDERS_PARTS[STATES.indexOf(state)]!
}

function optionsOf(state: State, { endpoint }: Collector): TracingOptions {
  if (state === 'off') return { enabled: false }
  return { enabled: true, endpoint, sampler: { kind: 'parent', ratio: partOf(state) } }
}

/** One pipeline over a source in memory; what it publishes goes nowhere. */
class Run {
  readonly #tracer: DistributedTracer
  readonly #hash: ReturnType<typeof createHash> | undefined
  readonly #source = new MemorySource()
  readonly #running: Promise<void>

  constructor(tracer: DistributedTracer, hash?: ReturnType<typeof createHash>) {
    this.#tracer = tracer
    this.#hash = hash
    const config = configuration()
    const named = tracer.pipeline({
      topic: config.input.topic,
      groupId: 'tda-bench',
      outputTopic: config.output.topic,
      deadLetterTopic: config.output.deadLetterTopic,
      scales: config.scales.map(({ name }) => name)
    })
    const sink = {
      publish: async (updates: readonly OutgoingRecord[]) => this.#published(updates),
      reject: async () => {}
    }
    const pipeline = new Pipeline({
      config,
      source: this.#source,
      decoder: createDecoder(config),
      delivery: new AtLeastOnce(sink, {
        commit: (next) => named.commit(next.size, () => this.#source.commit(next))
      }),
      tracer: named
    })
    this.#running = pipeline.run()
  }

  /** Resolves when the results of so many more records are committed; `part` of their senders have sampled. */
  async records(count: number, part: number): Promise<void> {
    await Promise.race([this.#source.feed(count, part), this.#running])
  }

  /** Nanoseconds of processor time a record. Senders have sampled 1 % where tracing is off, too. */
  async timed(state: State, collector: Collector, records: number): Promise<number> {
    await this.#tracer.reconfigure(optionsOf(state, collector))
    const before = process.cpuUsage()
    await this.records(records, partOf(state))
    await this.#tracer.flush()
    const { user, system } = process.cpuUsage(before)
    return ((user + system) * 1000) / records
  }

  async end(): Promise<void> {
    await this.#source.close()
    await this.#running
  }

  checksum(): string {
    return this.#hash?.digest('hex').slice(0, 16) ?? ''
  }

  #published(updates: readonly OutgoingRecord[]): void {
    if (this.#hash) for (const { value } of updates) this.#hash.update(value ?? '')
  }
}

/** A topic of one partition that is made as it is read. */
class MemorySource implements Subscription {
  readonly #values = pipelineValues()
  #next = 0
  #end = 0
  #part = 0
  #committed = 0
  #closed = false
  #changed: () => void = () => {}
  #reached: () => void = () => {}

  feed(count: number, part: number): Promise<void> {
    this.#end += count
    this.#part = part
    this.#changed()
    return new Promise((resolve) => (this.#reached = resolve))
  }

  async *events({ recordsMax }: { readonly recordsMax: number }): AsyncGenerator<MeshEvent> {
    yield { kind: 'assigned', partitions: [{ partition: 0, low: 0, resume: 0, committed: null }] }
    while (!this.#closed) {
      const count = Math.min(recordsMax, this.#end - this.#next)
      if (count > 0) yield { kind: 'records', records: Array.from({ length: count }, () => this.#record()) }
      else await new Promise<void>((resolve) => (this.#changed = resolve))
    }
  }

  async commit(next: ReadonlyMap<number, number>): Promise<boolean> {
    this.#committed = next.get(0) ?? this.#committed
    if (this.#committed >= this.#end) this.#reached()
    return true
  }

  async lag(): Promise<ReadonlyMap<number, number>> {
    return new Map()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#changed()
  }

  /** Every record has a context; `part` of them, spread evenly, one that is sampled. */
  #record(): MeshRecord {
    const offset = this.#next++
    const sampled = Math.floor((offset + 1) * this.#part) > Math.floor(offset * this.#part)
    const id = (offset + 1).toString(16)
    const context = `00-${id.padStart(32, 'a')}-${id.padStart(16, 'b')}-${sampled ? '01' : '00'}`
    return {
      topic: 'bench',
      partition: 0,
      offset,
      key: Buffer.from(streamOf(offset, STREAMS)),
      value: Buffer.from(`{"value":${this.#values[offset % this.#values.length]!}}`),
      timestamp: 0,
      headers: [['traceparent', context]]
    }
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
