/**
 * What happens to spans that have ended: kept ones wait in a bounded queue for the exporter, and those whose trace is
 * decided at its end wait for that.
 *
 *   ended span -> sampled? -> queue (queueMax) -> batches to the collector
 *              -> watched? -> its trace, until the root ends -> failed or slow: queue; else forgotten
 *
 *   (Q1) At most `queueMax` spans wait for the exporter; a further one is dropped and counted. Nobody ever waits.
 *   (Q2) At most TRACES_MAX traces of SPANS_MAX spans are watched; the oldest trace is forgotten, a further span dropped, and
 *        both are counted.
 *   (Q3) A collector that does not answer is one line in the log, and one when it answers again.
 *
 * The queue itself is the SDK's BatchSpanProcessor: one export at a time, with a deadline. It counts what it drops only
 * for itself, so the counting is done here, before it.
 */
import { SpanStatusCode, TraceFlags, type SpanContext } from '@opentelemetry/api'
import { ExportResultCode, hrTimeToMilliseconds, type ExportResult } from '@opentelemetry/core'
import {
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor
} from '@opentelemetry/sdk-trace'
import type { TracingLogger, TracingStatistics } from './tracing-statistics.js'

const TRACES_MAX = 256
const SPANS_MAX = 256
/** Spans in one request. */
const BATCH_MAX = 512
/** A full queue is said so often. */
const SAY_AGAIN_MS = 60_000

export interface ExportQueueOptions {
  readonly exporter: SpanExporter
  /** For people: where spans go. */
  readonly target: string
  readonly queueMax: number
  /** How long spans wait for others at most. */
  readonly delayMs: number
  /** From how long on a watched trace is slow. May change while in use. */
  readonly slowMs: () => number
  readonly logger: TracingLogger | undefined
}

interface Watched {
  readonly spans: ReadableSpan[]
  failed: boolean
}

export class ExportQueue implements SpanProcessor {
  readonly #options: ExportQueueOptions
  readonly #batches: BatchSpanProcessor
  readonly #watched = new Map<string, Watched>()
  /** Traces kept at their end: what comes late belongs to them. */
  readonly #kept = new Set<string>()
  #waiting = 0
  #exported = 0
  #droppedByQueue = 0
  #droppedByExport = 0
  #droppedWatching = 0
  #forgotten = 0
  #down = false
  #sayAgainMs = 0

  constructor(options: ExportQueueOptions) {
    this.#options = options
    const { exporter, queueMax, delayMs } = options
    this.#batches = new BatchSpanProcessor({
      exporter: {
        export: (spans, done) => this.#export(spans, done),
        shutdown: () => exporter.shutdown()
      },
      maxQueueSize: queueMax,
      maxExportBatchSize: Math.min(BATCH_MAX, queueMax),
      scheduledDelayMillis: delayMs
    })
  }

  get statistics(): TracingStatistics {
    return {
      exported: this.#exported,
      waiting: this.#waiting,
      dropped: {
        queue_full: this.#droppedByQueue,
        export_failed: this.#droppedByExport,
        trace_too_large: this.#droppedWatching
      },
      forgotten: this.#forgotten
    }
  }

  onStart(span: { spanContext(): SpanContext; readonly parentSpanContext?: SpanContext }): void {
    const { traceId, traceFlags } = span.spanContext()
    if ((traceFlags & TraceFlags.SAMPLED) !== 0 || !isRoot(span)) return
    if (this.#watched.size >= TRACES_MAX) {
      const [oldest] = this.#watched.keys()
      this.#watched.delete(oldest!)
      this.#forgotten += 1
    }
    this.#watched.set(traceId, { spans: [], failed: false })
  }

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0) this.#enqueue(span)
    else this.#watch(span)
  }

  forceFlush(): Promise<void> {
    return this.#batches.forceFlush()
  }

  shutdown(): Promise<void> {
    return this.#batches.shutdown()
  }

  #watch(span: ReadableSpan): void {
    const { traceId } = span.spanContext()
    if (this.#kept.has(traceId)) this.#enqueue(asSampled(span))
    const watched = this.#watched.get(traceId)
    if (watched === undefined) return
    watched.failed ||= span.status.code === SpanStatusCode.ERROR
    if (watched.spans.length < SPANS_MAX || isRoot(span)) watched.spans.push(span)
    else this.#droppedWatching += 1
    if (!isRoot(span)) return
    this.#watched.delete(traceId)
    if (!watched.failed && hrTimeToMilliseconds(span.duration) < this.#options.slowMs()) return
    this.#remember(traceId)
    for (const one of watched.spans) this.#enqueue(asSampled(one))
  }

  #remember(traceId: string): void {
    this.#kept.add(traceId)
    if (this.#kept.size <= TRACES_MAX) return
    const [oldest] = this.#kept
    this.#kept.delete(oldest!)
  }

  #enqueue(span: ReadableSpan): void {
    const { queueMax, logger, target } = this.#options
    if (this.#waiting < queueMax) {
      this.#waiting += 1
      this.#batches.onEnd(span)
      return
    }
    this.#droppedByQueue += 1
    const nowMs = performance.now()
    if (this.#down || nowMs < this.#sayAgainMs) return
    this.#sayAgainMs = nowMs + SAY_AGAIN_MS
    const dropped = this.#droppedByQueue
    logger?.warn(
      { target, dropped, queueMax },
      'spans are dropped: the queue is full; sample less, or raise tracing.queueMax'
    )
  }

  #export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#waiting -= spans.length
    this.#options.exporter.export(spans, (result) => {
      this.#exportedOrNot(spans.length, result)
      // A failure is told here and is none for the SDK, which would print every one.
      done({ code: ExportResultCode.SUCCESS })
    })
  }

  #exportedOrNot(spans: number, { code, error }: ExportResult): void {
    const { logger, target } = this.#options
    const ok = code === ExportResultCode.SUCCESS
    if (ok) this.#exported += spans
    else this.#droppedByExport += spans
    if (ok !== this.#down) return
    this.#down = !ok
    if (ok) logger?.info({ target }, `traces are delivered to ${target} again`)
    else {
      const reason = error?.message ?? 'no reason given'
      logger?.warn(
        { target, reason },
        `traces cannot be delivered to ${target}: ${reason}; spans are dropped until it answers`
      )
    }
  }
}

function isRoot({ parentSpanContext }: { readonly parentSpanContext?: SpanContext }): boolean {
  return parentSpanContext === undefined || parentSpanContext.isRemote === true
}

/** The same span as one that was sampled, or the SDK would leave it out. */
function asSampled(span: ReadableSpan): ReadableSpan {
  const context = { ...span.spanContext(), traceFlags: TraceFlags.SAMPLED }
  return Object.create(span, { spanContext: { value: () => context } }) as ReadableSpan
}
