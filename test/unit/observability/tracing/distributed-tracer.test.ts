import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { trace } from '@opentelemetry/api'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type { TracingOptions } from '../../../../lib/config/tracing.js'
import { TdaError } from '../../../../lib/errors.js'
import { createMetrics } from '../../../../lib/observability/metrics.js'
import { DistributedTracer } from '../../../../lib/observability/tracing/distributed-tracer.js'
import { OtlpReceiver } from '../../../support/otlp-receiver.js'

let receiver: OtlpReceiver
let tracer: DistributedTracer
beforeEach(async () => {
  receiver = await OtlpReceiver.start()
})
afterEach(async () => {
  await tracer.shutdown()
  await receiver.close()
})

const all = (changes: TracingOptions = {}): TracingOptions => ({
  enabled: true,
  endpoint: receiver.endpoint,
  sampler: { kind: 'parent', ratio: 1 },
  ...changes
})

test('off: operations run, contexts are read, nothing is made', async () => {
  tracer = await DistributedTracer.start({ enabled: false })
  expect(tracer.traceOperation('x', () => tracer.injectContext([['a', 'b']]))).toEqual([['a', 'b']])
  tracer.addSpanAttributes({ a: 1 })
  await tracer.flush()
  const headers = [['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01']] as const
  expect(tracer.extractContext(headers)).toMatchObject({ sampled: true })
  expect(tracer.enabled).toBe(false)
})

test('operations nest, carry attributes, and fail with what they throw or reject with', async () => {
  tracer = await DistributedTracer.start(all())
  const boom = new TdaError('BROKER', 'away')
  await tracer.traceOperation('outer', async () => {
    tracer.traceOperation('inner', () => tracer.addSpanAttributes({ 'sensor.id': 'm', list: ['a'] }), {
      kind: 'client'
    })
    await expect(tracer.traceOperation('rejects', () => Promise.reject(boom))).rejects.toBe(boom)
    expect(() =>
      tracer.traceOperation('throws', () => {
        throw boom
      })
    ).toThrow(boom)
  })
  await tracer.flush()
  const [outer] = receiver.named('outer')
  const [inner] = receiver.named('inner')
  expect([inner!.traceId, inner!.parentSpanId, inner!.kind]).toEqual([outer!.traceId, outer!.spanId, 3])
  expect(inner!.attributes['sensor.id']).toBe('m')
  for (const name of ['rejects', 'throws']) {
    const [failed] = receiver.named(name)
    expect([failed!.status, failed!.attributes['error.type'], failed!.parentSpanId]).toEqual([
      2,
      'BROKER',
      outer!.spanId
    ])
  }
})

test('what came in headers is continued and linked', async () => {
  tracer = await DistributedTracer.start(all())
  const parent = {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    sampled: true,
    traceState: 'a=1'
  }
  const other = { ...parent, spanId: 'c7ad6b7169203331' }
  const headers = tracer.traceOperation('go on', () => tracer.injectContext(), { parent, links: [other] })
  expect(tracer.extractContext(headers)).toMatchObject({
    traceId: parent.traceId,
    traceState: 'a=1',
    sampled: true
  })
  await tracer.flush()
  const [span] = receiver.spans
  expect([span!.parentSpanId, span!.links[0]!.spanId]).toEqual([parent.spanId, other.spanId])
})

test('reconfigure: a sampler at once, off and on again, and nothing when it is wrong', async () => {
  const lines: string[] = []
  const say = (_: object, message: string): void => void lines.push(message)
  tracer = await DistributedTracer.start(all({ sampler: { kind: 'ratio', ratio: 0 } }), {
    logger: { info: say, warn: say }
  })
  const once = async (name: string): Promise<number> => {
    tracer.traceOperation(name, () => {})
    await tracer.flush()
    return receiver.named(name).length
  }
  expect(await once('none')).toBe(0)
  await tracer.reconfigure(all())
  expect(lines.at(-1)).toBe('tracing: the sampler has changed')
  expect(await once('one')).toBe(1)
  await expect(tracer.reconfigure({ queueMax: -1 })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  expect(await once('still')).toBe(1)
  process.env['OTEL_EXPORTER_OTLP_HEADERS'] = 'no header=1'
  try {
    await expect(tracer.reconfigure(all({ exporter: 'otlp-grpc' }))).rejects.toThrow('illegal characters')
  } finally {
    delete process.env['OTEL_EXPORTER_OTLP_HEADERS']
  }
  expect([tracer.enabled, await once('still as before')]).toEqual([true, 1])
  await tracer.reconfigure(all({ sampler: { kind: 'ratio', ratio: 0 } }))
  expect(lines.at(-1)).toBe('tracing: the sampler has changed') // And not the SDK: its settings are what they were.
  await tracer.reconfigure(all())
  await tracer.reconfigure({ enabled: false })
  expect([tracer.enabled, await once('off')]).toEqual([false, 0])
  await Promise.all([tracer.reconfigure(all({ queueMax: 10 })), tracer.reconfigure(all({ queueMax: 20 }))])
  expect([tracer.enabled, await once('again')]).toEqual([true, 1])
  expect(tracer.statistics.exported).toBe(4)
})

test('a collector that is away: one line, spans counted, the end comes in time', async () => {
  const lines: string[] = []
  const say = (_: object, message: string): void => void lines.push(message)
  const { endpoint } = receiver
  await receiver.close()
  tracer = await DistributedTracer.start(all({ queueMax: 5, endpoint }), {
    logger: { info: () => {}, warn: say }
  })
  for (let i = 0; i < 50; i++) tracer.traceOperation('lost', () => {})
  const metrics = createMetrics()
  await tracer.shutdown()
  metrics.tracing(tracer.statistics)
  const { dropped, exported } = tracer.statistics
  expect(exported).toBe(0)
  expect(dropped.queue_full).toBe(40) // Five are with the exporter, five wait.
  expect(lines.length).toBeLessThanOrEqual(2) // The full queue, and the collector, if its retries ended before the limit.
  expect(await metrics.text()).toMatch(/^tda_trace_spans_dropped_total\{reason="queue_full"\} 40$/m)
  metrics.tracing({ ...tracer.statistics, forgotten: 3 })
  expect(await metrics.text()).toMatch(/^tda_traces_forgotten_total 3$/m)
  receiver = await OtlpReceiver.start()
})

test('an SDK that the application has registered is used, and left alone', async () => {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  trace.setGlobalTracerProvider(provider)
  try {
    tracer = await DistributedTracer.start(all())
    tracer.traceOperation('theirs', () => {})
    await tracer.flush()
    await tracer.shutdown()
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['theirs'])
    expect(receiver.requests).toBe(0)
    trace.getTracer('application').startSpan('goes on').end()
    expect(exporter.getFinishedSpans()).toHaveLength(2)
  } finally {
    trace.disable()
    await provider.shutdown()
  }
})
