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
