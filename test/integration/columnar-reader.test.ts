/** Reading in columns (binding/kafka/) beside node-rdkafka's own way, over the embedded broker. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { ColumnarReader, columnarSettings } from '../../lib/mesh/columnar-reader.js'
import { EmbeddedBroker } from '../../lib/mesh/embedded-broker.js'
import type { MeshRecord, OutgoingRecord } from '../../lib/mesh/event-mesh.js'
import { connectClient, disconnectClient, loadKafka } from '../../lib/mesh/kafka-client.js'
import type { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import { Reader } from '../support/mesh-conformance.js'
import { root } from '../support/run-command.js'

const RECORDS = 3000
const CONNECT_MS = 60_000
const built = existsSync(join(root, 'build/Release/streaming_tda_kafka.node'))
const ifBuilt = built ? test : test.skip

let broker: EmbeddedBroker
let mesh: KafkaEventMesh

beforeAll(async () => {
  broker = await EmbeddedBroker.start()
  mesh = await broker.connect()
  await mesh.createStream('points', 4)
})

afterAll(async () => {
  await mesh.close()
  await broker.close()
})

/** Keys and values of all kinds: none, empty, no text, long; headers on some. */
function sent(i: number): OutgoingRecord {
  const bytes = Buffer.from([0, 255, i & 255])
  return {
    key: i % 5 === 0 ? null : i % 7 === 0 ? bytes : `key-${i % 11}`,
    value: i % 3 === 0 ? null : i % 13 === 0 ? '' : i % 17 === 0 ? 'é'.repeat(5000) : bytes,
    timestamp: 1_000_000 + i,
    ...(i % 10 === 0 ? { headers: [['number', String(i)] as const, ['umlaut', 'ü'] as const] } : {})
  }
}

/** Everything of a record, as a test compares it. */
function plain({ topic, partition, offset, key, value, timestamp, headers }: MeshRecord): object {
  const hex = (bytes: Uint8Array | null): string | null =>
    bytes === null ? null : Buffer.from(bytes).toString('hex')
  return { topic, partition, offset, key: hex(key), value: hex(value), timestamp, headers: headers ?? null }
}

async function readAll(columnar: boolean): Promise<object[]> {
  const reading = await broker.connect({ columnar })
  const reader = new Reader(await reading.subscribe('points', { groupId: `columnar-${columnar}` }), 700)
  expect((await reader.nextOf('assigned')).partitions).toHaveLength(4)
  const records = await reader.records(RECORDS)
  await reader.close()
  await reading.close()
  return records.map(plain).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

ifBuilt(
  'law_columnar: the records are those that node-rdkafka gives, in keys, values, headers and positions',
  async () => {
    await mesh.publish(
      'points',
      Array.from({ length: RECORDS }, (_, i) => sent(i))
    )
    const records = await readAll(true)
    expect(records).toHaveLength(RECORDS)
    expect(records).toEqual(await readAll(false))
  }
)

ifBuilt('a consumer that was made without the plugin has no columnar reader', async () => {
  const { KafkaConsumer } = await loadKafka()
  const consumer = new KafkaConsumer(
    { 'metadata.broker.list': broker.brokers.join(','), 'group.id': 'g' },
    {}
  )
  await connectClient(consumer, broker.brokers.join(','), CONNECT_MS)
  expect(ColumnarReader.open((consumer as unknown as { name: string }).name, 'points')).toBeNull()
  await disconnectClient(consumer)
})

ifBuilt('closing waits for a call under way, and nothing is read after it', async () => {
  const { KafkaConsumer } = await loadKafka()
  const consumer = new KafkaConsumer(
    { 'metadata.broker.list': broker.brokers.join(','), 'group.id': 'g', ...columnarSettings() },
    {}
  )
  await connectClient(consumer, broker.brokers.join(','), CONNECT_MS)
  const reader = ColumnarReader.open((consumer as unknown as { name: string }).name, 'points')!
  const taking = reader.take(10, 200, 0)
  await reader.close()
  expect(await taking).toMatchObject({ records: { length: 0 }, error: null })
  await expect(reader.take(10, 0, 0)).rejects.toThrow('closed')
  await disconnectClient(consumer)
  expect(() => ColumnarReader.open('no such consumer', 'points')).not.toThrow()
})

ifBuilt('limits out of range are refused', async () => {
  const { KafkaConsumer } = await loadKafka()
  const consumer = new KafkaConsumer(
    { 'metadata.broker.list': broker.brokers.join(','), 'group.id': 'g', ...columnarSettings() },
    {}
  )
  await connectClient(consumer, broker.brokers.join(','), CONNECT_MS)
  const reader = ColumnarReader.open((consumer as unknown as { name: string }).name, 'points')!
  await expect(reader.take(0, 0, 0)).rejects.toThrow('out of range')
  await expect(reader.take(1, -1, 0)).rejects.toThrow('out of range')
  // Disconnected under the reader: librdkafka takes the queue back itself.
  await disconnectClient(consumer)
  expect(await reader.take(10, 0, 0)).toMatchObject({ records: { length: 0 }, error: null })
  await reader.close()
})
