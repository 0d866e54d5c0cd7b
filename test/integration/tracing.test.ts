/** Traces of a daemon on the in-process mesh, as a collector receives them. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { validateConfig } from '../../lib/config/load.js'
import type { Config } from '../../lib/config/schema.js'
import type { MeshRecord, OutgoingRecord } from '../../lib/mesh/event-mesh.js'
import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { contextOf } from '../../lib/observability/tracing/trace-context.js'
import { createDaemon } from '../../lib/pipeline/daemon.js'
import { Reader } from '../support/mesh-conformance.js'
import { OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SENDER = 'b7ad6b7169203331'

function configWith(tracing: object): Config {
  return validateConfig({
    input: { topic: 'points', partitions: 1, channels: ['x'] },
    output: { topic: 'results', partitions: 1 },
    scales: [
      { name: 'short', window: 4, slide: 2, filtration: 'sublevel' },
      { name: 'long', window: 8, slide: 4, filtration: 'sublevel' }
    ],
    pipeline: { workers: 1 },
    http: { port: 0 },
    tracing: { enabled: true, endpoint: receiver.endpoint, ...tracing }
  })
}

let receiver: OtlpReceiver
beforeEach(async () => {
  receiver = await OtlpReceiver.start()
})
afterEach(() => receiver.close())

const point = (x: unknown, headers?: OutgoingRecord['headers']): OutgoingRecord => ({
  key: 'mote',
  value: `{"x":${String(x)}}`,
  ...(headers ? { headers } : {})
})

/** Everything in, the daemon drained, everything out. */
async function run(
  config: Config,
  records: readonly OutgoingRecord[],
  results: number
): Promise<MeshRecord[]> {
  const before = receiver.spans.length
  const mesh = new InProcessEventMesh()
  const stop = new AbortController()
  await mesh.createStream('points', 1)
  await mesh.publish('points', records)
  const daemon = await createDaemon(config, { mesh, signal: stop.signal })
  const running = daemon.run()
  const reader = new Reader(await mesh.subscribe('results', { groupId: 'reader' }))
  await reader.nextOf('assigned')
  const found = await reader.records(results)
  stop.abort()
  await running
  expect(daemon.tracer.statistics.exported).toBe(receiver.spans.length - before)
  await mesh.close()
  return found
}

const bySpan = (spans: readonly ReceivedSpan[]): Map<string, ReceivedSpan> =>
  new Map(spans.map((span) => [span.spanId, span]))
const relations = ({ links }: ReceivedSpan, relation: string): string[] =>
  links.filter(({ attributes }) => attributes['tda.relation'] === relation).map(({ spanId }) => spanId)

test('every step of a batch is a span, those of the workers too, and results continue it', async () => {
  const config = configWith({ sampler: { kind: 'ratio', ratio: 1 } })
  const found = await run(
    config,
    [...Array.from({ length: 8 }, (_, i) => point((i * 5) % 7)), point('"no"')],
    6
  )
  const [batch] = receiver.named('receive points')
  expect(batch!.parentSpanId).toBe('')
  expect(batch!.attributes).toMatchObject({
    'messaging.system.name': 'kafka',
    'messaging.destination.name': 'points',
    'messaging.operation.type': 'receive',
    'messaging.consumer.group.name': 'streaming-tda',
    'messaging.batch.message_count': 9,
    'tda.rejected': 1
  })
  const children = receiver.spans.filter(({ parentSpanId }) => parentSpanId === batch!.spanId)
  expect(children.map(({ name }) => name).sort()).toEqual([
    'advance',
    'commit points',
    'decode',
    'send results',
    'send tda.dead-letters'
  ])
  const advance = children.find(({ name }) => name === 'advance')!
  const steps = receiver.spans.filter(({ parentSpanId }) => parentSpanId === advance.spanId)
  expect(steps.map(({ name }) => name).sort()).toEqual([
    'encode long',
    'encode short',
    'update long',
    'update short'
  ])
  for (const step of steps) {
    expect(step.attributes['tda.worker']).toBeGreaterThan(0)
    expect(step.endNs).toBeGreaterThanOrEqual(step.startNs)
  }
  const send = children.find(({ name }) => name === 'send results')!
  expect(found.map(({ headers }) => contextOf(headers))).toEqual(
    found.map(() => ({ traceId: batch!.traceId, spanId: send.spanId, sampled: true }))
  )
  expect(receiver.resources[0]).toMatchObject({ 'service.name': 'streaming-tda' })
  expect(new Set(receiver.spans.map(({ traceId }) => traceId)).size).toBe(1)
})

test('a record with a sampled context has its own path to its results, and bars lead back to it', async () => {
  const headers = [
    ['traceparent', `00-${TRACE}-${SENDER}-01`],
    ['tracestate', 'vendor=1']
  ] as const
  const values = [5, 1, 6, 2, 7, 3, 8, 4]
  const config = configWith({ sampler: { kind: 'parent', ratio: 0 } })
  const found = await run(
    config,
    values.map((x, i) => point(x, i === 1 ? headers : undefined)),
    6
  )
  const [process] = receiver.named('process points')
  expect([process!.traceId, process!.parentSpanId, process!.kind]).toEqual([TRACE, SENDER, 5])
  expect(process!.attributes).toMatchObject({ 'kafka.offset': 1, 'messaging.destination.partition.id': '0' })
  const [batch] = receiver.named('receive points')
  expect(relations(batch!, 'record')).toEqual([SENDER])
  expect(relations(process!, 'batch')).toEqual([batch!.spanId])
  const results = receiver.named('send results').filter(({ traceId }) => traceId === TRACE)
  const firsts = results.filter(({ attributes }) => attributes['tda.sequence'] === 1)
  expect(firsts.map(({ attributes }) => attributes['tda.scale'])).toEqual(['short', 'long'])
  for (const result of results) {
    expect(result.parentSpanId).toBe(process!.spanId)
    expect(relations(result, 'batch')).toHaveLength(1)
  }
  // The point of offset 1 is the least of its windows: a bar is born there in the first update of each scale.
  for (const { attributes } of firsts) expect(attributes['tda.births']).toBe(1)
  const spans = bySpan(receiver.spans)
  const continued = found.filter(({ headers: out }) => contextOf(out)?.traceId === TRACE)
  expect(continued).toHaveLength(results.length)
  for (const { headers: out, value } of continued) {
    const { scale, sequence } = JSON.parse(Buffer.from(value!).toString()) as {
      scale: string
      sequence: number
    }
    const context = contextOf(out)!
    expect(context.traceState).toBe('vendor=1')
    expect(spans.get(context.spanId)!.attributes).toMatchObject({
      'tda.scale': scale,
      'tda.sequence': sequence
    })
  }
})

test('without room for their batches records are followed as before, completely', async () => {
  const headers = [['traceparent', `00-${TRACE}-${SENDER}-01`]] as const
  const config = configWith({ sampler: { kind: 'parent', ratio: 0 }, batchesPerSecond: 0 })
  const values = [5, 1, 6, 2]
  const found = await run(
    config,
    values.map((x, i) => point(x, i === 1 ? headers : undefined)),
    3
  )
  const [process] = receiver.named('process points')
  expect([process!.traceId, process!.parentSpanId, process!.links]).toEqual([TRACE, SENDER, []])
  const results = receiver.named('send results')
  expect(results.length).toBeGreaterThanOrEqual(2)
  expect(receiver.spans).toHaveLength(1 + results.length)
  for (const { traceId, parentSpanId, links } of results)
    expect([traceId, parentSpanId, links]).toEqual([TRACE, process!.spanId, []])
  const continued = found.map(({ headers: out }) => contextOf(out)).filter((context) => context !== null)
  expect(continued.map(({ spanId }) => spanId).sort()).toEqual(results.map(({ spanId }) => spanId).sort())
})

test('a result of several records continues the newest and links to the others', async () => {
  const traces = [TRACE, TRACE.replace('0af', '1af')]
  const headersOf = (trace: string): OutgoingRecord['headers'] => [
    ['traceparent', `00-${trace}-${SENDER}-01`]
  ]
  const config = configWith({ sampler: { kind: 'parent', ratio: 0 } })
  const [first, second] = traces.map((trace, i) => point(i + 1, headersOf(trace)))
  const found = await run(config, [point(5), first!, point(6), second!], 3)
  const processes = traces.map((trace) =>
    receiver.named('process points').find(({ traceId }) => traceId === trace)!
  )
  expect(contextOf(found.at(-1)!.headers)!.traceId).toBe(traces[1])
  const long = receiver.named('send results').find(({ attributes }) => attributes['tda.scale'] === 'long')!
  expect(long.parentSpanId).toBe(processes[1]!.spanId)
  expect(relations(long, 'birth')).toEqual([processes[0]!.spanId])
  expect(relations(long, 'entered')).toEqual([processes[0]!.spanId])
  expect(long.attributes['tda.births']).toBe(2)
})

test('values and keys are the same whether traced or not, and without sampling there are no headers', async () => {
  const records = Array.from({ length: 40 }, (_, i) => point((i * 11) % 13))
  const values = (found: readonly MeshRecord[]): string[] =>
    found.map(({ value }) => Buffer.from(value!).toString())
  const traced = await run(configWith({ sampler: { kind: 'ratio', ratio: 1 } }), records, 30)
  const unsampled = await run(configWith({ sampler: { kind: 'ratio', ratio: 0 } }), records, 30)
  const off = await run(configWith({ enabled: false }), records, 30)
  expect(values(traced)).toEqual(values(off))
  expect(values(unsampled)).toEqual(values(off))
  expect(traced.every(({ headers }) => headers?.length === 1)).toBe(true)
  for (const { headers } of [...unsampled, ...off]) expect(headers).toBeUndefined()
})
