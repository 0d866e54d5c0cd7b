/**
 * Which records of a transaction are too large. A transaction has no delivery reports, so its error does not tell; this
 * sends the records once more, each in a batch of its own and with reports, in a transaction that is aborted.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { OutgoingRecord, Transaction } from './event-mesh.js'
import {
  call,
  connectClient,
  disconnectClient,
  errorNumber,
  isTooLarge,
  loadKafka,
  RD_KAFKA,
  withSettings,
  type LibrdKafkaError
} from './kafka-client.js'
import { toBuffer } from './kafka-publisher.js'
import type { KafkaSettings } from './kafka-settings.js'

const CALL_MS = 10_000
const POLL_MS = 5

export interface ProbeOptions {
  readonly brokers: string
  readonly settings: KafkaSettings
  readonly transactionalId: string
  readonly timeoutMs: number
}

/** Empty when each of them fits by itself. Rare, so it opens a producer for the purpose. @throws what librdkafka throws. */
export async function findTooLarge(
  { brokers, settings, transactionalId, timeoutMs }: ProbeOptions,
  parts: Transaction['records']
): Promise<Set<OutgoingRecord>> {
  const { Producer } = await loadKafka()
  const producer = withSettings(
    () =>
      new Producer(
        {
          'metadata.broker.list': brokers,
          ...settings,
          'batch.num.messages': 1,
          'transactional.id': transactionalId,
          dr_cb: true
        },
        {}
      )
  )
  const found = new Set<OutgoingRecord>()
  let waiting = 0
  producer.on('event.error', () => {})
  producer.on('delivery-report', (error: LibrdKafkaError | null, report) => {
    waiting -= 1
    if (isTooLarge(error)) found.add(report.opaque as OutgoingRecord)
  })
  /** False when a report is needed before more fit, or the transaction has failed already. */
  const send = (topic: string, record: OutgoingRecord): boolean => {
    try {
      const key = typeof record.key === 'string' ? record.key : toBuffer(record.key)
      const headers = record.headers ? [record.headers.map(([name, text]) => ({ [name]: text }))] : []
      producer.produce(topic, record.partition ?? null, toBuffer(record.value), key, null, record, ...headers)
      waiting += 1
    } catch (error) {
      if (isTooLarge(error)) found.add(record)
      else if (errorNumber(error) === RD_KAFKA.QUEUE_FULL || errorNumber(error) === RD_KAFKA.STATE)
        return false
      else throw error
    }
    return true
  }
  const begin = (): Promise<void> => call((done) => producer.beginTransaction(done))
  const abort = async (): Promise<void> => {
    await call((done) => producer.abortTransaction(CALL_MS, done))
    producer.poll()
  }
  try {
    await connectClient(producer, brokers, timeoutMs)
    await call((done) => producer.initTransactions(timeoutMs, done))
    await begin()
    for (const { topic, records } of parts) {
      for (const record of largestFirst(records)) {
        while (!send(topic, record)) {
          await abort() // After a report of failure a transaction takes nothing more.
          await begin()
        }
        const before = found.size
        while (waiting > 0) {
          producer.poll()
          await delay(POLL_MS)
        }
        if (found.size === before) break // All others of the topic are not longer.
        await abort()
        await begin()
      }
    }
    await abort()
    return found
  } finally {
    await disconnectClient(producer)
  }
}

function largestFirst(records: readonly OutgoingRecord[]): OutgoingRecord[] {
  return records
    .map((record) => ({ record, bytes: bytesOnTheWire(record) }))
    .sort((a, b) => b.bytes - a.bytes)
    .map(({ record }) => record)
}

/** What differs between two records that are alone in their batch. */
function bytesOnTheWire({ key, value, headers = [] }: OutgoingRecord): number {
  const bytes = prefixed(key) + prefixed(value)
  return headers.reduce((sum, [name, text]) => sum + prefixed(name) + prefixed(text), bytes)
}

/** Bytes of a text or bytes behind their length, which takes 7 bits a byte and a bit for its sign. */
function prefixed(data: string | Uint8Array | null): number {
  const length = data === null ? 0 : Buffer.byteLength(data)
  return length + Math.floor(Math.log2(Math.max(1, 2 * length)) / 7) + 1
}
