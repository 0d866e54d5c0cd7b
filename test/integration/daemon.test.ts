/** The daemon as a whole on the embedded broker: topics, results, dead letters, metrics, health, drain, restart. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { validateConfig } from '../../lib/config/load.js'
import type { DiagramMessage } from '../../lib/diagram.js'
import { EmbeddedBroker } from '../../lib/mesh/embedded-broker.js'
import type { EventMesh, MeshRecord } from '../../lib/mesh/event-mesh.js'
import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { createDaemon } from '../../lib/pipeline/daemon.js'
import { Reader } from '../support/mesh-conformance.js'

const config = validateConfig({
  kafka: { brokers: ['unused:9092'], groupId: 'daemon' },
  input: { channels: ['x'] },
  http: { port: 0 },
  pipeline: { workers: 1 },
  scales: [{ name: 'a', window: 8, slide: 4, filtration: 'sublevel' }]
})

let broker: EmbeddedBroker
beforeAll(async () => {
  broker = await EmbeddedBroker.start()
})
afterAll(() => broker.close())

const json = (record: MeshRecord): DiagramMessage =>
  JSON.parse(Buffer.from(record.value!).toString()) as DiagramMessage

async function send(mesh: EventMesh, count: number): Promise<void> {
  const points = Array.from({ length: count }, (_, i) => ({ key: 'mote', value: `{"x":${(i * 7) % 5}}` }))
  await mesh.publish('tda.points', points)
}

test('records in, updates and dead letters out; a restart goes on where it stopped', async () => {
  const mesh = await broker.connect()
  const results = new Reader(await mesh.subscribe('tda.diagrams', { groupId: 'test' }))
  const letters = new Reader(await mesh.subscribe('tda.dead-letters', { groupId: 'test-letters' }))

  const stop = new AbortController()
  const daemon = await createDaemon(config, { mesh, signal: stop.signal })
  const run = daemon.run()
  expect((await fetch(`${daemon.url}/healthz`)).status).toBe(200)
  await send(mesh, 10)
  await mesh.publish('tda.points', [{ key: 'mote', value: 'poison', headers: [['source', 'test']] }])
  await results.nextOf('assigned')
  await letters.nextOf('assigned')
  const first = await results.records(2)
  expect(first.map(json).map(({ stream, scale, sequence }) => [stream, scale, sequence])).toEqual([
    ['mote', 'a', 1],
    ['mote', 'a', 2]
  ])
  expect(first.every(({ key }) => Buffer.from(key!).toString() === 'mote')).toBe(true)
  const [letter] = await letters.records(1)
  expect(Buffer.from(letter!.value!).toString()).toBe('poison')
  expect(letter!.headers).toEqual(
    expect.arrayContaining([
      ['source', 'test'],
      ['tda-reason', 'unparsable'],
      ['tda-offset', '10']
    ])
  )
  expect((await fetch(`${daemon.url}/readyz`)).status).toBe(200)
  // The letter may be read before its acknowledgement is here.
  let metrics = ''
  while (!/^tda_records_rejected_total\{reason="unparsable"\} [^0]/m.test(metrics))
    metrics = await (await fetch(`${daemon.url}/metrics`)).text()
  expect(metrics).toMatch(/^tda_points_processed_total 10$/m)
  expect(metrics).toMatch(/^tda_records_rejected_total\{reason="unparsable"\} 1$/m)
  stop.abort()
  await run
  expect(daemon.pipeline.state.kind).toBe('stopped')
  await expect(fetch(`${daemon.url}/healthz`)).rejects.toThrow()

  const again = new AbortController()
  const restarted = await createDaemon(config, { mesh, signal: again.signal, http: false })
  expect(restarted.url).toBeNull()
  const rerun = restarted.run()
  await send(mesh, 2)
  const [third] = (await results.records(1)).map(json)
  expect([third!.sequence, third!.window.points, third!.window.first]).toEqual([3, 8, [4, 0]])
  again.abort()
  await rerun
  await results.close()
  await letters.close()
  await mesh.close()
})

test('what cannot be had is said, and nothing is left open', async () => {
  const mesh = new InProcessEventMesh()
  const taken = await createDaemon(config, { mesh })
  const port = Number(new URL(taken.url!).port)
  const busy = { ...config, http: { ...config.http, port } }
  await expect(createDaemon(busy, { mesh: new InProcessEventMesh() })).rejects.toMatchObject({
    code: 'LISTEN'
  })
  // The same group on the in-process mesh: the second daemon cannot join, and gives its port back.
  await expect(createDaemon(config, { mesh })).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
  await mesh.close()
  await taken.run()
})

test('partitions the embedded broker cannot give are refused at the start', async () => {
  const mesh = await broker.connect()
  const six = { ...config, input: { ...config.input, partitions: 6 } }
  await expect(createDaemon(six, { mesh, http: false })).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
  await mesh.close()
})
