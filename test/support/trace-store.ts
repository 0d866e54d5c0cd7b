/** Where a test looks for traces: a real Jaeger's query API, or the receiver of `otlp-receiver.ts` where there is none. */
import { setTimeout as pause } from 'node:timers/promises'
import { OtlpReceiver } from './otlp-receiver.js'

export interface StoredSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  readonly attributes: Readonly<Record<string, unknown>>
  /** Spans this one links to. */
  readonly links: readonly string[]
}

export interface TraceStore {
  readonly description: string
  readonly otlpHttp: string
  /** `null`: cannot be had. */
  readonly otlpGrpc: string | null
  trace(traceId: string): Promise<readonly StoredSpan[]>
  close(): Promise<void>
}

interface JaegerSpan {
  readonly traceID: string
  readonly spanID: string
  readonly operationName: string
  readonly references: readonly { refType: 'CHILD_OF' | 'FOLLOWS_FROM'; traceID: string; spanID: string }[]
  readonly tags: readonly { key: string; value: unknown }[]
}

/** `JAEGER_ENDPOINT`, as `scripts/jaeger.mjs up` prints it; without it the receiver, said loudly. */
export async function openTraceStore(): Promise<TraceStore> {
  const given = process.env['JAEGER_ENDPOINT']
  if (given === undefined) {
    process.stderr.write(
      'NO REAL JAEGER (node scripts/jaeger.mjs up): traces go to the OTLP receiver of the tests\n'
    )
    return receiverStore(await OtlpReceiver.start())
  }
  const { query, otlpHttp, otlpGrpc } = JSON.parse(given) as Record<'query' | 'otlpHttp' | 'otlpGrpc', string>
  return {
    description: `Jaeger at ${query}`,
    otlpHttp,
    otlpGrpc,
    async trace(traceId) {
      const response = await fetch(`${query}/api/traces/${traceId}`)
      if (response.status === 404) return []
      const { data } = (await response.json()) as { data: readonly { spans: readonly JaegerSpan[] }[] }
      return data.flatMap(({ spans }) => spans.map(fromJaeger))
    },
    close: async () => {}
  }
}

function fromJaeger({ traceID, spanID, operationName, references, tags }: JaegerSpan): StoredSpan {
  // Jaeger writes links as references too; the parent is the one of the same trace that it puts first.
  const parent = references.find(({ refType, traceID: trace }) => refType === 'CHILD_OF' && trace === traceID)
  return {
    traceId: traceID,
    spanId: spanID,
    parentSpanId: parent?.spanID,
    name: operationName,
    attributes: Object.fromEntries(tags.map(({ key, value }) => [key, value])),
    links: references.filter((one) => one !== parent).map((one) => one.spanID)
  }
}

function receiverStore(receiver: OtlpReceiver): TraceStore {
  return {
    description: 'the OTLP receiver of the tests',
    otlpHttp: receiver.endpoint,
    otlpGrpc: null,
    trace: async (traceId) =>
      receiver.spans
        .filter((span) => span.traceId === traceId)
        .map(({ spanId, parentSpanId, name, attributes, links }) => ({
          traceId,
          spanId,
          parentSpanId: parentSpanId === '' ? undefined : parentSpanId,
          name,
          attributes,
          links: links.map((link) => link.spanId)
        })),
    close: () => receiver.close()
  }
}

const COLLECTOR_MS_MAX = 120_000

/** The trace, once it has as many spans: a collector takes its time. */
export async function traceOf(
  store: TraceStore,
  traceId: string,
  spans: number
): Promise<readonly StoredSpan[]> {
  const deadlineMs = performance.now() + COLLECTOR_MS_MAX
  for (;;) {
    const found = await store.trace(traceId)
    if (found.length >= spans || performance.now() > deadlineMs) return found
    await pause(50)
  }
}
