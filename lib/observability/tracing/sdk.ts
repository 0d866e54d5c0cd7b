/**
 * The OpenTelemetry SDK, set up and taken down: the only module that loads it, and loaded only when tracing is on (about a
 * second and 200 MB). One SDK a process: where an application has registered its own, spans go there, and its sampler
 * and exporter are used.
 */
import { createRequire } from 'node:module'
import { hostname } from 'node:os'
import { context, propagation, trace, type Context, type Tracer } from '@opentelemetry/api'
import { NodeSDK, resources } from '@opentelemetry/sdk-node'
import { TracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace'
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions'
import type { TracingSettings } from '../../config/tracing.js'
import { ChosenIds } from './chosen-ids.js'
import { ExportQueue } from './export-queue.js'
import { ChangeableSampler } from './samplers.js'
import { SparingContexts } from './sparing-contexts.js'
import { noStatistics, type TracingLogger, type TracingStatistics } from './tracing-statistics.js'

const NAME = 'streaming-tda'
/** By the semantic conventions; not stable there yet. */
const HOST_NAME = 'host.name'
/** What delivering the last spans may take: one export, as long as the environment says nothing else. */
const SHUTDOWN_MS_MAX = 4_000

/** An SDK that runs. */
export interface Sdk {
  readonly tracer: Tracer
  readonly sampler: ChangeableSampler
  /** `null` where the application's SDK makes them. */
  readonly ids: ChosenIds | null
  readonly statistics: TracingStatistics
  /** Runs `work`, which waits for nothing, with the context active. */
  inside<T>(context: Context, work: () => T): T
  /** Sends what has ended. Never rejects. */
  flush(): Promise<void>
  /** Sends what has ended, within a limit, and gives the global registrations back. */
  shutdown(): Promise<void>
}

interface Output {
  readonly exporter: SpanExporter
  readonly target: string
}

/** Does all that can fail, beside an SDK that runs; what it answers starts the new one. One SDK a process: end the old one first. */
export async function prepareSdk(
  settings: TracingSettings,
  logger: TracingLogger | undefined
): Promise<() => Sdk> {
  const output = await createExporter(settings)
  return () => startSdk(settings, output, logger)
}

function startSdk(
  settings: TracingSettings,
  { exporter, target }: Output,
  logger: TracingLogger | undefined
): Sdk {
  const { version } = createRequire(import.meta.url)('../../../../package.json') as { version: string }
  const sampler = new ChangeableSampler(settings.sampler)
  if (isRegistered()) {
    logger?.info(
      {},
      'traces go to the OpenTelemetry SDK of the application; its sampler and exporter are used'
    )
    void exporter.shutdown().catch(() => {})
    const nothing = async (): Promise<void> => {}
    const tracer = trace.getTracer(NAME, version)
    return {
      tracer,
      sampler,
      ids: null,
      statistics: noStatistics,
      inside: (active, work) => context.with(active, work),
      flush: nothing,
      shutdown: nothing
    }
  }
  const ids = new ChosenIds(sampler)
  const contexts = new SparingContexts()
  const queue = new ExportQueue({
    exporter,
    target,
    queueMax: settings.queueMax,
    delayMs: settings.delayMs,
    slowMs: () => sampler.slowMs,
    logger
  })
  const own = resources.resourceFromAttributes({
    [ATTR_SERVICE_NAME]: NAME,
    [ATTR_SERVICE_VERSION]: version,
    [HOST_NAME]: hostname()
  })
  const sdk = new NodeSDK({
    resource: resources.defaultResource().merge(own), // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come after it.
    // Without the SDK's detector of hosts: it asks programs for an id of the machine, and the first spans wait for it.
    ...(settings.ownDetectors
      ? {}
      : { resourceDetectors: [resources.envDetector, resources.processDetector] }),
    sampler,
    idGenerator: ids,
    contextManager: contexts,
    spanProcessors: [queue],
    metricReaders: [],
    logRecordProcessors: []
  })
  sdk.start()
  logger?.info({ target, sampler: settings.sampler }, `traces go to ${target}`)
  const flush = (): Promise<void> => queue.forceFlush().catch(() => {})
  return {
    tracer: trace.getTracer(NAME, version),
    sampler,
    ids,
    get statistics() {
      return queue.statistics
    },
    inside: (active, work) => contexts.inside(active, work),
    flush,
    async shutdown() {
      await within(
        SHUTDOWN_MS_MAX,
        sdk.shutdown().catch(() => {})
      )
      trace.disable()
      context.disable()
      propagation.disable()
    }
  }
}

/** Whether somebody in this process has registered a tracer provider: then a second one is not taken. */
function isRegistered(): boolean {
  if (!trace.setGlobalTracerProvider(new TracerProvider())) return true
  trace.disable()
  return false
}

async function createExporter({ exporter, endpoint, timeoutMs }: TracingSettings): Promise<Output> {
  const timeoutMillis = timeoutMs
  if (exporter === 'otlp-grpc') {
    const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-grpc')
    const target = endpoint ?? 'the collector of the OTEL_* environment (gRPC)'
    return {
      exporter: new OTLPTraceExporter({
        timeoutMillis,
        ...(endpoint === undefined ? {} : { url: endpoint })
      }),
      target
    }
  }
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto')
  if (endpoint === undefined)
    return {
      exporter: new OTLPTraceExporter({ timeoutMillis }),
      target: 'the collector of the OTEL_* environment (HTTP)'
    }
  const url = new URL(endpoint)
  if (url.pathname === '/') url.pathname = '/v1/traces'
  return { exporter: new OTLPTraceExporter({ timeoutMillis, url: url.href }), target: url.href }
}

async function within(limitMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, limitMs)))
  await Promise.race([work, limit])
  clearTimeout(timer)
}
