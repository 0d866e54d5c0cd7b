/**
 * Runs in the threads of the worker pool: advances engines over the points already in their rings, and makes the JSON of
 * their updates there, so that the main thread only passes bytes on. One call carries many engines (a Piscina message
 * costs more than a short advance).
 *
 * Nothing is copied in: engines and points live in native memory behind handles. What goes out is one transferred buffer.
 */
import { workerData } from 'node:worker_threads'
import { move, transferableSymbol, valueSymbol } from 'piscina'
import { TdaError, type ErrorCode } from '../errors.js'
import { changeStride, EMISSION, nativeAddon } from '../native.js'
import type { AdvanceResult, ChangeLayout, EncodedMessages, EngineHandle } from '../native.js'
import type { WorkerSpan } from '../observability/tracing/pipeline-tracer.js'
import { ScaleClock } from '../observability/tracing/scale-clock.js'
import type { TraceContext } from '../observability/tracing/trace-context.js'
import { encodeUpdates, type UpdateContext } from '../publishers/update-encoder.js'
import { concatenated } from './concatenated.js'

/** What every call of one pool has in common. */
export interface WorkerSetup {
  readonly scales: readonly { readonly name: string; readonly layout: ChangeLayout }[]
  /** Longest message in bytes. */
  readonly maxBytes: number
  readonly eventTime: boolean
  /** Shared with the main thread, one entry: microseconds that the threads spent in tasks. */
  readonly busyUs: BigInt64Array
}

export interface AdvanceJob {
  readonly engine: EngineHandle
  /** Arrival number to advance to. */
  readonly until: number
  /** Count the updates without returning them: a replay. */
  readonly discard: boolean
  /** The stream began before the oldest record retained: updates say so until the window is full. */
  readonly rebuilt: boolean
  readonly stream: string
  readonly partition: number
  /** Index into the setup's scales. */
  readonly scale: number
  /** Somebody follows the stream: say what was done. */
  readonly detail: boolean
}

/** What a worker has to say: it has no log of its own. */
export interface WorkerLine {
  readonly level: 'debug' | 'warn'
  readonly fields: Readonly<Record<string, string | number | boolean>>
  readonly message: string
}

/** The messages of some jobs, one after the other. */
export interface AdvanceOutput extends Omit<EncodedMessages, 'bytes'> {
  /** UTF-8; no message is in two of them. */
  readonly chunks: readonly Uint8Array[]
  /** Messages up to and including each job. */
  readonly ends: Uint32Array
  /** Updates of each job, however many messages they took. */
  readonly updates: Uint32Array
  readonly lines: readonly WorkerLine[]
}

/** A task of a batch that is traced. */
export interface TracedTask {
  readonly jobs: readonly AdvanceJob[]
  /** What its spans are children of. */
  readonly context: TraceContext
}

export interface TracedOutput {
  readonly output: AdvanceOutput
  readonly spans: readonly WorkerSpan[]
}

/** Errors lose their class and code on the way between threads, so they travel as data. */
export interface JobFailure {
  readonly failure: {
    readonly code: ErrorCode
    readonly message: string
    /** Which engine it was. */
    readonly fields: WorkerLine['fields']
  }
}

/** Of one job: moved to the main thread by themselves, not copied together with others. */
const MOVED_BYTES_MIN = 65_536

/** An advance that takes longer is worth a warning: no record of its stream comes out meanwhile. */
const SLOW_MS = 1_000

/** Advances each engine in turn and encodes its updates. Ends with the first that fails; those before stay advanced. */
export function advance(jobs: readonly AdvanceJob[]): AdvanceOutput | JobFailure {
  return timed(() => {
    const output = advanceEach(jobs)
    return isOutput(output) ? transferred(output, output.chunks) : output
  })
}

/** The same, with the time each step took. */
export function advanceTraced({ jobs, context }: TracedTask): TracedOutput | JobFailure {
  return timed(() => {
    const clock = new ScaleClock(context)
    const output = advanceEach(jobs, clock)
    return isOutput(output) ? transferred({ output, spans: clock.spans() }, output.chunks) : output
  })
}

function isOutput(output: AdvanceOutput | JobFailure): output is AdvanceOutput {
  return !('failure' in output)
}

function advanceEach(jobs: readonly AdvanceJob[], clock?: ScaleClock): AdvanceOutput | JobFailure {
  const encoded: EncodedMessages[] = []
  const ends = new Uint32Array(jobs.length)
  const updates = new Uint32Array(jobs.length)
  const lines: WorkerLine[] = []
  let messages = 0
  let startedMs = performance.now()
  clock?.start()
  const failed = eachResult(jobs, (result, job, i) => {
    clock?.updated(job.scale)
    if (result.emissions.length > 0) {
      const ofJob = encodeUpdates(result, contextOf(job))
      encoded.push(ofJob)
      messages += ofJob.lengths.length
    }
    ends[i] = messages
    updates[i] = result.emissions.length / EMISSION.stride
    const endedMs = performance.now()
    const ms = endedMs - startedMs
    startedMs = endedMs
    if (job.detail || ms >= SLOW_MS) lines.push(lineOf(job, result, ms))
    clock?.encoded(job.scale)
  })
  if (failed) return failed
  return { ...joined(encoded, messages), ends, updates, lines }
}

function lineOf(job: AdvanceJob, { emissions, changes }: AdvanceResult, ms: number): WorkerLine {
  const { stride, sequence, lastOffset } = EMISSION
  const updates = emissions.length / stride
  const newest = emissions.subarray(Math.max(0, emissions.length - stride))
  const fields = {
    ...jobFields(job),
    next: job.until,
    updates,
    changes: changes.length / changeStride(setup().scales[job.scale]!.layout),
    ...(updates === 0 ? {} : { sequence: newest[sequence]!, offset: newest[lastOffset]! }),
    replay: job.discard,
    ms: Number(ms.toFixed(3))
  }
  return ms >= SLOW_MS
    ? {
        level: 'warn',
        fields,
        message: `an advance took ${Math.round(ms)} ms; its scale is too large for this rate`
      }
    : { level: 'debug', fields, message: 'engine advanced' }
}

function jobFields({ stream, partition, scale }: AdvanceJob): {
  readonly stream: string
  readonly partition: number
  readonly scale: string | number
} {
  return { stream, partition, scale: setup().scales[scale]?.name ?? scale }
}

/** The same without encoding: the engines' own rows. */
export function advanceRows(jobs: readonly AdvanceJob[]): readonly AdvanceResult[] | JobFailure {
  const results: AdvanceResult[] = []
  const failed = timed(() => eachResult(jobs, (result) => results.push(result)))
  if (failed) return failed
  return transferred(
    results,
    results.flatMap(({ emissions, changes, snapshots }) => [emissions, changes, snapshots])
  )
}

function eachResult(
  jobs: readonly AdvanceJob[],
  use: (result: AdvanceResult, job: AdvanceJob, index: number) => void
): JobFailure | null {
  for (const [i, job] of jobs.entries()) {
    try {
      use(nativeAddon().engineAdvance(job.engine, job.until, job.discard), job, i)
    } catch (error) {
      const fields = jobFields(job)
      return failure(error, `advance stream "${job.stream}", scale "${fields.scale}"`, fields)
    }
  }
  return null
}

/** The diagram at the engine's position: rows of native/diagram/update.h. */
export function diagram(engine: EngineHandle): Float64Array | JobFailure {
  try {
    return timed(() => nativeAddon().engineDiagram(engine))
  } catch (error) {
    return failure(error, 'read a diagram', {})
  }
}

/** Adds what the task takes to the time the threads were busy. */
function timed<T>(task: () => T): T {
  const startedMs = performance.now()
  try {
    return task()
  } finally {
    Atomics.add(setup().busyUs, 0, BigInt(Math.round((performance.now() - startedMs) * 1000)))
  }
}

function setup(): WorkerSetup {
  return workerData as WorkerSetup
}

function contextOf({ stream, partition, scale, rebuilt }: AdvanceJob): UpdateContext {
  const { scales, maxBytes, eventTime } = setup()
  const { name, layout } = scales[scale]!
  return { stream, partition, scale: name, layout, maxBytes, rebuilt, eventTime }
}

/** One after the other. Bytes of a job are copied together with those of others where moving them alone costs more. */
function joined(
  encoded: readonly EncodedMessages[],
  messages: number
): Pick<AdvanceOutput, 'chunks' | 'lengths' | 'dueAt'> {
  const lengths = new Uint32Array(messages)
  const dueAt = new Float64Array(messages)
  const chunks: Uint8Array[] = []
  let together: Uint8Array[] = []
  const close = (): void => {
    const bytes = (length: number): Uint8Array => new Uint8Array(length)
    if (together.length > 0) chunks.push(together.length === 1 ? together[0]! : concatenated(together, bytes))
    together = []
  }
  let message = 0
  for (const one of encoded) {
    if (one.bytes.length >= MOVED_BYTES_MIN) {
      close()
      chunks.push(one.bytes)
    } else together.push(one.bytes)
    lengths.set(one.lengths, message)
    dueAt.set(one.dueAt, message)
    message += one.lengths.length
  }
  close()
  return { chunks, lengths, dueAt }
}

/** What Piscina sends is the value; the buffers of the arrays move instead of being copied. */
function transferred<T extends object>(value: T, arrays: readonly (Uint8Array | Float64Array)[]): T {
  const buffers = new Set(arrays.map(({ buffer }) => buffer))
  const moving = { [valueSymbol]: value, [transferableSymbol]: [...buffers] }
  return move(moving) as unknown as T
}

function failure(error: unknown, what: string, fields: WorkerLine['fields']): JobFailure {
  const code = error instanceof TdaError ? error.code : 'INTERNAL'
  const reason = error instanceof Error ? error.message : String(error)
  return { failure: { code, message: `${what}: ${reason}`, fields } }
}
