/** A user who has the rights of docs/operations.md and no more: what brokers answer then, played by a client in memory. */
import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import type { KafkaEventMesh as Mesh } from '../../../lib/mesh/kafka-mesh.js'

const GROUP = 'daemons'
const refusal = (code: number, message: string): Error => Object.assign(new Error(message), { code })

/** Topics that are there, with their partitions. */
let topics: Map<string, number>
let groupIds: unknown[]
/** How a broker refuses to create one. */
let createRefusal: Error

class Client extends EventEmitter {
  readonly #groupId: unknown

  constructor(settings: Record<string, unknown>) {
    super()
    this.#groupId = settings['group.id']
    if (this.#groupId !== undefined) groupIds.push(this.#groupId)
  }

  connect(_: object, done: (error: null) => void): void {
    setImmediate(done, null)
  }
  disconnect(done: () => void): void {
    setImmediate(done)
  }
  setPollInterval(): void {}
  poll(): void {}
  flush(_: number, done: (error: null) => void): void {
    setImmediate(done, null)
  }
  setDefaultConsumeTimeout(): void {}
  assign(): void {}

  getMetadata({ topic }: { topic: string }, done: (error: null, metadata: object) => void): void {
    const partitions = Array.from({ length: topics.get(topic) ?? 0 }, (_, id) => ({ id }))
    setImmediate(done, null, { topics: [{ name: topic, partitions }], brokers: [] })
  }

  queryWatermarkOffsets(
    _topic: string,
    _partition: number,
    _ms: number,
    done: (...answer: unknown[]) => void
  ) {
    setImmediate(done, null, { lowOffset: 0, highOffset: 1 })
  }

  /** librdkafka looks for the coordinator of any group, and tells who reads that it may not. */
  consume(_: number, done: (...answer: unknown[]) => void): void {
    const record = {
      topic: 'state',
      partition: 0,
      offset: 0,
      key: null,
      value: Buffer.from('x'),
      timestamp: 1
    }
    if (this.#groupId === GROUP) setImmediate(done, null, [record])
    else setImmediate(done, refusal(30, 'Broker: Group authorization failed'))
  }
}

const AdminClient = {
  create: () => ({
    createTopic: (_topic: object, _ms: number, done: (error: Error) => void): void => {
      setImmediate(done, createRefusal)
    },
    disconnect() {}
  })
}
jest.unstable_mockModule('node-rdkafka', () => ({
  default: { KafkaConsumer: Client, Producer: Client, HighLevelProducer: Client, AdminClient }
}))

let mesh: Mesh
beforeEach(async () => {
  topics = new Map()
  groupIds = []
  createRefusal = refusal(29, 'Broker: Topic authorization failed')
  const { KafkaEventMesh } = await import('../../../lib/mesh/kafka-mesh.js')
  mesh = await KafkaEventMesh.connect({ brokers: ['none:9092'], groupId: GROUP })
})
afterEach(() => mesh.close())

test('a partition is read in the name of the group, which there are rights on', async () => {
  const read: number[] = []
  for await (const records of mesh.readPartition('state', 0))
    read.push(...records.map(({ offset }) => offset))
  expect(read).toEqual([0])
  expect(new Set(groupIds)).toEqual(new Set([GROUP]))
})

test.each([29, 31])('a topic that is there need not be created (refusal %i)', async (code) => {
  createRefusal = refusal(code, 'Broker: authorization failed')
  topics.set('points', 4)
  await mesh.createStream('points', 4)
})

test('a topic that is missing and may not be created: which right is missing on what', async () => {
  await expect(mesh.createStream('points', 4)).rejects.toMatchObject({
    code: 'BROKER',
    retriable: false,
    message: expect.stringMatching(
      /^create topic "points" with 4 partitions; it is not there, .* allow Create .*: Broker: Topic authorization failed \(librdkafka 29\)$/
    )
  })
})
