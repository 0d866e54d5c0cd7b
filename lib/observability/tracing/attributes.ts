/**
 * Every name that spans of this package carry; docs/tracing.md lists them, and a test compares the two, and what is of
 * the OpenTelemetry semantic conventions with `@opentelemetry/semantic-conventions`. The messaging names are not stable
 * there yet, so they are written down here, as its documentation advises, instead of imported.
 */

/** First word of a span's name; most are followed by a topic or a scale. */
export const SPAN = {
  /** A batch, from its arrival until its results are out. */
  receive: 'receive',
  /** A record that came with a sampled context of its own, as long as its batch. */
  process: 'process',
  decode: 'decode',
  /** A round of engine advances, from handing it to the workers until it is back. */
  advance: 'advance',
  /** In the worker: the windows of a scale and their diagrams. */
  update: 'update',
  /** In the worker: features and JSON of a scale's updates. */
  encode: 'encode',
  /** Records to a topic, until they are acknowledged; also one result, when it answers a record that is followed. */
  send: 'send',
  commit: 'commit'
} as const

/** Attributes by the semantic conventions. */
export const SEMANTIC = {
  system: 'messaging.system.name',
  destination: 'messaging.destination.name',
  partition: 'messaging.destination.partition.id',
  group: 'messaging.consumer.group.name',
  operationName: 'messaging.operation.name',
  operationType: 'messaging.operation.type',
  batchCount: 'messaging.batch.message_count',
  bodySize: 'messaging.message.body.size',
  offset: 'kafka.offset',
  errorType: 'error.type'
} as const

/** Attributes of our own. */
export const TDA = {
  /** Points that were decoded. */
  points: 'tda.points',
  /** Records that were refused. */
  rejected: 'tda.rejected',
  /** Engine advances of a round, or of a scale in one task. */
  engines: 'tda.engines',
  stream: 'tda.stream',
  scale: 'tda.scale',
  sequence: 'tda.sequence',
  /** Time spent in a scale's own work, in microseconds: its span may hold that of other scales in between. */
  busyUs: 'tda.busy_us',
  /** The worker thread. */
  worker: 'tda.worker',
  /** Records whose points gave birth to bars of this result, and that are followed. */
  births: 'tda.births'
} as const

/** Attributes of a link: what the other span is to this one. */
export const LINK = {
  relation: 'tda.relation'
} as const

/** Values of `tda.relation`. */
export const RELATION = {
  /** A record of the batch. */
  record: 'record',
  /** The batch that a record came in, or that a result went out with. */
  batch: 'batch',
  /** A record whose points entered the window with this update. */
  entered: 'entered',
  /** A record whose point is where a bar was born. */
  birth: 'birth'
} as const
