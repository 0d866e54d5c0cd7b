/**
 * The producing side of a Kafka mesh: an idempotent producer whose delivery reports are awaited.
 *
 *   (K1) At most `IN_FLIGHT_RECORDS` records and `IN_FLIGHT_BYTES` bytes are between `produce` and their report; a
 *        larger batch waits inside `publish`, so memory is bounded whatever the caller hands over.
 *   (K2) `publish` settles when every record it got through has its report; the first failure is what it throws.
 *
 * Cost: 130 000 to 210 000 small records/s, set by one report object a record (measured, 2 cores).
 */
import { TdaError } from '../errors.js'
import type { ClientErrors, ClientLog } from './client-log.js'
import type { OutgoingRecord } from './event-mesh.js'
import {
  brokerError,
  connectClient,
  disconnectClient,
  errorNumber,
  isTooLarge,
  loadKafka,
  logClient,
  RD_KAFKA,
  topicSettings,
  withSettings,
  type LibrdKafkaError,
  type Producer
} from './kafka-client.js'
import type { KafkaSettings } from './kafka-settings.js'
import { tooLargeError } from './too-large.js'

const IN_FLIGHT_RECORDS = 20_000
const IN_FLIGHT_BYTES = 32 * 1024 * 1024
/** While reports are outstanding the client is polled so often; they are not delivered otherwise. */
const POLL_MS = 1
/** A record that no broker has taken by then has failed; whoever published it repeats it, or keeps it elsewhere. */
const MESSAGE_TIMEOUT_MS = 30_000
const CLOSE_FLUSH_MS = 5_000
const METADATA_TIMEOUT_MS = 10_000

/** Travels with each record and comes back in its report. */
interface Sent {
  readonly batch: Batch
  readonly record: OutgoingRecord
}

interface Batch {
  readonly topic: string
  unreported: number
  failure: TdaError | null
  /** Longer than the broker, the topic or the client takes. */
  readonly tooLarge: Set<OutgoingRecord>
  /** All records are handed over; the last report settles. */
  sealed: boolean
  settle: () => void
}

export class KafkaPublisher {
  readonly #producer: Producer
  #records = 0
  #bytes = 0
  #polling: NodeJS.Timeout | null = null
  #roomWaiters: (() => void)[] = []
  /** Topics that take fewer bytes than a batch of ours may have. */
  readonly #singly = new Set<string>()
  #closed = false

  static async connect(
    brokers: string,
    settings: KafkaSettings,
    timeoutMs: number,
    logger?: ClientLog,
    errors?: ClientErrors
  ): Promise<KafkaPublisher> {
    const { Producer } = await loadKafka()
    const producer = withSettings(
      () =>
        new Producer(
          {
            'metadata.broker.list': brokers,
            'enable.idempotence': true,
            'linger.ms': 1,
            'batch.num.messages': 10_000,
            'queue.buffering.max.messages': IN_FLIGHT_RECORDS + 1,
            'queue.buffering.max.kbytes': (IN_FLIGHT_BYTES / 1024) * 2,
            ...settings,
            dr_cb: true
          },
          { 'message.timeout.ms': MESSAGE_TIMEOUT_MS, ...topicSettings(settings) }
        )
    )
    logClient(producer, 'producer', logger, errors)
    await connectClient(producer, brokers, timeoutMs)
    return new KafkaPublisher(producer)
  }

  private constructor(producer: Producer) {
    this.#producer = producer
    producer.on('delivery-report', (error: LibrdKafkaError | null, report) => {
      this.#reported(report.opaque as Sent, report.size, error)
    })
  }

  async publish(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    if (records.length === 0) return
    const refused = this.#singly.has(topic) ? new Set(records) : await this.#send(topic, records)
    if (refused.size === 0) return
    const from = records.findIndex((record) => refused.has(record))
    const tooLarge = await this.#sendSingly(topic, records.slice(from))
    if (tooLarge.size < refused.size) this.#singly.add(topic)
    if (tooLarge.size > 0) throw tooLargeError(`publish to "${topic}"`, tooLarge)
  }

  /**
   * A broker refuses a batch whole, and what was behind it may have been taken: so all from the first refused record on
   * goes out again, one by one. Answers which are too large by themselves. Slow: a round trip a record.
   */
  async #sendSingly(topic: string, records: readonly OutgoingRecord[]): Promise<Set<OutgoingRecord>> {
    const tooLarge = new Set<OutgoingRecord>()
    for (const record of records) for (const long of await this.#send(topic, [record])) tooLarge.add(long)
    return tooLarge
  }

  /** Answers what was refused because it, or the batch it was in, is too large. */
  async #send(topic: string, records: readonly OutgoingRecord[]): Promise<ReadonlySet<OutgoingRecord>> {
    const tooLarge = new Set<OutgoingRecord>()
    const batch: Batch = { topic, unreported: 0, failure: null, tooLarge, sealed: false, settle: () => {} }
    for (const record of records) {
      if (batch.failure) break
      while (!this.#hasRoom() || !this.#produce(batch, record)) await this.#room()
    }
    batch.sealed = true
    if (batch.unreported > 0) await new Promise<void>((resolve) => (batch.settle = resolve))
    if (batch.failure) throw batch.failure
    return tooLarge
  }

  /** Asks for the metadata of a topic, which creates it where brokers create topics by themselves. */
  async touch(topic: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#producer.getMetadata({ topic, timeout: METADATA_TIMEOUT_MS }, (error: LibrdKafkaError | null) => {
        if (error) reject(brokerError(`create topic "${topic}"`, error))
        else resolve()
      })
    })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    await new Promise<void>((resolve) => this.#producer.flush(CLOSE_FLUSH_MS, () => resolve()))
    this.#producer.poll()
    this.#closed = true
    if (this.#polling) clearTimeout(this.#polling)
    this.#wakeRoom()
    await disconnectClient(this.#producer)
  }

  #hasRoom(): boolean {
    if (this.#closed) throw new TdaError('BROKER', 'publish: the connection to the broker is closed')
    return this.#records < IN_FLIGHT_RECORDS && this.#bytes < IN_FLIGHT_BYTES
  }

  /** False when librdkafka's own queue is full. */
  #produce(batch: Batch, record: OutgoingRecord): boolean {
    const value = toBuffer(record.value)
    try {
      this.#producer.produce(
        batch.topic,
        record.partition ?? null,
        value,
        typeof record.key === 'string' ? record.key : toBuffer(record.key),
        record.timestamp ?? null,
        { batch, record } satisfies Sent,
        ...(record.headers ? [record.headers.map(([name, text]) => ({ [name]: text }))] : [])
      )
    } catch (error) {
      if (errorNumber(error) === RD_KAFKA.QUEUE_FULL) return false
      if (isTooLarge(error)) batch.tooLarge.add(record)
      else batch.failure = brokerError(`publish to "${batch.topic}"`, error)
      return true
    }
    batch.unreported += 1
    this.#records += 1
    this.#bytes += value?.length ?? 0
    this.#poll()
    return true
  }

  #reported({ batch, record }: Sent, size: number, error: LibrdKafkaError | null): void {
    this.#records -= 1
    this.#bytes -= size
    batch.unreported -= 1
    if (isTooLarge(error)) batch.tooLarge.add(record)
    else if (error)
      batch.failure ??= brokerError(`publish to "${batch.topic}": a record was not acknowledged`, error)
    if (batch.sealed && batch.unreported === 0) batch.settle()
    if (this.#roomWaiters.length > 0) this.#wakeRoom()
  }

  #poll(): void {
    this.#polling ??= setTimeout(() => {
      this.#polling = null
      if (this.#closed) return
      this.#producer.poll()
      if (this.#records > 0) this.#poll()
    }, POLL_MS)
  }

  #room(): Promise<void> {
    this.#poll()
    return new Promise((resolve) => this.#roomWaiters.push(resolve))
  }

  #wakeRoom(): void {
    const waiters = this.#roomWaiters
    this.#roomWaiters = []
    for (const resolve of waiters) resolve()
  }
}

export function toBuffer(data: string | Uint8Array | null): Buffer | null {
  if (data === null || Buffer.isBuffer(data)) return data
  return typeof data === 'string'
    ? Buffer.from(data)
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}
