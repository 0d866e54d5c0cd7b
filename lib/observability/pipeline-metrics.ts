/**
 * What the pipeline measures, as plain methods, so that it does not know who counts. The pipeline calls counters and
 * histograms once per batch, never per record; gauges are set when somebody asks for it (`Pipeline.sample`, just before
 * a scrape, and `Pipeline.sampleLag`, every so often). No method may throw or wait.
 */
import type { RejectReason } from '../adapters/decoder.js'
import type { ErrorCode } from '../errors.js'
import type { EngineCounters } from '../native.js'
import type { ClientErrors } from '../mesh/client-log.js'
import type { BreakerState } from '../mesh/broker-guard.js'
import type { TransactionOutcome } from '../mesh/event-mesh.js'

/** What stands behind one scale, summed over the streams held. */
export interface ScaleTotals {
  /** Points in the windows of this scale. */
  readonly points: number
  /** Pairs in the diagrams of this scale. */
  readonly pairs: number
  /** Those of them that have dimension 1. */
  readonly loops: number
  /** And dimension 2. */
  readonly voids: number
  /** Bytes of native memory the engines of this scale hold, without the points (see `ringBytes`). */
  readonly bytes: number
  /** What the engines of this scale have done; `arenaBytes` is what they hold now. */
  readonly counters: EngineCounters
}

/** One stream at all its scales, in all partitions it is in. */
export interface StreamTotals {
  /** By the name of the scale. */
  readonly scales: ReadonlyMap<string, ScaleTotals>
}

/** States of a pipeline, by name. */
export const PIPELINE_STATES = ['starting', 'restoring', 'running', 'draining', 'stopped', 'failed'] as const
export type PipelineStateKind = (typeof PIPELINE_STATES)[number]

/** Queues of the pipeline; each has a limit. */
export type QueueName =
  /** Batches between fetch and commit; limit `pipeline.batchesInFlight`. */
  | 'batches'
  /** Engine advances handed to the worker pool and not yet back. */
  | 'jobs'

/** Where in the life of a record something went wrong. */
export const STAGES = ['source', 'decode', 'admit', 'advance', 'deliver'] as const
export type Stage = (typeof STAGES)[number]

/** What became of a transaction, and `retried` for each repetition of one. */
export type TransactionCount = TransactionOutcome | 'retried'

/** What is measured of how results leave. */
export interface DeliveryMetrics extends ClientErrors {
  /** Records acknowledged or committed by a topic, and the bytes of their keys and values. */
  published(topic: string, records: number, bytes: number): void
  /** Handing records to a topic until it acknowledged them, or their transaction was committed. */
  topicLatency(topic: string, seconds: number): void
  transaction(outcome: TransactionCount): void
  /** A call to the brokers failed and is going to be repeated; `code` is librdkafka's number where there is one. */
  brokerFailed(code: string): void
  breaker(state: BreakerState): void
  /** Bytes and records that wait in the spool. */
  spool(bytes: number, records: number): void
}

export interface PipelineMetrics extends DeliveryMetrics {
  // Counters.
  /** Records taken from the source, rejected ones and those replayed for a restore included. */
  recordsConsumed(count: number): void
  /** The same for one partition; `null` when it was given up: then it has no series any more. */
  partitionConsumed(partition: number, count: number | null): void
  /** Partitions that came or went. */
  rebalanced(kind: 'assigned' | 'revoked'): void
  /** Results that their topic did not take because they were too long. */
  resultsOmitted(count: number): void
  /** Points appended to a window, those replayed for a restore included. */
  pointsProcessed(count: number): void
  /** Points of a stream of `streamsWatched` appended to a window; those replayed for a restore excluded. */
  streamPoints(stream: string, count: number): void
  /** Records sent to the dead letter topic. */
  recordsRejected(reason: RejectReason, count: number): void
  /** Points whose timestamp went back and that were appended in arrival order (count windows only). */
  timestampsBackwards(count: number): void
  /** Updates and snapshots acknowledged by the sink, split parts counted one by one, and their bytes; omitted ones excluded. */
  updatesPublished(count: number, bytes: number): void
  /** A checkpoint was handed over: records of the state topic and their bytes. */
  checkpointed(records: number, bytes: number): void
  /** Records of before the committed offset that were read to rebuild windows. */
  recordsReplayed(count: number): void
  /** Updates of a scale whose features were computed, acknowledged or not yet. */
  featuresExtracted(scale: string, count: number): void
  /** An operation of a stage failed, whether or not the pipeline goes on. Refused records: `recordsRejected`. */
  error(stage: Stage, code: ErrorCode): void
  /** Why the pipeline failed. At most once in its life. */
  failed(code: ErrorCode): void

  // Histograms, in seconds, once per batch. `traceId`: of a trace that was kept and saw it.
  /** From the arrival of a batch in this process until its results were acknowledged. */
  batchLatency(seconds: number, traceId?: string): void
  /** From the log's timestamp of the newest record of a batch until its results were acknowledged; wall clock. */
  endToEnd(seconds: number, traceId?: string): void
  /** The same for the newest record of one partition in a batch. */
  partitionEndToEnd(partition: number, seconds: number): void
  /** From the arrival of a batch until its updates were computed, ready to be delivered. */
  computeLatency(seconds: number): void
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
  /** Part of the records that rebuild a partition's windows which are read, 0 to 1; `null` when it was given up. */
  restoreProgress(partition: number, ratio: number | null): void
  /** Part of the time since the last sample that the workers were busy, 0 to 1. */
  workerUtilisation(ratio: number): void
  /** What rings and engines may take, in bytes: `limits.memoryMiB` or its default. */
  memoryLimit(bytes: number): void
  /** Part of the memory limit in use: of native memory or of the process, whichever is nearer to its limit. */
  memoryRatio(ratio: number): void
  /** Streams held, all partitions. */
  streams(count: number): void
  /** Bytes of native memory the shared point rings hold. */
  ringBytes(bytes: number): void
  scale(scale: string, totals: ScaleTotals): void
  /** Streams that get series of their own (`metrics.streams`). */
  readonly streamsWatched: ReadonlySet<string>
  /** `null`: not held here. Only for those of `streamsWatched`. */
  stream(stream: string, totals: StreamTotals | null): void
}

/** Counts nothing. */
export const noMetrics: PipelineMetrics = {
  published() {},
  topicLatency() {},
  clientFailed() {},
  topicFailed() {},
  transaction() {},
  brokerFailed() {},
  breaker() {},
  spool() {},
  recordsConsumed() {},
  partitionConsumed() {},
  rebalanced() {},
  resultsOmitted() {},
  pointsProcessed() {},
  streamPoints() {},
  recordsRejected() {},
  timestampsBackwards() {},
  updatesPublished() {},
  checkpointed() {},
  recordsReplayed() {},
  featuresExtracted() {},
  error() {},
  failed() {},
  batchLatency() {},
  endToEnd() {},
  partitionEndToEnd() {},
  computeLatency() {},
  publishLatency() {},
  state() {},
  queueDepth() {},
  brokerUp() {},
  consumerLag() {},
  restoreProgress() {},
  workerUtilisation() {},
  memoryLimit() {},
  memoryRatio() {},
  streams() {},
  ringBytes() {},
  scale() {},
  streamsWatched: new Set(),
  stream() {}
}
