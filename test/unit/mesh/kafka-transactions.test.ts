import { EventEmitter } from 'node:events'
import { expect, jest, test } from '@jest/globals'
import type { KafkaSettings } from '../../../lib/mesh/kafka-settings.js'
import type { KafkaSubscription } from '../../../lib/mesh/kafka-subscription.js'

/** The settings of each producer that was made. */
const made: KafkaSettings[] = []

class Producer extends EventEmitter {
  constructor(settings: KafkaSettings) {
    super()
    made.push(settings)
  }
  connect(_: object, done: (error: null) => void): void {
    setImmediate(done, null)
  }
  initTransactions(_: number, done: (error: null) => void): void {
    setImmediate(done, null)
  }
  disconnect(done: () => void): void {
    setImmediate(done)
  }
  beginTransaction(done: (error: null) => void): void {
    setImmediate(done, null)
  }
  abortTransaction(_: number, done: (error: null) => void): void {
    setImmediate(done, null)
  }
  sendOffsetsToTransaction(_offsets: object, _consumer: object, _ms: number, done: (error: Error) => void) {
    setImmediate(done, Object.assign(new Error('Broker: Unknown member'), { code: 25 }))
  }
}
jest.unstable_mockModule('node-rdkafka', () => ({ default: { Producer } }))

test.each([
  [{}, 10_000, 12_500],
  [{ 'transaction.timeout.ms': 60_000 }, 60_000, 62_500],
  [{ 'transaction.timeout.ms': 60_000, 'connections.max.idle.ms': 0 }, 60_000, 0]
])('a connection is not closed while a transaction may take: %j', async (settings, timeoutMs, idleMs) => {
  const { KafkaTransactions } = await import('../../../lib/mesh/kafka-transactions.js')
  const transactions = await KafkaTransactions.open({
    ...{ brokers: 'none:9092', transactionalId: 'id', timeoutMs: 1_000, settings },
    subscription: {} as unknown as KafkaSubscription,
    report() {}
  })
  await transactions.close()
  expect(made.at(-1)).toMatchObject({
    'transaction.timeout.ms': timeoutMs,
    'connections.max.idle.ms': idleMs
  })
})

/** A member that gives partitions up; `losing`: whether all, as it answers each time, and so on. */
function leaving(losing: readonly boolean[]): KafkaSubscription {
  const answers = [...losing]
  const subscription = {
    topic: 'points',
    isRevoking: true,
    isLosing: () => (answers.length > 1 ? answers.shift() : answers[0]),
    async lend(use: (consumer: object) => Promise<void>) {
      await use({})
      return true
    }
  }
  return subscription as unknown as KafkaSubscription
}

test.each([
  ['all of them, which is known before the next attempt', [false, true], { retriable: true }],
  ['some, which nobody would ever release', [false, false], { retriable: false }]
])('a member that was expelled while it gives up partitions: %s', async (_, losing, failure) => {
  const { KafkaTransactions } = await import('../../../lib/mesh/kafka-transactions.js')
  const transactions = await KafkaTransactions.open({
    ...{ brokers: 'none:9092', transactionalId: 'id', timeoutMs: 1_000, settings: {} },
    subscription: leaving(losing),
    report() {}
  })
  const transaction = { records: [], next: new Map([[0, 7]]) }
  await expect(transactions.commit(transaction)).rejects.toMatchObject({ code: 'BROKER', ...failure })
  if (failure.retriable) expect(await transactions.commit(transaction)).toBe(false)
  await transactions.close()
})
