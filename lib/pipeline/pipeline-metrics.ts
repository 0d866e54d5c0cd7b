/**
 * What the pipeline measures, as plain methods, so that it does not know who counts. The pipeline calls counters and
 * histograms once per batch, never per record; gauges are set when somebody asks for it (`Pipeline.sample`, just before
 * a scrape, and `Pipeline.sampleLag`, every so often). No method may throw or wait.
 */
import type { RejectReason } from '../adapters/decoder.js'
import type { ErrorCode } from '../errors.js'
import type { PipelineStateKind } from './lifecycle.js'

/** What stands behind one scale, summed over the streams held. */
export interface ScaleTotals {
  /** Points in the windows of this scale. */
  readonly points: number
  /** Pairs in the diagrams of this scale. */
  readonly pairs: number
  /** Bytes of native memory the engines of this scale hold, without the points (see `ringBytes`). */
  readonly bytes: number
}

/** Queues of the pipeline; each has a limit. */
export type QueueName =
  /** Batches between fetch and commit; limit `pipeline.batchesInFlight`. */
  | 'batches'
  /** Engine advances handed to the worker pool and not yet back. */
  | 'jobs'

export interface PipelineMetrics {
  // Counters.
  /** Records taken from the source, rejected ones and those replayed for a restore included. */
  recordsConsumed(count: number): void
  /** Points appended to a window, those replayed for a restore included. */
  pointsProcessed(count: number): void
  /** Records sent to the dead letter topic. */
  recordsRejected(reason: RejectReason, count: number): void
  /** Points whose timestamp went back and that were appended in arrival order (count windows only). */
  timestampsBackwards(count: number): void
  /** Updates and snapshots acknowledged by the sink, split parts counted one by one, and their bytes. */
  updatesPublished(count: number, bytes: number): void
  /** Why the pipeline failed. At most once in its life. */
  failed(code: ErrorCode): void

  // Histograms, in seconds, once per batch.
  /** From the arrival of a batch in this process until its results were acknowledged. */
  batchLatency(seconds: number): void
  /** From the log's timestamp of the newest record of a batch until its results were acknowledged; wall clock. */
  endToEnd(seconds: number): void
  /** Handing a batch's results to the sink until it acknowledged them. */
  publishLatency(seconds: number): void

  // Gauges.
  /** Which state the pipeline is in now. */
  state(kind: PipelineStateKind): void
  queueDepth(queue: QueueName, depth: number): void
  /** Whether brokers answer. */
  brokerUp(up: boolean): void
  /** Records not read yet; `null` when the partition was given up or its lag cannot be read. */
  consumerLag(partition: number, records: number | null): void
  /** Part of the time since the last sample that the workers were busy, 0 to 1. */
  workerUtilisation(ratio: number): void
  /** Part of the memory limit in use: of native memory or of the process, whichever is nearer to its limit. */
  memoryRatio(ratio: number): void
  /** Streams held, all partitions. */
  streams(count: number): void
  /** Bytes of native memory the shared point rings hold. */
  ringBytes(bytes: number): void
  scale(scale: string, totals: ScaleTotals): void
}

/** Counts nothing. */
export const noMetrics: PipelineMetrics = {
  recordsConsumed() {},
  pointsProcessed() {},
  recordsRejected() {},
  timestampsBackwards() {},
  updatesPublished() {},
  failed() {},
  batchLatency() {},
  endToEnd() {},
  publishLatency() {},
  state() {},
  queueDepth() {},
  brokerUp() {},
  consumerLag() {},
  workerUtilisation() {},
  memoryRatio() {},
  streams() {},
  ringBytes() {},
  scale() {}
}
