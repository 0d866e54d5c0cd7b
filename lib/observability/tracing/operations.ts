/** Operations of a program as spans, by the active context of the OpenTelemetry API. Loaded with the SDK. */
import { context, ROOT_CONTEXT, SpanKind, trace, type Attributes, type Context } from '@opentelemetry/api'
import { contextFrom, fail, remote } from './pipeline-spans.js'
import type { Sdk } from './sdk.js'
import type { TraceContext } from './trace-context.js'

const KINDS = {
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER
} as const

/** How a traced operation is described. */
export interface OperationOptions {
  /** Its part in a conversation between processes; default `internal`. */
  readonly kind?: keyof typeof KINDS
  readonly attributes?: SpanAttributes
  /** What it continues; default: the operation it runs in, or a new trace. */
  readonly parent?: TraceContext | null
  /** What it has to do with. */
  readonly links?: readonly TraceContext[]
}

/** Attributes of a span. Names by the semantic conventions of OpenTelemetry where there is one: see docs/tracing.md. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | readonly string[]>>

export function traceOperation<T>(sdk: Sdk, name: string, operation: () => T, options: OperationOptions): T {
  const { kind = 'internal', attributes, parent, links = [] } = options
  const around = parent ? trace.setSpanContext(ROOT_CONTEXT, remote(parent)) : context.active()
  const span = sdk.tracer.startSpan(
    name,
    {
      kind: KINDS[kind],
      ...(attributes === undefined ? {} : { attributes: attributes as Attributes }),
      links: links.map((one) => ({ context: remote(one) }))
    },
    around
  )
  const inside: Context = trace.setSpan(around, span)
  let result: T
  try {
    result = context.with(inside, operation)
  } catch (error) {
    fail(span, error)
    throw error
  }
  if (!isPromise(result)) {
    span.end()
    return result
  }
  return result.then(
    (value) => {
      span.end()
      return value
    },
    (error: unknown) => {
      fail(span, error)
      throw error
    }
  ) as T
}

export function addSpanAttributes(attributes: SpanAttributes): void {
  trace.getActiveSpan()?.setAttributes(attributes as Attributes)
}

export function activeContext(): TraceContext | null {
  const active = trace.getActiveSpan()?.spanContext()
  return active === undefined ? null : contextFrom(active)
}

function isPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise
}
