/**
 * Exact persistence diagrams of live streams, at every time scale, change by change.
 *
 * The public API, and nothing else. Importing it loads neither the native addon nor node-rdkafka: the addon is loaded by
 * the first object made, the Kafka client by the first {@link KafkaEventMesh}.
 */
export type {
  DiagramMessage,
  DiagramSnapshot,
  DiagramUpdate,
  Features,
  MovedPair,
  PersistencePair,
  PointNumber,
  WindowBounds
} from './diagram.js'
export { TdaError, type ErrorCode } from './errors.js'

export {
  SlidingWindow,
  type DataWindow,
  type SlidingWindowOptions,
  type WindowLength
} from './scales/sliding-window.js'
export { MultiScaleWindows, type MultiScaleWindowsOptions } from './scales/multi-scale-windows.js'
export { PointRows, type Point } from './scales/point-rows.js'
export type {
  DelayEmbedding,
  FiltrationOptions,
  RipsOptions,
  SeriesFiltration,
  SeriesOptions
} from './scales/filtration.js'
export {
  IncrementalPersistence,
  type IncrementalPersistenceOptions
} from './scales/incremental-persistence.js'
export {
  StreamingTdaProcessor,
  type ProcessorStatistics,
  type StreamingTdaProcessorOptions
} from './scales/streaming-tda-processor.js'
export {
  MultiScaleProcessor,
  type MultiScaleProcessorOptions,
  type MultiScaleStatistics,
  type ScaleOptions,
  type ScaleStatistics
} from './scales/multi-scale-processor.js'
export { ChangeRows, PairRows, type ChangeKindName } from './scales/diagram-rows.js'
export { UpdateRows, type Update } from './scales/update-rows.js'
export { ripsPersistence, type RipsPersistenceOptions, type RipsProgress } from './scales/rips-persistence.js'
export type {
  RipsDistances,
  RipsInput,
  RipsLowerDistances,
  RipsBatchOptions,
  RipsPoints,
  RipsSparseDistances
} from './scales/rips-input.js'
export { RipsDiagram, type CocycleTerm } from './scales/rips-diagram.js'
export {
  suggestEmbedding,
  type DimensionFigures,
  type EmbeddingOptions,
  type EmbeddingSuggestion
} from './scales/embedding.js'
export type { Metric } from './native.js'
export { DiagramReplica, type ApplyResult } from './publishers/diagram-replica.js'

export { loadConfig, parseConfig, validateConfig } from './config/load.js'
export type { Config, ScaleConfig } from './config/schema.js'
export type { ConfigUse } from './config/cross-checks.js'
export { createDaemon, type Daemon, type DaemonParts } from './pipeline/daemon.js'
export type { Pipeline, PipelineLogger, PipelineTotals } from './pipeline/pipeline.js'
export type { PipelineState } from './pipeline/lifecycle.js'
export { DistributedTracer } from './observability/tracing/distributed-tracer.js'
export type { OperationOptions, SpanAttributes } from './observability/tracing/operations.js'
export type { TraceContext, Headers as TraceHeaders } from './observability/tracing/trace-context.js'
export type { DropReason, TracingStatistics } from './observability/tracing/tracing-statistics.js'
export type { TracingOptions } from './config/tracing.js'
export { createMetrics, type Metrics } from './observability/metrics.js'
export type {
  AssignedPartition,
  EventMesh,
  MeshEvent,
  MeshRecord,
  OutgoingRecord,
  Subscription
} from './mesh/event-mesh.js'
export { InProcessEventMesh, type InProcessMeshOptions } from './mesh/in-process-mesh.js'
export { KafkaEventMesh, type KafkaMeshOptions } from './mesh/kafka-mesh.js'
export { EmbeddedBroker } from './mesh/embedded-broker.js'

export {
  StreamLoadGenerator,
  type LoadClock,
  type LoadTarget,
  type StreamLoadGeneratorOptions
} from './loadgen/stream-load-generator.js'
export type { Arrival, LoadData, LoadFormat, LoadOptions, ReplayedRows } from './loadgen/options.js'
export type { LoadProgress, LoadReport } from './loadgen/report.js'
export type { LatencyFigures } from './loadgen/latency.js'
export type { RateFigures, WorstSecond } from './loadgen/rate-audit.js'
export type { ProcessFigures, ResourceFigures } from './loadgen/resources.js'
export type { BulkObserver, BulkPublisher } from './mesh/bulk-publisher.js'
