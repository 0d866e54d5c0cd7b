/** What only a broker can show: members that come and go, brokers that are not there, limits of the embedded one. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createServer, type AddressInfo } from 'node:net'
import { EmbeddedBroker } from '../../lib/mesh/embedded-broker.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import type { EventMesh } from '../../lib/mesh/event-mesh.js'
import { Member, Reader, untilMembers } from '../support/mesh-conformance.js'
import { runCommand } from '../support/run-command.js'

let broker: EmbeddedBroker
let mesh: EventMesh
beforeAll(async () => {
  broker = await EmbeddedBroker.start()
  mesh = await broker.connect()
})
afterAll(async () => {
  await mesh.close()
  await broker.close()
})

test('the embedded broker says what it is and refuses other partition counts', async () => {
  expect(mesh.description).toMatch(/4 partitions.*at least once/)
  await expect(mesh.createStream('six', 6)).rejects.toMatchObject({
    code: 'NOT_SUPPORTED',
    message: expect.stringContaining('4 partitions, asked for 6')
  })
})

test('brokers that are not there are found out in bounded time', async () => {
  const free = createServer()
  await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve))
  const { port } = free.address() as AddressInfo
  await new Promise((resolve) => free.close(resolve))
  const address = `127.0.0.1:${port}`
  await expect(KafkaEventMesh.connect({ brokers: [address], connectTimeoutMs: 1_000 })).rejects.toMatchObject(
    { code: 'BROKER', message: expect.stringContaining(address) }
  )
})

test('a setting that librdkafka refuses is an error of the configuration', async () => {
  for (const [name, text] of [
    ['no.such.thing', 'No such configuration property'],
    ['security.protocol', 'Invalid value "x"']
  ] as const) {
    const connecting = KafkaEventMesh.connect({ brokers: broker.brokers, librdkafka: { [name]: 'x' } })
    await expect(connecting).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(`kafka.librdkafka: ${text}`)
    })
  }
})

/** Kafka's own examples of murmur2 (UtilsTest.java), and the partitions of four they mean. */
const MURMUR2: readonly (readonly [key: string, hash: number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971]
]

test('a setting of topics reaches the topics: keys go where the Java client puts them', async () => {
  const topic = 'murmur2'
  const like = await broker.connect({ librdkafka: { partitioner: 'murmur2_random' } })
  await like.createStream(topic, 4)
  await like.publish(
    topic,
    MURMUR2.map(([key]) => ({ key, value: '' }))
  )
  const found = new Map<string, number>()
  for (let partition = 0; partition < 4; partition++) {
    for await (const records of like.readPartition(topic, partition))
      for (const { key } of records) found.set(Buffer.from(key!).toString(), partition)
  }
  expect([...found].sort()).toEqual(MURMUR2.map(([key, hash]) => [key, (hash & 0x7fffffff) % 4]).sort())
  await like.close()
})

test('settings that do not go together are an error of the configuration', async () => {
  const connecting = KafkaEventMesh.connect({ brokers: broker.brokers, librdkafka: { acks: 1 } })
  await expect(connecting).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('`acks` must be set to `all` when `enable.idempotence` is true')
  })
})

test('an impossible number of partitions is said by librdkafka', async () => {
  const strict = await KafkaEventMesh.connect({ brokers: broker.brokers })
  await expect(strict.createStream('wanted', 1_000_000)).rejects.toMatchObject({
    code: 'BROKER',
    message: expect.stringContaining('num_partitions out of expected range')
  })
  await strict.close()
})

test('a topic that cannot be created is said within the time given', async () => {
  // The mock cluster does not answer the admin request.
  const strict = await KafkaEventMesh.connect({ brokers: broker.brokers, connectTimeoutMs: 5_000 })
  await expect(strict.createStream('wanted', 3)).rejects.toMatchObject({
    code: 'BROKER',
    message: expect.stringContaining('create topic "wanted" with 3 partitions')
  })
  await strict.close()
})

test.each([
  ['ERR_MODULE_NOT_FOUND', 'node-rdkafka is not installed'],
  ['ERR_DLOPEN_FAILED', 'node-rdkafka does not load (broken)']
])('without node-rdkafka (%s) it is said what to install', async (code, text) => {
  const hook = `export async function resolve(name, context, next) {
    if (name === 'node-rdkafka') throw Object.assign(new Error('broken'), { code: '${code}' })
    return next(name, context)
  }`
  const register = `import { register } from 'node:module'
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)})`
  const program = `import { KafkaEventMesh } from './dist/lib/mesh/kafka-mesh.js'
    KafkaEventMesh.connect({ brokers: ['b'] }).catch(({ code, message }) => console.log(code, message))`
  const args = ['--import', `data:text/javascript,${encodeURIComponent(register)}`]
  const { stdout } = await runCommand(process.execPath, [...args, '--input-type=module', '-e', program])
  expect(stdout).toMatch(/^KAFKA_UNAVAILABLE /)
  expect(stdout).toContain(text)
  expect(stdout).toContain('npm rebuild node-rdkafka')
})

test.each([
  ['cooperative', {}],
  ['eager', { 'partition.assignment.strategy': 'range' }]
])('a second member takes partitions over, and gives them back (%s)', async (name, librdkafka) => {
  const topic = `shared-${name}`
  const members = await Promise.all([broker.connect({ librdkafka }), broker.connect({ librdkafka })])
  await mesh.createStream(topic, 4)
  const publish = (from: number): Promise<void> =>
    mesh.publish(
      topic,
      Array.from({ length: 40 }, (_, i) => ({ key: `k${i}`, value: `${from + i}` }))
    )
  await publish(0)
  const first = new Member(await members[0].subscribe(topic, { groupId: topic }))
  await untilMembers(() => first.held.size === 4 && first.seen.size === 40, first)
  const second = new Member(await members[1].subscribe(topic, { groupId: topic }))
  await untilMembers(() => first.held.size === 2 && second.held.size === 2, first, second)
  expect([...first.held, ...second.held].sort()).toEqual([0, 1, 2, 3])
  await publish(40)
  await untilMembers(() => new Set([...first.seen, ...second.seen]).size === 80, first, second)
  await second.close()
  await untilMembers(() => first.held.size === 4 && first.seen.size === 80, first)
  await first.close()
  for (const member of members) await member.close()
})

test('a reader that is busy for longer than max.poll.interval.ms stays in its group and goes on', async () => {
  const librdkafka = { 'max.poll.interval.ms': 12_000, 'session.timeout.ms': 6_000 }
  const patient = await broker.connect({ librdkafka })
  await patient.createStream('busy', 4)
  await patient.publish('busy', [{ key: 'k', value: 'before' }])
  const from = new Reader(await patient.subscribe('busy', { groupId: 'busy' }))
  await from.nextOf('assigned')
  const [first] = await from.records(1)
  await new Promise((resolve) => setTimeout(resolve, 15_000)) // The time is what is tested.
  await patient.publish('busy', [{ key: 'k', value: 'meanwhile' }])
  const committed = await from.subscription.commit(new Map([[first!.partition, 1]]))
  expect([...committed]).toEqual([first!.partition])
  const [next] = await from.records(1)
  expect([String(first!.value), String(next!.value), next!.offset]).toEqual(['before', 'meanwhile', 1])
  await from.close()
  await patient.close()
})
