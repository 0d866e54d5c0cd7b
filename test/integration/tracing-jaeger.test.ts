/**
 * The trace of one record in a real Jaeger: from its sender through the broker and the daemon to the reader of the result.
 * Without Jaeger, or without node-rdkafka, the nearest that can be had takes their place, and the run says so.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { validateConfig } from '../../lib/config/load.js'
import { EmbeddedBroker } from '../../lib/mesh/embedded-broker.js'
import type { EventMesh, MeshRecord } from '../../lib/mesh/event-mesh.js'
import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { DistributedTracer } from '../../lib/observability/tracing/distributed-tracer.js'
import { createDaemon } from '../../lib/pipeline/daemon.js'
import { Reader } from '../support/mesh-conformance.js'
import { openTraceStore, traceOf, type TraceStore } from '../support/trace-store.js'

const config = validateConfig({
  kafka: { brokers: ['unused:9092'], groupId: 'traced' },
  input: { topic: 'traced.points', channels: ['x'] },
  output: { topic: 'traced.results', deadLetterTopic: 'traced.letters' },
  scales: [{ name: 'short', window: 4, slide: 4, filtration: 'sublevel' }],
  pipeline: { workers: 1 }
})

let store: TraceStore
let mesh: EventMesh
const closing: (() => Promise<void>)[] = []

beforeAll(async () => {
  store = await openTraceStore()
  const broker = await EmbeddedBroker.start().catch(() => null)
  if (broker === null) process.stderr.write('NO KAFKA CLIENT: records go through the in-process mesh\n')
  mesh = broker === null ? new InProcessEventMesh() : await broker.connect()
  closing.push(
    () => mesh.close(),
    async () => broker?.close(),
    () => store.close()
  )
})
afterAll(async () => {
  for (const close of closing) await close()
})

async function firstOf(results: Reader, key: string): Promise<MeshRecord> {
  for (;;) {
    const [record] = await results.records(1)
    if (Buffer.from(record!.key!).toString() === key) return record!
  }
}

if (process.env['JAEGER_ENDPOINT'] === undefined)
  process.stderr.write('SKIPPED: without a Jaeger (JAEGER_ENDPOINT) nobody speaks OTLP over gRPC\n')

for (const exporter of ['otlp-http', 'otlp-grpc'] as const) {
  // Known before the store is open: a case that cannot run must not count as passed.
  const possible = exporter === 'otlp-http' || process.env['JAEGER_ENDPOINT'] !== undefined
  ;(possible ? test : test.skip)(
    `${exporter}: one record, one trace id, every span from sender to reader`,
    async () => {
      const endpoint = (exporter === 'otlp-http' ? store.otlpHttp : store.otlpGrpc)!
      const sampler = { kind: 'parent', ratio: 1 } as const
      const tracer = await DistributedTracer.start({ enabled: true, exporter, endpoint, sampler })
      await mesh.createStream('traced.points', 4)
      const stop = new AbortController()
      const daemon = await createDaemon(config, { mesh, tracer, signal: stop.signal, http: false })
      const running = daemon.run()
      const results = new Reader(await mesh.subscribe('traced.results', { groupId: `reader-${exporter}` }))
      await results.nextOf('assigned')

      const key = `mote-${exporter}`
      const sent = await tracer.traceOperation(
        'send traced.points',
        async () => {
          const headers = tracer.injectContext([['source', 'test']])
          const plain = [9, 8, 7].map((x) => ({ key, value: `{"x":${x}}` }))
          await mesh.publish('traced.points', [...plain, { key, value: '{"x":1}', headers }])
          return tracer.extractContext(headers)!
        },
        { kind: 'producer', attributes: { 'messaging.destination.name': 'traced.points' } }
      )
      const read = await firstOf(results, key)
      await tracer.traceOperation('process traced.results', () => Promise.resolve(), {
        kind: 'consumer',
        parent: tracer.extractContext(read.headers)
      })
      stop.abort()
      await running
      await results.close()
      await tracer.shutdown()

      const spans = await traceOf(store, sent.traceId, 4)
      expect(spans.map(({ traceId }) => traceId)).toEqual(spans.map(() => sent.traceId))
      const chain: string[] = []
      for (let at = spans.find(({ name }) => name === 'process traced.results'); at;) {
        chain.push(at.name)
        const { parentSpanId } = at
        at = spans.find(({ spanId }) => spanId === parentSpanId)
      }
      expect(chain).toEqual([
        'process traced.results',
        'send traced.results',
        'process traced.points',
        'send traced.points'
      ])
      const process_ = spans.find(({ name }) => name === 'process traced.points')!
      const result = spans.find(({ name }) => name === 'send traced.results')!
      expect(result.attributes).toMatchObject({ 'tda.stream': key, 'tda.scale': 'short', 'tda.births': 1 })
      expect(result.links.length).toBe(1) // The batch; the record in which its bar was born is its parent.
      expect(process_.links.length).toBe(1) // The batch, with its own trace of the steps.
    }
  )
}
