/**
 * The worker pool: any thread may advance any engine, one at a time, in order.
 *
 *   jobs of a round -> lanes (each engine has one) -> one Piscina task a lane -> results in the order of the jobs
 *
 *   (P1) An engine belongs to one lane, and a lane has at most one task in the pool. So two threads never meet in an
 *        engine, and its jobs run in the order they were given.
 *   (P2) There are twice as many lanes as threads, and each thread holds a second task: it never waits for the main
 *        thread between two of them.
 *   (P3) After the first failure (an engine that poisoned itself, a thread that died) nothing runs any more: every call
 *        rejects with it. State in native memory cannot be trusted to be where the results say.
 *
 * The queue needs no limit of its own: callers bound the rounds in flight. Cost: about 50 us a task (measured).
 */
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import { TdaError } from '../errors.js'
import type { AdvanceResult, EngineHandle } from '../native.js'
import type { RoundTrace } from '../observability/tracing/pipeline-tracer.js'
import type {
  AdvanceJob,
  AdvanceOutput,
  JobFailure,
  TracedOutput,
  WorkerLine,
  WorkerSetup
} from './scale-worker.js'

const LANES_PER_WORKER = 2
/** Of each thread's heap. */
const YOUNG_GENERATION_MIB = 64
/** A utilisation over less than that would be noise. */
const READING_MS_MIN = 1_000

export interface PoolJob extends Omit<AdvanceJob, 'detail'> {
  readonly lane: number
  /** Told when the engine stands at `until`. */
  readonly owner: { completed(scale: number, until: number): void }
}

/** What one job brought. */
export interface JobMessages {
  /** UTF-8 JSON, in order; views of one shared buffer. */
  readonly messages: readonly Uint8Array[]
  /** Arrival number of the point that made each message due. */
  readonly dueAt: Float64Array
  /** How many updates the messages are; a long one takes several. */
  readonly updates: number
}

export interface PoolOptions extends Omit<WorkerSetup, 'busyUs'> {
  /** Threads; default: one less than the processors, at least 1. */
  readonly workers?: number | undefined
  /** What the threads have to say; they have no log of their own. */
  readonly log?: WorkerLog | undefined
}

export interface WorkerLog {
  /** The stream whose every advance is told, as of now. */
  readonly debugStream: string | undefined
  write(level: WorkerLine['level'] | 'error', fields: object, message: string): void
}

/** How long the threads had been busy at a moment. */
interface Reading {
  readonly atMs: number
  readonly busyMs: number
}

interface Lane {
  tail: Promise<unknown>
  engines: number
}

/** One less than the processors, for the main thread; at least 1. */
export function defaultWorkers(): number {
  return Math.max(1, availableParallelism() - 1)
}

export class WorkerPool {
  readonly workers: number
  readonly #piscina: Piscina
  readonly #log: WorkerLog | undefined
  readonly #lanes: Lane[]
  /** Microseconds that all threads spent in tasks; they add to it. */
  readonly #busyUs = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT))
  #reading: Reading = { atMs: performance.now(), busyMs: 0 }
  #before: Reading = this.#reading
  #jobsInFlight = 0
  #failure: TdaError | null = null

  constructor(options: PoolOptions) {
    this.workers = options.workers ?? defaultWorkers()
    this.#log = options.log
    const setup: WorkerSetup = {
      scales: options.scales,
      maxBytes: options.maxBytes,
      eventTime: options.eventTime,
      busyUs: this.#busyUs
    }
    const lanes = this.workers * LANES_PER_WORKER
    this.#lanes = Array.from({ length: lanes }, () => ({ tail: Promise.resolve(), engines: 0 }))
    this.#piscina = new Piscina({
      filename: fileURLToPath(new URL('./scale-worker.js', import.meta.url)),
      minThreads: this.workers,
      maxThreads: this.workers,
      idleTimeout: Infinity,
      concurrentTasksPerWorker: LANES_PER_WORKER,
      maxQueue: lanes,
      // JSON of large diagrams is much short-lived garbage: with room for it, collecting costs half as much.
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
      workerData: setup
    })
    this.#piscina.on('error', (error) => this.#fail(workerError(error)))
  }

  /** Engine advances handed over and not yet back. */
  get jobsInFlight(): number {
    return this.#jobsInFlight
  }

  /**
   * Part of the threads' time that they were busy, 0 to 1: since the reading before this one, or one earlier where
   * that is less than a second ago. A task counts when it ends.
   */
  utilisation(nowMs = performance.now()): number {
    const now = { atMs: nowMs, busyMs: Number(Atomics.load(this.#busyUs, 0)) / 1000 }
    if (nowMs - this.#reading.atMs >= READING_MS_MIN) {
      this.#before = this.#reading
      this.#reading = now
    }
    const elapsedMs = (nowMs - this.#before.atMs) * this.workers
    return elapsedMs <= 0 ? 0 : Math.min(1, (now.busyMs - this.#before.busyMs) / elapsedMs)
  }

  /** Gives a new engine its lane: the one with the fewest. */
  join(): number {
    let best = 0
    for (let i = 1; i < this.#lanes.length; i++) {
      if (this.#lanes[i]!.engines < this.#lanes[best]!.engines) best = i
    }
    this.#lanes[best]!.engines += 1
    return best
  }

  leave(lane: number): void {
    this.#lanes[lane]!.engines -= 1
  }

  /**
   * Runs the jobs; those of one engine in their order, also across calls. With `trace` the threads measure their steps.
   *
   * @throws the engine's error, or INTERNAL when a thread died; from then on every call throws it.
   */
  advance(jobs: readonly PoolJob[], trace?: RoundTrace): Promise<JobMessages[]> {
    return this.#perLane(jobs, async (lane, task) => {
      const output = trace
        ? await this.#traced(lane, task, trace)
        : await this.#enqueue<AdvanceOutput>(lane, 'advance', task)
      for (const { level, fields, message } of output.lines) this.#log?.write(level, fields, message)
      return unpack(output)
    })
  }

  async #traced(lane: number, jobs: readonly AdvanceJob[], trace: RoundTrace): Promise<AdvanceOutput> {
    const task = { jobs, context: trace.context }
    const { output, spans } = await this.#enqueue<TracedOutput>(lane, 'advanceTraced', task)
    trace.finished(spans)
    return output
  }

  /** The same with the engines' own rows instead of JSON. */
  advanceRows(jobs: readonly PoolJob[]): Promise<AdvanceResult[]> {
    return this.#perLane(jobs, (lane, task) =>
      this.#enqueue<readonly AdvanceResult[]>(lane, 'advanceRows', task)
    )
  }

  /** The diagram at the engine's position, after the jobs it was given before. Rows of native/diagram/update.h. */
  diagram(engine: EngineHandle, lane: number): Promise<Float64Array> {
    return this.#enqueue<Float64Array>(lane, 'diagram', engine)
  }

  /** Resolves when everything handed over before is back, failed or not. */
  async idle(): Promise<void> {
    await Promise.all(this.#lanes.map(({ tail }) => tail))
  }

  /** Ends the threads. Calls in flight reject. */
  async close(): Promise<void> {
    this.#failure ??= new TdaError('CANCELLED', 'the worker pool is closed')
    await this.#piscina.destroy()
  }

  /** One task for each lane; `run` gives the results of a task's jobs in their order. */
  async #perLane<Result>(
    jobs: readonly PoolJob[],
    run: (lane: number, task: readonly AdvanceJob[]) => Promise<readonly Result[]>
  ): Promise<Result[]> {
    if (this.#failure) throw this.#failure
    const followed = this.#log?.debugStream
    const byLane = new Map<number, number[]>()
    for (const [i, { lane }] of jobs.entries()) {
      const indices = byLane.get(lane)
      if (indices) indices.push(i)
      else byLane.set(lane, [i])
    }
    const results = new Array<Result>(jobs.length)
    const runLane = async ([lane, indices]: [number, number[]]): Promise<void> => {
      const ofLane = await run(
        lane,
        indices.map((i) => jobOnly(jobs[i]!, followed))
      )
      for (const [k, result] of ofLane.entries()) {
        const { owner, scale, until } = jobs[indices[k]!]!
        owner.completed(scale, until)
        results[indices[k]!] = result
      }
    }
    this.#jobsInFlight += jobs.length
    try {
      await Promise.all(Array.from(byLane, runLane))
    } finally {
      this.#jobsInFlight -= jobs.length
    }
    return results
  }

  async #enqueue<T>(lane: number, name: string, task: unknown): Promise<T> {
    const slot = this.#lanes[lane]!
    const result = slot.tail.then(() => this.#run<T>(name, task))
    slot.tail = result.catch(() => {}) // A failure is kept in #failure, and what follows fails by it.
    return result
  }

  async #run<T>(name: string, task: unknown): Promise<T> {
    if (this.#failure) throw this.#failure
    let output: T | JobFailure
    try {
      output = (await this.#piscina.run(task, { name })) as T | JobFailure
    } catch (error) {
      throw this.#fail(workerError(error))
    }
    if (!isFailure(output)) return output
    const { code, message, fields } = output.failure
    this.#log?.write('error', { ...fields, code }, message)
    throw this.#fail(new TdaError(code, message))
  }

  #fail(error: TdaError): TdaError {
    this.#failure ??= error
    return this.#failure
  }
}

function isFailure(output: unknown): output is JobFailure {
  return typeof output === 'object' && output !== null && 'failure' in output
}

function workerError(cause: unknown): TdaError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new TdaError(
    'INTERNAL',
    `a worker thread failed: ${reason}. Its engines are lost; restart the process, it rebuilds them from the log`,
    { cause }
  )
}

function jobOnly(job: PoolJob, followed: string | undefined): AdvanceJob {
  const { engine, until, discard, rebuilt, stream, partition, scale } = job
  return { engine, until, discard, rebuilt, stream, partition, scale, detail: stream === followed }
}

function unpack({ chunks, lengths, dueAt, ends, updates }: AdvanceOutput): JobMessages[] {
  const jobs: JobMessages[] = []
  let chunk = 0
  let at = 0
  let message = 0
  for (const [job, end] of ends.entries()) {
    const first = message
    const messages: Uint8Array[] = []
    for (; message < end; message++) {
      if (at === chunks[chunk]!.length) [chunk, at] = [chunk + 1, 0]
      const { buffer, byteOffset } = chunks[chunk]!
      messages.push(Buffer.from(buffer, byteOffset + at, lengths[message]))
      at += lengths[message]!
    }
    jobs.push({ messages, dueAt: dueAt.subarray(first, message), updates: updates[job]! })
  }
  return jobs
}
