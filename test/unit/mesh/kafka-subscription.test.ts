/** A member of a group some of whose partitions have no leader: brokers played by a client in memory. */
import { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import type { ClientLog } from '../../../lib/mesh/client-log.js'
import type { MeshEvent } from '../../../lib/mesh/event-mesh.js'
import type { KafkaSubscription as Subscription } from '../../../lib/mesh/kafka-subscription.js'

type Answer = (...answer: unknown[]) => void
interface Place {
  readonly partition: number
}

const ASSIGN = -175
const REVOKE = -174
const leaderless = Object.assign(new Error('Local: Leader not available'), { code: 5 })

/** Partitions without a leader. */
let silent: Set<number>
/** What the group has committed. */
let offsets: Map<number, number>
/** Times partitions were asked for their bounds. */
let asked: number[]
let polls: number
let consumer: Consumer

class Consumer extends EventEmitter {
  readonly name = 'fake'
  readonly rebalance: (error: { code: number }, partitions: readonly Place[]) => void
  assigned: readonly Place[] = []

  constructor(settings: { rebalance_cb: Consumer['rebalance'] }) {
    super()
    this.rebalance = settings.rebalance_cb
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the one under test
    consumer = this
  }

  connect(_: object, done: Answer): void {
    setImmediate(done, null)
  }
  disconnect(done: Answer): void {
    setImmediate(done)
  }
  subscribe(): void {}
  pause(): void {}
  resume(): void {}
  setDefaultConsumeTimeout(): void {}
  rebalanceProtocol(): string {
    return 'COOPERATIVE'
  }
  incrementalAssign(partitions: readonly Place[]): void {
    this.assigned = partitions
  }
  incrementalUnassign(): void {}
  consume(_: number, done: Answer): void {
    polls += 1
    setTimeout(done, 5, null, [])
  }
  committed(partitions: readonly Place[], _: number, done: Answer): void {
    const answers = partitions.map((place) => ({ ...place, offset: offsets.get(place.partition) ?? -1001 }))
    setImmediate(done, null, answers)
  }
  getMetadata(_: object, done: Answer): void {
    setImmediate(done, null, {})
  }
  queryWatermarkOffsets(_topic: string, partition: number, _ms: number, done: Answer): void {
    asked.push(partition)
    if (silent.has(partition)) setImmediate(done, leaderless)
    else setImmediate(done, null, { lowOffset: 0, highOffset: 10 + partition })
  }
}

jest.unstable_mockModule('node-rdkafka', () => ({ default: { KafkaConsumer: Consumer } }))

let subscription: Subscription
let stop: AbortController
let warnings: string[]

beforeEach(async () => {
  silent = new Set()
  offsets = new Map()
  asked = []
  polls = 0
  warnings = []
  stop = new AbortController()
  const logger: ClientLog = { debug() {}, info() {}, warn: (_, text) => void warnings.push(text) }
  const { KafkaSubscription } = await import('../../../lib/mesh/kafka-subscription.js')
  subscription = await KafkaSubscription.open({
    ...{ brokers: 'none:9092', topic: 'points', groupId: 'daemons', settings: {} },
    ...{ timeoutMs: 1_000, columnar: false, logger }
  })
})
afterEach(async () => {
  stop.abort()
  await subscription.close()
})

function events(): AsyncIterator<MeshEvent> {
  return subscription.events({ recordsMax: 10, lingerMs: 0, signal: stop.signal })[Symbol.asyncIterator]()
}

/** Joins with these partitions, and goes on reading. */
async function joined(...partitions: readonly number[]): Promise<void> {
  consumer.rebalance(
    { code: ASSIGN },
    partitions.map((partition) => ({ partition }))
  )
  const reading = events()
  expect((await reading.next()).value).toMatchObject({ kind: 'assigned' })
  void reading.next()
  while (consumer.assigned.length === 0) await new Promise(setImmediate)
}

test('a partition without a leader has no lag, and the others keep theirs; it is asked for last', async () => {
  await joined(0, 1, 2)
  silent.add(0)
  expect(await subscription.lag()).toEqual(new Map([[1, 11], [2, 12]])) // prettier-ignore
  asked.length = 0
  expect([...(await subscription.lag()).keys()]).toEqual([1, 2])
  expect(asked).toEqual([1, 2, 0])
  silent.clear()
  expect((await subscription.lag()).size).toBe(3)
})

test('a partition that was given up is asked for like any other when it comes back', async () => {
  const both = [{ partition: 0 }, { partition: 1 }]
  const iterator = events()
  const taken = async (): Promise<void> => {
    while (consumer.assigned.length === 0) await new Promise(setImmediate)
  }
  consumer.rebalance({ code: ASSIGN }, both)
  expect((await iterator.next()).value).toMatchObject({ kind: 'assigned' })
  const given = iterator.next()
  await taken()
  silent.add(0)
  await subscription.lag()
  silent.clear()
  consumer.rebalance({ code: REVOKE }, both)
  const revoked = (await given).value as Extract<MeshEvent, { kind: 'revoked' }>
  revoked.done()
  consumer.assigned = []
  consumer.rebalance({ code: ASSIGN }, both)
  expect((await iterator.next()).value).toMatchObject({ kind: 'assigned' })
  void iterator.next()
  await taken()
  asked.length = 0
  expect((await subscription.lag()).size).toBe(2)
  expect(asked).toEqual([0, 1])
})

test('a member without partitions finds out whether brokers answer', async () => {
  expect(await subscription.lag()).toEqual(new Map())
  silent.add(0)
  await expect(subscription.lag()).rejects.toMatchObject({ code: 'BROKER' })
})

test('an offset beyond the end of the log is told, and reading begins at the oldest record', async () => {
  offsets = new Map([[0, 10], [1, 500]]) // prettier-ignore
  consumer.rebalance({ code: ASSIGN }, [{ partition: 0 }, { partition: 1 }])
  expect((await events().next()).value).toMatchObject({
    partitions: [
      { low: 0, resume: 10, committed: 10 },
      { low: 0, resume: 0, committed: 500 }
    ]
  })
})

test('where no partition answers there is no lag', async () => {
  await joined(0, 1)
  silent = new Set([0, 1])
  await expect(subscription.lag()).rejects.toMatchObject({ code: 'BROKER', retriable: true })
})

test('while a partition that is to be taken has no leader, the group is polled and the log says so, once', async () => {
  silent.add(1)
  consumer.rebalance({ code: ASSIGN }, [{ partition: 0 }, { partition: 1 }])
  const iterator = events()
  const reading = iterator.next()
  while (polls < 2) await new Promise(setImmediate)
  polls = 0
  while (warnings.length === 0 || polls < 2) await delay(50)
  silent.clear()
  expect((await reading).value).toMatchObject({
    kind: 'assigned',
    partitions: [{ partition: 0 }, { partition: 1 }]
  })
  await iterator.return!()
  expect(warnings).toEqual([
    'partitions are not taken yet: read the bounds of "points"/1: Local: Leader not available (librdkafka 5); going on trying'
  ])
})

test('an abort ends the waiting for a leader', async () => {
  silent.add(1)
  consumer.rebalance({ code: ASSIGN }, [{ partition: 1 }])
  const reading = events().next()
  while (asked.length === 0) await delay(10)
  stop.abort()
  expect(await reading).toEqual({ done: true, value: undefined })
  expect(consumer.assigned).toEqual([])
})
