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

/** The life of one batch, in the order of its steps. */
export interface BatchTrace {
  /** For logs and exemplars; `null` when the batch is not recorded. */
  readonly traceId: string | null
  decode(decode: () => DecodedBatch): DecodedBatch
  /** Once a round. */
  advance<T>(engines: number, advance: (round?: RoundTrace) => Promise<T>): Promise<T>
  /** Once a round; what is published are the same updates, with the context in their headers. */
  publish(
    updates: readonly OutgoingRecord[],
    publish: (updates: readonly OutgoingRecord[]) => Promise<void>
  ): Promise<void>
  reject(records: number, reject: () => Promise<void>): Promise<void>
  /** Everything of it is out. */
  finished(): void
}

export interface PipelineTracer {
  /** A batch has arrived. `isLive`: whether a record is answered for, or only replayed. */
  batch(records: readonly MeshRecord[], isLive: (record: MeshRecord) => boolean): BatchTrace
  commit(partitions: number, commit: () => Promise<void>): Promise<void>
  /** The pipeline has failed; what is open has failed with it. */
  failed(error: Error): void
}

export const noBatchTrace: BatchTrace = {
  traceId: null,
  decode: (decode) => decode(),
  advance: (_engines, advance) => advance(),
  publish: (updates, publish) => publish(updates),
  reject: (_records, reject) => reject(),
  finished() {}
}

export const noTracer: PipelineTracer = {
  batch: () => noBatchTrace,
  commit: (_partitions, commit) => commit(),
  failed() {}
}
