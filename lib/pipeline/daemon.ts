/**
 * The daemon, put together: topics, subscription, pipeline, metrics and the HTTP endpoint over one event mesh. `run`
 * and `demo` differ in the mesh they bring.
 */
import { createDecoder } from '../adapters/decoder.js'
import { memoryLimit, processMemory, requireMemory } from '../config/memory.js'
import type { Config } from '../config/schema.js'
import { brokerCode, BrokerGuard } from '../mesh/broker-guard.js'
import { TdaError } from '../errors.js'
import type { EventMesh, Subscription, TopicSettings } from '../mesh/event-mesh.js'
import { startHttpServer, type Health, type HttpServer } from '../observability/http-server.js'
import { createMetrics, type Metrics } from '../observability/metrics.js'
import { DistributedTracer } from '../observability/tracing/distributed-tracer.js'
import type { PipelineNames } from '../observability/tracing/pipeline-spans.js'
import { BrokerWatch } from './broker-watch.js'
import { healthOf } from './health.js'
import { componentLogger } from './pipeline-logger.js'
import { Pipeline, type PipelineLogger } from './pipeline.js'
import { openDelivery, type Delivery } from './delivery.js'
import { measuredMesh } from './measured-mesh.js'
import { meshStateStore, partitionMissing, STATE_TOPIC_SETTINGS, type StateStore } from './restore.js'

/** Where a configuration has no `kafka` section: on the embedded broker and in process. */
const GROUP_ID = 'streaming-tda'
/** At start brokers that do not answer are an error; later they are waited for. */
const CREATE_ATTEMPTS = 5
/** How often the broker is asked for the lag. */
const LAG_MS = 2_000
/** librdkafka's default of `session.timeout.ms`. */
const SESSION_MS = 45_000
/** Without partitions for so long, the log says what is waited for. */
const ASSIGNMENT_MS = 5_000

/** What a daemon is given besides its configuration. */
export interface DaemonParts {
  /** Closed by its owner, after the daemon. */
  readonly mesh: EventMesh
  /** Default: says nothing. */
  readonly logger?: PipelineLogger
  /** Aborting it drains the daemon. */
  readonly signal?: AbortSignal
  /** Told when the work is over, well or not, and closing begins: brokers that are silent can make it last. */
  readonly closing?: () => void
  /** Default: metrics of its own. */
  readonly metrics?: Metrics
  /** Shut down by its owner, after the daemon. Default: one of its own, as `tracing` of the configuration says. */
  readonly tracer?: DistributedTracer
  /** Whether to listen on `http.host`:`http.port`. Default true. */
  readonly http?: boolean
}

/** A daemon that has joined its group. */
export interface Daemon {
  /** Its state and totals. */
  readonly pipeline: Pipeline
  readonly metrics: Metrics
  /** Can be reconfigured while the daemon runs. */
  readonly tracer: DistributedTracer
  /** Where `/metrics`, `/healthz` and `/readyz` are, or `null` without HTTP. */
  readonly url: string | null
  /** Runs until the signal aborts, then closes everything it opened. @throws what the pipeline throws. */
  run(): Promise<void>
}

/**
 * Creates missing topics, joins the group and starts listening; `run` does the work.
 *
 * @throws MEMORY_LIMIT when the windows may need more than `limits.memoryMiB`; BROKER when the broker does not answer, NOT_SUPPORTED when it cannot give a topic its partitions, LISTEN when
 * the address is taken; nothing is left open.
 * @example
 * const config = validateConfig({
 *   input: { topic: 'points', channels: ['x'] },
 *   scales: [{ name: 'short', window: 64, filtration: 'sublevel' }]
 * })
 * const mesh = new InProcessEventMesh() // or await KafkaEventMesh.connect({ brokers: ['localhost:9092'] })
 * const stop = new AbortController()
 * const daemon = await createDaemon(config, { mesh, signal: stop.signal, http: false })
 * const running = daemon.run()
 * await mesh.publish('points', [{ key: 'a', value: '{"x":1}' }])
 * stop.abort() // what was read is published and committed
 * await running
 * console.log(daemon.pipeline.state.kind) // stopped
 * await mesh.close()
 */
export async function createDaemon(config: Config, parts: DaemonParts): Promise<Daemon> {
  const { mesh, logger, signal } = parts
  requireMemory(config)
  const metrics = parts.metrics ?? createMetrics(config.metrics)
  metrics.memoryLimit(memoryLimit(config))
  const { input, output } = config
  const guard = new BrokerGuard({
    report: (state) => metrics.breaker(state),
    changed: (state, text) => logger?.[state === 'open' ? 'warn' : 'info']({ state }, text),
    retried: (error) => metrics.brokerFailed(brokerCode(error))
  })
  const create = (topic: string, partitions: number, settings?: TopicSettings): Promise<void> =>
    guard.run(() => mesh.createStream(topic, partitions, settings), CREATE_ATTEMPTS)
  await create(input.topic, input.partitions)
  await create(output.topic, output.partitions)
  await create(output.deadLetterTopic, output.partitions)
  const groupId = config.kafka?.groupId ?? GROUP_ID
  const state = await openState(config, parts, groupId, create, guard)
  let pipeline: Pipeline | undefined
  const watch = new BrokerWatch(componentLogger(logger, 'kafka'), (up) => metrics.brokerUp(up))
  const health = (): Health =>
    healthOf(pipeline?.state ?? { kind: 'starting' }, watch.down() ?? guard.trouble, pipeline?.restoreText)
  const tracer = parts.tracer ?? (await DistributedTracer.start(config.tracing, logger ? { logger } : {}))
  const pipelineTracer = tracer.pipeline(namesOf(config))
  let http: HttpServer | null = null
  let source: Subscription | undefined
  let delivery: Delivery | undefined
  try {
    if (parts.http !== false) http = await startHttpServer({ ...config.http, metrics, health })
    source = await mesh.subscribe(input.topic, { groupId })
    delivery = await openDelivery(measuredMesh(mesh, metrics), source, config, {
      guard,
      metrics,
      tracer: pipelineTracer,
      omitted: (updates) => pipeline?.omitted(updates),
      ...(logger ? { logger } : {})
    })
    sayGuarantee(config, delivery, logger)
    pipeline = new Pipeline({
      config,
      source,
      decoder: createDecoder(config),
      delivery,
      metrics,
      ...(state ? { state } : {}),
      tracer: pipelineTracer,
      memoryLimits: { native: memoryLimit(config), resident: processMemory() },
      ...(logger ? { logger } : {}),
      ...(signal ? { signal } : {})
    })
  } catch (error) {
    await delivery?.close()
    await source?.close()
    if (parts.tracer === undefined) await tracer.shutdown()
    await http?.close()
    throw error
  }
  if (http) logger?.info({ url: http.url }, `metrics and health at ${http.url}`)
  const sayWaiting = (): void => {
    if (pipeline.state.kind !== 'starting') return
    const sessionMs = Number(config.kafka?.librdkafka['session.timeout.ms'] ?? SESSION_MS)
    const why = `a member that crashed gives its partitions up after session.timeout.ms (${sessionMs} ms)`
    logger?.info({ topic: input.topic }, `waiting for partitions of "${input.topic}"; ${why}`)
  }
  const closing = parts.closing ?? ((): void => {})
  const ownTracer = parts.tracer === undefined
  const observers = { metrics, tracer, ownTracer, watch, sayWaiting, closing }
  const opened = { pipeline, source, delivery, guard, http, ...observers }
  return { pipeline, metrics, tracer, url: http?.url ?? null, run: () => run(opened) }
}

function namesOf({ kafka, input, output, scales }: Config): PipelineNames {
  return {
    topic: input.topic,
    groupId: kafka?.groupId ?? GROUP_ID,
    outputTopic: output.topic,
    deadLetterTopic: output.deadLetterTopic,
    scales: scales.map(({ name }) => name)
  }
}

interface Opened {
  readonly pipeline: Pipeline
  readonly source: Subscription
  readonly delivery: Delivery
  readonly guard: BrokerGuard
  readonly http: HttpServer | null
  readonly metrics: Metrics
  readonly tracer: DistributedTracer
  readonly ownTracer: boolean
  readonly watch: BrokerWatch
  readonly sayWaiting: () => void
  readonly closing: () => void
}

/** The state topic has the partitions of the input topic, one each. `null` where the mesh cannot keep it. */
async function openState(
  config: Config,
  { mesh, logger }: DaemonParts,
  groupId: string,
  create: (topic: string, partitions: number, settings: TopicSettings) => Promise<void>,
  guard: BrokerGuard
): Promise<StateStore | null> {
  if (!mesh.capabilities.compaction) {
    logger?.info(
      {},
      'no state is kept, because nothing compacts its topic here: a restart reads all records again'
    )
    return null
  }
  const { input, output } = config
  const count = (topic: string): Promise<number> =>
    guard.run(() => partitionsOf(mesh, topic), CREATE_ATTEMPTS)
  const wanted = await count(input.topic)
  await create(output.stateTopic, wanted, STATE_TOPIC_SETTINGS)
  const found = await count(output.stateTopic)
  const repeat: StateStore['repeat'] = (attempt) => guard.run(attempt)
  if (found >= wanted) return meshStateStore(mesh, config, groupId, repeat)
  throw partitionMissing(output.stateTopic, found, input.topic, wanted)
}

/** A topic that was just made is not known to every broker at once. @throws BROKER, retriable, meanwhile */
async function partitionsOf(mesh: EventMesh, topic: string): Promise<number> {
  const partitions = await mesh.partitions(topic)
  if (partitions > 0) return partitions
  throw new TdaError('BROKER', `topic "${topic}" is not there (yet)`, { retriable: true })
}

function sayGuarantee(config: Config, { guarantee }: Delivery, logger: PipelineLogger | undefined): void {
  if (guarantee === config.delivery) logger?.info({ delivery: guarantee }, `delivery: ${guarantee}`)
  else logger?.warn({ delivery: guarantee }, `delivery: ${guarantee}, because there are no transactions here`)
}

async function run(opened: Opened): Promise<void> {
  const { pipeline, source, delivery, guard, http, metrics, tracer, watch, sayWaiting, closing } = opened
  watch.answered() // Joining took an answer, however long ago the daemon was made.
  metrics.beforeScrape(() => {
    pipeline.sample()
    metrics.tracing(tracer.statistics)
  })
  let keeping = false
  /** Beside the questions for the lag: it may wait for a partition without a leader, and that is no silence of all brokers. */
  const keepState = async (): Promise<void> => {
    if (keeping) return
    keeping = true
    await pipeline.keepState().catch((error: unknown) => watch.failed(error))
    keeping = false
  }
  let asking = false
  const sampling = setInterval(() => {
    watch.check()
    pipeline.sampleMemory()
    if (asking) return // A broker that does not answer is not asked twice.
    asking = true
    pipeline
      .sampleLag()
      .then(
        () => {
          watch.answered()
          void keepState()
        },
        (error: unknown) => watch.failed(error)
      )
      .finally(() => (asking = false))
  }, LAG_MS)
  const waiting = setTimeout(sayWaiting, ASSIGNMENT_MS)
  try {
    await pipeline.run()
  } finally {
    closing()
    clearTimeout(waiting)
    clearInterval(sampling)
    metrics.beforeScrape(() => {})
    guard.close()
    await delivery.close()
    await source.close()
    if (opened.ownTracer) await tracer.shutdown()
    await http?.close()
  }
}
