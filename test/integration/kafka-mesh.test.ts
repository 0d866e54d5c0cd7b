/** What only a broker can show: members that come and go, brokers that are not there, limits of the embedded one. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createServer, type AddressInfo } from 'node:net'
import { EmbeddedBroker } from '../../lib/mesh/embedded-broker.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import type { EventMesh } from '../../lib/mesh/event-mesh.js'
import { Reader } from '../support/mesh-conformance.js'
import { runCommand } from '../support/run-command.js'

let broker: EmbeddedBroker
let mesh: EventMesh
beforeAll(async () => {
  broker = await EmbeddedBroker.start()
  mesh = await broker.connect()
}, 30_000)
afterAll(async () => {
  await mesh.close()
  await broker.close()
}, 30_000)

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
}, 30_000)

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
  const strict = await KafkaEventMesh.connect({ brokers: broker.brokers, connectTimeoutMs: 1_000 })
  await expect(strict.createStream('wanted', 3)).rejects.toMatchObject({
    code: 'BROKER',
    message: expect.stringContaining('create topic "wanted" with 3 partitions')
  })
  await strict.close()
}, 30_000)

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
])(
  'a second member takes partitions over, and gives them back (%s)',
  async (name, librdkafka) => {
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
    await until(() => first.held.size === 4 && first.seen.size === 40, first)
    const second = new Member(await members[1].subscribe(topic, { groupId: topic }))
    await until(() => first.held.size === 2 && second.held.size === 2, first, second)
    expect([...first.held, ...second.held].sort()).toEqual([0, 1, 2, 3])
    await publish(40)
    await until(() => new Set([...first.seen, ...second.seen]).size === 80, first, second)
    await second.close()
    await until(() => first.held.size === 4 && first.seen.size === 80, first)
    await first.close()
    for (const member of members) await member.close()
  },
  60_000
)

/** Waits until the members have come so far; a member that fails, fails the test. */
async function until(reached: () => boolean, ...members: readonly Member[]): Promise<void> {
  while (!reached()) await Promise.race(members.map((member) => member.changed()))
}

/** A member that reads all the time, commits what it read, and gives up what it is asked for. */
class Member {
  readonly held = new Set<number>()
  readonly seen = new Set<string>()
  readonly #reader: Reader
  readonly #loop: Promise<void>
  readonly #waiting: (() => void)[] = []
  #closing = false

  constructor(subscription: ConstructorParameters<typeof Reader>[0]) {
    this.#reader = new Reader(subscription)
    this.#loop = this.#read()
  }

  /** Resolves after the next event, rejects when reading failed. */
  changed(): Promise<void> {
    return Promise.race([new Promise<void>((resolve) => this.#waiting.push(resolve)), this.#loop])
  }

  async close(): Promise<void> {
    this.#closing = true
    await this.#reader.close()
    await this.#loop
  }

  async #read(): Promise<void> {
    const next = new Map<number, number>()
    for (;;) {
      const event = await this.#reader.next().catch((error: unknown) => {
        if (this.#closing) return null
        throw error
      })
      if (event === null) return
      if (event.kind === 'assigned') for (const { partition } of event.partitions) this.held.add(partition)
      if (event.kind === 'records') {
        for (const { partition, offset, value } of event.records) {
          next.set(partition, offset + 1)
          this.seen.add(Buffer.from(value!).toString())
        }
      }
      if (event.kind === 'revoked') {
        await this.#reader.subscription.commit(next)
        for (const partition of event.partitions) this.held.delete(partition)
        event.done()
      }
      for (const resolve of this.#waiting.splice(0)) resolve()
    }
  }
}

test('a reader that is busy for longer than max.poll.interval.ms stays in its group and goes on', async () => {
  const librdkafka = { 'max.poll.interval.ms': 6_000, 'session.timeout.ms': 6_000 }
  const patient = await broker.connect({ librdkafka })
  await patient.createStream('busy', 4)
  await patient.publish('busy', [{ key: 'k', value: 'before' }])
  const from = new Reader(await patient.subscribe('busy', { groupId: 'busy' }))
  await from.nextOf('assigned')
  const [first] = await from.records(1)
  await new Promise((resolve) => setTimeout(resolve, 8_000)) // The time is what is tested.
  await patient.publish('busy', [{ key: 'k', value: 'meanwhile' }])
  const committed = await from.subscription.commit(new Map([[first!.partition, 1]]))
  expect([...committed]).toEqual([first!.partition])
  const [next] = await from.records(1)
  expect([String(first!.value), String(next!.value), next!.offset]).toEqual(['before', 'meanwhile', 1])
  await from.close()
  await patient.close()
}, 60_000)
