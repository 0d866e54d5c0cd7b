/**
 * The configuration of the daemon and of `replay`: one zod schema from which come the TypeScript type, the validation
 * before start and `docs/configuration.md`. Every option says what it is for, its unit and its default.
 */
import { z } from 'zod'
import { METRICS } from '../native.js'
import { durationMs } from './duration.js'

const name = z.string().regex(/^[A-Za-z0-9._-]{1,128}$/, 'letters, digits, ".", "_" and "-", at most 128')
const positiveInt = z.int().positive()
const notNegative = z.number().min(0)

const logLevel = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])

/** Parts of a daemon whose log lines name them, and whose level may be set by itself. */
export const LOG_COMPONENTS = ['daemon', 'pipeline', 'worker', 'kafka', 'process'] as const
export type LogComponent = (typeof LOG_COMPONENTS)[number]
const componentLevel = (what: string): z.ZodOptional<typeof logLevel> =>
  logLevel.optional().describe(`Of ${what}; default: \`log.level\`.`)

/** Beyond about 24 days a timer of Node.js fires at once. */
const DRAIN_MS_MAX = 86_400_000

/** Well below the transaction timeout of 10 s. */
const TRANSACTION_MS_MAX = 5_000

/** A number of points, or a duration such as `5m`. */
const pointsOrDuration = z.union(
  [positiveInt.transform((count) => ({ count })), durationMs.transform((spanMs) => ({ spanMs }))],
  'a number of points such as 4096, or a duration such as "5m"'
)

/** One time scale. */
export const scaleSchema = z.strictObject({
  name: name.describe('Name of the scale in results and metrics.'),
  window: pointsOrDuration.describe(
    'The most recent N points (`4096`), or the points of the last span of event time (`5m`).'
  ),
  slide: pointsOrDuration
    .prefault(1)
    .describe('An update every N points of the stream, or at every epoch-aligned multiple of a duration.'),
  filtration: z
    .enum(['sublevel', 'superlevel', 'rips'])
    .describe('Level sets of one channel, or the Vietoris-Rips complex of a point cloud.'),
  channel: z
    .string()
    .optional()
    .describe(
      'Which of `input.channels` (level sets, delay embedding); may be left out when there is only one.'
    ),
  pointsMax: positiveInt
    .default(16_384)
    .describe(
      'Hard limit of points in a window, or between two updates, by duration; a point beyond it is a dead letter. ' +
        'Memory is predicted for as many.'
    ),
  channels: z
    .array(z.string())
    .min(1)
    .optional()
    .describe('Rips: the channels that make up a point of the cloud; default: all.'),
  embedding: z
    .strictObject({
      dimension: positiveInt.max(256).describe('Samples that make up a point.'),
      delay: positiveInt.max(1_000_000).default(1).describe('Samples between two of them.'),
      stride: positiveInt
        .max(1_000_000)
        .default(1)
        .describe(
          'Only the points whose newest sample has a number (0, 1, 2, ...) that is a multiple of this.'
        )
    })
    .optional()
    .describe(
      'Rips: the cloud is the delay embedding of `channel`, x[i], x[i - delay], ..., inside the window.'
    ),
  metric: z.enum(METRICS).optional().describe('Rips: the distance of two points; default `euclidean`.'),
  weights: z
    .array(notNegative)
    .min(1)
    .optional()
    .describe(
      'Rips: factors of the coordinates, for example 1 / standard deviation of each channel; default: all 1.'
    ),
  maxDimension: z
    .union(
      [z.literal(0), z.literal(1), z.literal(2)],
      '0, 1 or 2 (for dimension 3 and above, compute whole windows: streaming-tda diagram --filtration rips)'
    )
    .optional()
    .describe(
      'Rips: the highest homology dimension; default 1. Dimension 2 is computed from scratch at every update.'
    ),
  threshold: notNegative
    .optional()
    .describe('Rips: longest edge of the complex; what is alive there has death null. Default: no limit.')
})

/** See docs/tracing.md. */
export const tracingSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe('Whether spans are made; `ENABLE_DISTRIBUTED_TRACING` in the environment decides before this.'),
  exporter: z
    .enum(['otlp-http', 'otlp-grpc'])
    .optional()
    .describe(
      'OTLP with protobuf over HTTP or gRPC; default: `OTEL_EXPORTER_OTLP_PROTOCOL`, else `otlp-http`.'
    ),
  endpoint: z
    .url({ protocol: /^https?$/, error: 'a URL such as http://localhost:4318' })
    .optional()
    .describe(
      'The collector, `http://host:4318` (HTTP, `/v1/traces` is added where there is no path) or `http://host:4317` (gRPC); ' +
        'default: `OTEL_EXPORTER_OTLP_ENDPOINT`, else this host.'
    ),
  sampler: z
    .strictObject({
      kind: z
        .enum(['ratio', 'parent', 'adaptive'])
        .default('parent')
        .describe(
          'A part of all traces by their id; what senders have sampled, and a part of what begins here; or so many a second ' +
            'of what begins here, and all that fail or are slow.'
        ),
      ratio: z.number().min(0).max(1).default(0.01).describe('`ratio` and `parent`: the part, 0 to 1.'),
      targetPerSecond: z
        .number()
        .min(0)
        .max(1000)
        .default(1)
        .describe('`adaptive`: traces begun here and kept, a second.'),
      slowMs: positiveInt
        .max(3_600_000)
        .default(1000)
        .describe('`adaptive`: a trace that takes so long is kept, in ms.')
    })
    .optional()
    .describe('Which traces are recorded; default: `OTEL_TRACES_SAMPLER`, else `parent` with 0.01.'),
  queueMax: positiveInt
    .max(100_000)
    .default(2048)
    .describe('Spans that wait for the collector; further ones are dropped and counted.'),
  linksMax: z
    .int()
    .min(0)
    .max(128)
    .default(32)
    .describe('Links of a span: of a batch to its records, of a result to the records behind it.'),
  recordsPerSecond: z
    .number()
    .min(0)
    .max(100_000)
    .default(2)
    .describe(
      'Records with a sampled context of their own that are followed to their results, a second; further ones are links of ' +
        'their batch.'
    ),
  batchesPerSecond: z
    .number()
    .min(0)
    .max(100_000)
    .default(1)
    .describe(
      'Batches that are recorded because a record of them is followed, a second; the sampler decides about the others.'
    ),
  recordsMax: positiveInt
    .max(100_000)
    .default(1024)
    .describe('Followed records that are remembered while their points are in a window.')
})

export const configSchema = z.strictObject({
  kafka: z
    .strictObject({
      brokers: z.array(z.string().min(1)).min(1).describe('host:port of at least one broker.'),
      groupId: name
        .default('streaming-tda')
        .describe('Consumer group; daemons of one group share the partitions.'),
      instanceId: name
        .optional()
        .describe(
          'A name of this daemon that stays the same over restarts and is unique in the group (static membership, ' +
            '`group.instance.id`): a restart within `session.timeout.ms` keeps its partitions. Default: none.'
        ),
      columnar: z
        .boolean()
        .default(true)
        .describe(
          'Take records from librdkafka in columns, where the optional addon for it is built; false: one object each.'
        ),
      librdkafka: z
        .record(z.string(), z.union([z.string(), z.number(), z.boolean()], 'a text, a number, true or false'))
        .default({})
        .describe(
          'Any librdkafka setting, of clients and of topics, passed through, for example `security.protocol` or ' +
            '`partitioner`; it wins over the settings here, but for those delivery rests on (`group.id`, ' +
            '`enable.auto.commit`, `auto.offset.reset`, `transactional.id`).'
        )
    })
    .optional()
    .describe('Where the brokers are. Needed by `run`; ignored by `replay`, `verify` and `demo`.'),
  input: z
    .strictObject({
      topic: name.default('tda.points').describe('Topic the points come from.'),
      partitions: positiveInt.default(4).describe('Partitions when the topic has to be created.'),
      format: z
        .enum(['json', 'csv', 'binary'])
        .default('json')
        .describe(
          'Encoding of a record: a JSON object or array of objects, CSV lines, or packed little-endian numbers.'
        ),
      columns: z
        .array(z.string())
        .optional()
        .describe('Column names of headerless CSV records, in order (format `csv` from Kafka).'),
      binary: z
        .strictObject({
          type: z
            .enum(['float64', 'float32'])
            .default('float64')
            .describe(
              'Type of a number. A row a point: a float64 timestamp with `timestamp.from: field` (`ms` or `s`), then the ' +
                'channels in order.'
            ),
          pointsMax: positiveInt
            .max(1_000_000)
            .default(65_536)
            .describe('Points in a record; one with more is a dead letter.')
        })
        .prefault({})
        .describe('Layout of records with the format `binary`; the stream is the record key.'),
      stream: z
        .strictObject({
          from: z.enum(['key', 'field']).describe('The record key, or a field.'),
          field: z.string().min(1).optional().describe('Field path or CSV column, with `from: field`.')
        })
        .default({ from: 'key' })
        .describe('What names the stream: the record key, or a field of the value.'),
      timestamp: z
        .strictObject({
          from: z
            .enum(['field', 'record', 'none'])
            .describe("A field, the log's own record timestamp, or no event time."),
          field: z.string().min(1).optional().describe('Field path or CSV column, with `from: field`.'),
          unit: z
            .enum(['iso', 'ms', 's'])
            .default('iso')
            .describe(
              'Of the field: ISO 8601 (UTC where it names no zone), or milliseconds or seconds since the epoch.'
            )
        })
        .default({ from: 'none', unit: 'iso' })
        .describe(
          'Event time: a field (ISO 8601, or milliseconds or seconds since the epoch), the record timestamp, or none.'
        ),
      channels: z
        .array(z.string().min(1))
        .min(1)
        .max(256)
        .describe('Field paths (`sensor.temperature`) or CSV columns whose numbers make up a point.')
    })
    .describe('Where points come from and how a record is read.'),
  scales: z
    .array(scaleSchema)
    .min(1)
    .max(64)
    .describe('The time scales; each stream has one engine for each.'),
  output: z
    .strictObject({
      topic: name.default('tda.diagrams').describe('Topic of the diagram updates; the key is the stream.'),
      deadLetterTopic: name
        .default('tda.dead-letters')
        .describe('Topic of the records that could not be used.'),
      stateTopic: name
        .default('tda.state')
        .describe('Compacted topic of what a restart needs to know of each stream.'),
      partitions: positiveInt.default(4).describe('Partitions when these topics have to be created.'),
      compression: z
        .enum(['none', 'gzip', 'snappy', 'lz4'])
        .default('lz4')
        .describe('Compression of published batches.')
    })
    .prefault({})
    .describe('Where results go.'),
  delivery: z
    .enum(['exactly-once', 'at-least-once'])
    .default('exactly-once')
    .describe(
      'Results, dead letters, state and input offsets in one Kafka transaction, for consumers that read committed ' +
        'records (`isolation.level`); or results first and then offsets, so that a crash repeats some.'
    ),
  publish: z
    .strictObject({
      transactionInterval: durationMs
        .refine((interval) => interval <= TRANSACTION_MS_MAX, 'a duration of at most "5s"')
        .prefault('50ms')
        .describe(
          'Exactly once: transactions begin at most so often. Shorter: results are seen earlier; longer: fewer ' +
            'requests to the brokers.'
        ),
      snapshotEvery: z
        .int()
        .min(0)
        .default(100)
        .describe(
          'A full snapshot after every so many updates of a scale, of each stream at its own place in the count; 0 = never.'
        ),
      maxBytes: z
        .int()
        .min(1024)
        .default(900_000)
        .describe(
          'A message above this size is split into numbered parts; a dead letter leaves without its value.'
        )
    })
    .prefault({})
    .describe('How results are cut.'),
  spool: z
    .strictObject({
      directory: z
        .string()
        .min(1)
        .describe('A directory of this daemon alone, on a disk that outlives a restart.'),
      maxBytes: z
        .int()
        .min(1 << 20)
        .default(1 << 30)
        .describe('Bytes on disk at most; a full spool stops the input.')
    })
    .optional()
    .describe(
      'With `delivery: at-least-once`: where results wait on disk while brokers are away. Without it the input waits.'
    ),
  streams: z
    .strictObject({
      max: positiveInt
        .default(1000)
        .describe('Streams at once; the points of a further key are dead letters.')
    })
    .prefault({})
    .describe('Limits on streams.'),
  state: z
    .strictObject({
      interval: durationMs
        .prefault('10s')
        .describe('How often the state of streams is written; a restart reads again what came after.'),
      idleAfter: durationMs
        .prefault('10m')
        .describe(
          'The window of a stream without records for so long is stored, so that the log need not keep it.'
        ),
      replayRecordsMax: positiveInt
        .default(1_000_000)
        .describe(
          'Records of a partition that a restart may have to read again; windows that reach further back are stored.'
        ),
      onLoss: z
        .enum(['refuse', 'rebuild-from-earliest'])
        .default('refuse')
        .describe(
          'When retention has removed what a restart needs: end with exit code 3, or begin windows anew at the oldest ' +
            'record and mark their updates `rebuilt`.'
        )
    })
    .prefault({})
    .describe('What a restart needs (in `output.stateTopic`), and what happens without it.'),
  pipeline: z
    .strictObject({
      workers: positiveInt
        .max(256)
        .optional()
        .describe('Worker threads; default: one less than the processors, at least 1.'),
      recordsMax: positiveInt.max(100_000).default(4096).describe('Records in one batch.'),
      batchesInFlight: positiveInt.max(64).default(4).describe('Batches between fetch and commit.'),
      lingerMs: z
        .int()
        .min(0)
        .max(1000)
        .default(5)
        .describe('How long a fetch may wait for more records, in ms.')
    })
    .prefault({})
    .describe('Pace and parallelism.'),
  limits: z
    .strictObject({
      memoryMiB: positiveInt
        .optional()
        .describe(
          'Memory the engines may need, predicted before start; from 80 % in use on, new streams are dead letters. ' +
            'Default: 70 % of the machine or its cgroup.'
        )
    })
    .prefault({})
    .describe('Hard limits.'),
  http: z
    .strictObject({
      host: z
        .string()
        .min(1)
        .default('127.0.0.1')
        .describe('Address `/metrics`, `/healthz` and `/readyz` listen on.'),
      port: z.int().min(0).max(65535).default(9464).describe('Port; 0 = any free one.')
    })
    .prefault({})
    .describe('The HTTP endpoint.'),
  metrics: z
    .strictObject({
      streams: z
        .array(z.string().min(1).max(1024))
        .max(100)
        .default([])
        .describe('Streams with series of their own; every other stream is counted in the sums only.'),
      exemplars: z
        .boolean()
        .default(true)
        .describe('Whether latencies name a trace that saw them (scraped as OpenMetrics, with tracing).')
    })
    .prefault({})
    .describe('What `/metrics` shows. May change at run time, by SIGHUP.'),
  log: z
    .strictObject({
      level: logLevel.default('info').describe('Lowest level that is logged.'),
      components: z
        .strictObject({
          daemon: componentLevel('start, stop, reload and health'),
          pipeline: componentLevel('batches, partitions, dead letters and failures'),
          worker: componentLevel('the worker threads and the native engines'),
          kafka: componentLevel("the brokers and Kafka's client"),
          process: componentLevel("Node's own warnings")
        } satisfies Record<LogComponent, z.ZodOptional<typeof logLevel>>)
        .default({})
        .describe('Other levels for parts of the daemon.'),
      debugStream: z
        .string()
        .min(1)
        .optional()
        .describe(
          'One stream whose every batch, advance, update and refused record is logged, at level debug.'
        )
    })
    .prefault({})
    .describe('Logging. May change at run time, by SIGHUP.'),
  tracing: tracingSchema
    .prefault({})
    .describe(
      'Traces by OpenTelemetry: [tracing.md](tracing.md). What is left out follows the standard `OTEL_*` ' +
        'variables. May change at run time, by SIGHUP.'
    ),
  shutdown: z
    .strictObject({
      timeout: durationMs
        .refine((timeout) => timeout <= DRAIN_MS_MAX, 'a duration of at most "1d"')
        .prefault('30s')
        .describe('How long a drain may take after SIGTERM before the process gives up.')
    })
    .prefault({})
    .describe('Stopping.')
})

/** The validated configuration, all defaults filled in, durations in milliseconds. */
export type Config = z.output<typeof configSchema>
/** One time scale of a {@link Config}. */
export type ScaleConfig = Config['scales'][number]
