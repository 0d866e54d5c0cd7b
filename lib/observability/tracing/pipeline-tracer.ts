/**
 * What the pipeline tells about a batch, at the borders of its steps, so that it does not know who listens. The default
 * listens to nothing and costs a call a step. No method may throw of its own or wait.
 */
import type { DecodedBatch } from '../../adapters/decoder.js'
import type { MeshRecord, OutgoingRecord } from '../../mesh/event-mesh.js'
import type { TraceContext } from './trace-context.js'

/** One scale's part of a task, measured by the worker that did it. Plain data: it crosses threads. */
export interface WorkerSpan {
  readonly parent: TraceContext
  readonly step: 'update' | 'encode'
  /** Index into the pool's scales. */
  readonly scale: number
  /** Milliseconds since the epoch, with fractions. */
  readonly startMs: number
  readonly endMs: number
  /** Of it, spent on this scale. */
  readonly busyMs: number
  readonly engines: number
  readonly worker: number
}

/** What a round takes to the workers and what comes back. */
export interface RoundTrace {
  readonly context: TraceContext
  finished(spans: readonly WorkerSpan[]): void
}

/** What came in one batch. */
export interface Arrival {
  readonly records: readonly MeshRecord[]
  readonly decoded: DecodedBatch
  /** When it came, by `performance.now()`; it has been decoded since then. */
  readonly arrivedMs: number
  /** Whether a record is answered for, or only replayed. */
  readonly isLive: (record: MeshRecord) => boolean
}

/** The life of one batch, in the order of its steps. */
export interface BatchTrace {
  /** For exemplars; `undefined` when the batch is not kept. */
  readonly traceId: string | undefined
  /** Runs `work`, which waits for nothing, with the batch active, for what looks there (logs). */
  inside<T>(work: () => T): T
  /** Once a round. */
  advance<T>(engines: number, advance: (round?: RoundTrace) => Promise<T>): Promise<T>
  /** Once, before it is handed to the delivery: the same updates, with the context in their headers. */
  delivering(updates: readonly OutgoingRecord[], letters: number): readonly OutgoingRecord[]
  /** Everything of it is out. */
  finished(): void
}

export interface PipelineTracer {
  batch(arrival: Arrival): BatchTrace
  /** Offsets, by themselves or in a transaction with results. */
  commit<T>(partitions: number, commit: () => Promise<T>): Promise<T>
  /** The pipeline has failed; what is open has failed with it. */
  failed(error: Error): void
}

export const noBatchTrace: BatchTrace = {
  traceId: undefined,
  inside: (work) => work(),
  advance: (_engines, advance) => advance(),
  delivering: (updates) => updates,
  finished() {}
}

export const noTracer: PipelineTracer = {
  batch: () => noBatchTrace,
  commit: (_partitions, commit) => commit(),
  failed() {}
}
