/**
 * Tracing as the rest of the program sees it: one object that is always there, on or off, and can be changed while it is
 * in use. The SDK is loaded when it is first switched on; off, a call costs a comparison.
 */
import { tracingSettings, type TracingOptions, type TracingSettings } from '../../config/tracing.js'
import type { OperationOptions, SpanAttributes } from './operations.js'
import type { PipelineNames } from './pipeline-spans.js'
import type { Sdk } from './sdk.js'
import { noTracer, type PipelineTracer } from './pipeline-tracer.js'
import { contextOf, withContext, type Headers, type TraceContext } from './trace-context.js'
import { noStatistics, type TracingLogger, type TracingStatistics } from './tracing-statistics.js'

/** What is loaded while tracing is on. */
interface Loaded {
  readonly modules: typeof import('./loaded.js')
  readonly sdk: Sdk
}

/**
 * Spans over OTLP, to Jaeger, Tempo or any OpenTelemetry collector, and the W3C trace context in and out of records.
 *
 * @example
 * const tracer = await DistributedTracer.start({
 *   enabled: true,
 *   endpoint: 'http://127.0.0.1:4318', // nobody has to listen: spans are then dropped, and one line is logged
 *   sampler: { kind: 'ratio', ratio: 1 }
 * })
 * const headers = await tracer.traceOperation('read sensor', async () => {
 *   tracer.addSpanAttributes({ 'sensor.id': 'mote-1' })
 *   return tracer.injectContext([['source', 'gateway']]) // for the record that is published
 * })
 * console.log(headers.map(([name]) => name)) // [ 'source', 'traceparent' ]
 * console.log(tracer.extractContext(headers).sampled) // true
 * await tracer.shutdown()
 */
export class DistributedTracer {
  readonly #logger: TracingLogger | undefined
  #settings: TracingSettings
  #loaded: Loaded | null = null
  readonly #pipelines = new Map<PipelineNames, PipelineTracer>()
  /** What it was before an SDK was taken down: counters do not go back. */
  #before: TracingStatistics = noStatistics
  #changing: Promise<void> = Promise.resolve()

  /**
   * Starts tracing where it is enabled, by the options or by `ENABLE_DISTRIBUTED_TRACING` in the environment.
   * Loading the SDK takes about a second and 200 MB. A collector that does not answer is no error.
   *
   * @throws {TdaError} CONFIG_INVALID when an option or a variable of the environment cannot be understood.
   */
  static async start(
    options: TracingOptions = {},
    parts: { logger?: TracingLogger } = {}
  ): Promise<DistributedTracer> {
    const settings = tracingSettings(options)
    const tracer = new DistributedTracer(settings, parts.logger)
    if (settings.enabled) tracer.#loaded = (await prepare(settings, parts.logger))()
    return tracer
  }

  private constructor(settings: TracingSettings, logger: TracingLogger | undefined) {
    this.#settings = settings
    this.#logger = logger
  }

  /** Whether spans are made. */
  get enabled(): boolean {
    return this.#loaded !== null
  }

  /** Spans delivered and lost since the start. */
  get statistics(): TracingStatistics {
    return added(this.#before, this.#loaded?.sdk.statistics ?? noStatistics)
  }

  /**
   * Runs `operation` as a span: active while it runs, ended when it returns or when its promise settles, failed when it
   * throws or rejects. About 5 us recorded, 2 us not. The result is the operation's own.
   *
   * @param options.parent what it continues, for instance `extractContext(record.headers)`; default: the operation it
   * runs in.
   */
  traceOperation<T>(name: string, operation: () => T, options: OperationOptions = {}): T {
    const loaded = this.#loaded
    return loaded ? loaded.modules.traceOperation(loaded.sdk, name, operation, options) : operation()
  }

  /** Adds attributes to the operation this runs in; nothing where there is none. */
  addSpanAttributes(attributes: SpanAttributes): void {
    this.#loaded?.modules.addSpanAttributes(attributes)
  }

  /** `headers` with `traceparent` and `tracestate` of the operation this runs in; unchanged where there is none. */
  injectContext(headers: Headers = []): Headers {
    const active = this.#loaded?.modules.activeContext() ?? null
    return active === null ? headers : withContext(headers, active)
  }

  /** The W3C context in headers of a record or a message, or `null`: none, or not a valid one. Works when off, too. */
  extractContext(headers: Headers | undefined): TraceContext | null {
    return contextOf(headers)
  }

  /**
   * Changes tracing while it is in use. A sampler and its numbers change for the next trace; anything else starts the SDK
   * anew, after what has ended was sent. Changes are made one after the other.
   *
   * @throws {TdaError} CONFIG_INVALID as `start`, or what the exporter says of its settings; nothing has changed then.
   */
  async reconfigure(options: TracingOptions): Promise<void> {
    const settings = tracingSettings(options)
    const change = this.#changing.then(() => this.#change(settings))
    this.#changing = change.catch(() => {})
    await change
  }

  /** The spans of one pipeline; follows every change. */
  pipeline(names: PipelineNames): PipelineTracer {
    const current = (): PipelineTracer => this.#pipelines.get(names) ?? this.#pipeline(names)
    return {
      batch: (arrival) => current().batch(arrival),
      commit: (partitions, commit) => current().commit(partitions, commit),
      failed: (error) => current().failed(error)
    }
  }

  /** Sends what has ended. Never rejects. */
  async flush(): Promise<void> {
    await this.#loaded?.sdk.flush()
  }

  /** Sends what has ended, within 4 s, and switches off. Never rejects. */
  async shutdown(): Promise<void> {
    await this.#changing
    const loaded = this.#loaded
    if (loaded === null) return
    this.#loaded = null
    this.#pipelines.clear()
    await loaded.sdk.shutdown()
    this.#before = { ...added(this.#before, loaded.sdk.statistics), waiting: 0 }
  }

  async #change(settings: TracingSettings): Promise<void> {
    if (this.#loaded !== null && settings.enabled && sameButSampler(this.#settings, settings)) {
      this.#settings = settings
      this.#loaded.sdk.sampler.change(settings.sampler)
      this.#logger?.info({ sampler: settings.sampler }, 'tracing: the sampler has changed')
      return
    }
    const start = settings.enabled ? await prepare(settings, this.#logger) : null
    this.#settings = settings
    const running = this.#loaded
    this.#loaded = null
    this.#pipelines.clear()
    if (running !== null) {
      await running.sdk.shutdown()
      this.#before = { ...added(this.#before, running.sdk.statistics), waiting: 0 }
      this.#logger?.info({}, 'tracing is off')
    }
    if (start !== null) this.#loaded = start()
    this.#pipelines.clear()
  }

  #pipeline(names: PipelineNames): PipelineTracer {
    const loaded = this.#loaded
    if (loaded === null) return noTracer
    const { sdk, modules } = loaded
    const spans = new modules.PipelineSpans(sdk, names, this.#settings)
    this.#pipelines.set(names, spans)
    return spans
  }
}

/** What can fail fails here; what it answers starts the SDK. */
async function prepare(settings: TracingSettings, logger: TracingLogger | undefined): Promise<() => Loaded> {
  const modules = await import('./loaded.js')
  const start = await modules.prepareSdk(settings, logger)
  return () => ({ modules, sdk: start() })
}

function sameButSampler(a: TracingSettings, b: TracingSettings): boolean {
  const text = (settings: TracingSettings): string => JSON.stringify({ ...settings, sampler: null })
  return text(a) === text(b)
}

function added(a: TracingStatistics, b: TracingStatistics): TracingStatistics {
  return {
    exported: a.exported + b.exported,
    waiting: b.waiting,
    dropped: {
      queue_full: a.dropped.queue_full + b.dropped.queue_full,
      export_failed: a.dropped.export_failed + b.dropped.export_failed,
      trace_too_large: a.dropped.trace_too_large + b.dropped.trace_too_large
    },
    forgotten: a.forgotten + b.forgotten
  }
}
