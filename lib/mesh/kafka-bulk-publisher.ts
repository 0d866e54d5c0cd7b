/**
 * Publishing to one topic as fast as node-rdkafka goes, every record accounted for. A delivery report costs more than the
 * record itself (an object each: the rate falls to a half), so there are two ways to know what was acknowledged:
 *
 * - `each`: a report for each record. Its acknowledgement is known to the millisecond.
 * - `counted`: reports of failures only (`delivery.report.only.error`); every 20 ms librdkafka's statistics say how many
 *   records it still holds. What was sent before them and is neither held nor failed is acknowledged.
 *
 *   (B1) acknowledged + failed <= sent, and equal after a `drain` in time.
 *   (B2) In flight are at most QUEUE_RECORDS records and QUEUE_KIB of values: beyond them `send` answers false.
 *   (B3) Counting never runs ahead: sends are looked up at a moment before the statistics were taken, and what they say
 *        counts when a turn of the event loop has brought no further failure (node-rdkafka hands them over by hundreds).
 */
import { setTimeout } from 'node:timers/promises'
import { TdaError } from '../errors.js'
import type { BulkObserver, BulkPublisher } from './bulk-publisher.js'
import {
  brokerError,
  connectClient,
  disconnectClient,
  errorNumber,
  loadKafka,
  RD_KAFKA,
  topicSettings,
  withSettings,
  type LibrdKafkaError,
  type Producer
} from './kafka-client.js'
import type { KafkaMeshOptions } from './kafka-mesh.js'
import type { KafkaSettings } from './kafka-settings.js'

const QUEUE_RECORDS = 100_000
const QUEUE_KIB = 65_536
const STATISTICS_MS = 20
const POLL_MS = 1
const CONNECT_MS = 10_000
/** Moments of sending that are remembered: some seconds of them. */
const MOMENTS = 4096

export interface KafkaBulkOptions {
  readonly brokers: readonly string[]
  readonly topic: string
  /** See above. */
  readonly reports: 'each' | 'counted'
  /** librdkafka settings; they win over this package's own. */
  readonly librdkafka?: KafkaSettings
  readonly compression?: KafkaMeshOptions['compression']
}

const SILENT: BulkObserver = { acknowledged: () => {}, failed: () => {} }

export class KafkaBulkPublisher implements BulkPublisher {
  readonly description: string
  readonly resolutionMs: number
  readonly #producer: Producer
  readonly #topic: string
  readonly #counted: boolean
  readonly #polling: NodeJS.Timeout
  readonly #moments = new SendMoments()
  #observer = SILENT
  #sent = 0
  #acknowledged = 0
  #failed = 0
  /** Neither held nor waiting to be sent at the last statistics: acknowledged, or failed and perhaps not yet reported. */
  #done = 0

  /** @throws KAFKA_UNAVAILABLE, CONFIG_INVALID for a setting librdkafka refuses, BROKER when none answers. */
  static async connect(options: KafkaBulkOptions): Promise<KafkaBulkPublisher> {
    const { Producer } = await loadKafka()
    const brokers = options.brokers.join(',')
    const counted = options.reports === 'counted'
    const producer = withSettings(
      () =>
        new Producer(
          {
            'metadata.broker.list': brokers,
            'enable.idempotence': true,
            'linger.ms': counted ? 5 : 1,
            'batch.num.messages': 10_000,
            'queue.buffering.max.messages': QUEUE_RECORDS,
            'queue.buffering.max.kbytes': QUEUE_KIB,
            'compression.codec': options.compression ?? 'lz4',
            ...options.librdkafka,
            ...(counted
              ? { 'delivery.report.only.error': true, 'statistics.interval.ms': STATISTICS_MS }
              : {}),
            dr_cb: true
          },
          { ...topicSettings(options.librdkafka ?? {}) }
        )
    )
    await connectClient(producer, brokers, CONNECT_MS)
    return new KafkaBulkPublisher(producer, options, brokers)
  }

  private constructor(producer: Producer, { topic, reports }: KafkaBulkOptions, brokers: string) {
    this.#producer = producer
    this.#topic = topic
    this.#counted = reports === 'counted'
    this.resolutionMs = this.#counted ? STATISTICS_MS : 0
    this.description = `topic "${topic}" at ${brokers}`
    producer.on('delivery-report', (error: LibrdKafkaError | null, { opaque }) => {
      this.#report(error, opaque as number | undefined)
    })
    producer.on('event.stats', ({ message }: { readonly message: string }) => this.#count(message))
    producer.on('event.error', () => {}) // Outages heal; what does not arrive in time fails through its report.
    this.#polling = setInterval(() => this.#tick(), POLL_MS)
  }

  observe(observer: BulkObserver): void {
    this.#observer = observer
  }

  send(key: Buffer, value: Buffer, timestamp: number, tag: number): boolean {
    try {
      // A tag is kept until its report; without a report nobody would free it.
      if (this.#counted) this.#producer.produce(this.#topic, null, value, key, timestamp)
      else this.#producer.produce(this.#topic, null, value, key, timestamp, tag)
    } catch (error) {
      if (errorNumber(error) === RD_KAFKA.QUEUE_FULL) return false
      throw brokerError(`publish to "${this.#topic}"`, error)
    }
    this.#sent++
    return true
  }

  flush(): void {
    this.#poll()
  }

  async drain(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs
    const emptied = await new Promise<boolean>((resolve) => {
      this.#producer.flush(timeoutMs, (error: LibrdKafkaError | null) => resolve(!error))
    })
    if (emptied) this.#done = this.#sent
    do await setTimeout(2 * POLL_MS)
    while (this.#acknowledged + this.#failed < this.#done && performance.now() < deadline)
  }

  /** Gives up what has not been acknowledged; {@link drain} before. */
  async close(): Promise<void> {
    clearInterval(this.#polling)
    await disconnectClient(this.#producer)
  }

  #poll(): void {
    this.#moments.add(clockUs(), this.#sent)
    this.#producer.poll()
  }

  /** On a timer: between it and what it sets for later in the same turn, events of node-rdkafka are handed over. */
  #tick(): void {
    this.#poll()
    const [done, failed] = [this.#done, this.#failed]
    if (this.#acknowledged + failed === done || !this.#counted) return
    setImmediate(() => {
      if (this.#failed === failed) this.#acknowledge(done - failed)
    })
  }

  #report(error: LibrdKafkaError | null, tag: number | undefined): void {
    if (error) {
      this.#failed++
      const cause = brokerError(`publish to "${this.#topic}": a record was not acknowledged`, error)
      this.#observer.failed(1, cause, tag)
    } else {
      this.#acknowledged++
      this.#observer.acknowledged(1, tag)
    }
  }

  /** `ts` and `msg_cnt` stand among the first fields; parsing the rest would cost a hundred times as much. */
  #count(statistics: string): void {
    const head = statistics.slice(0, 1000)
    const ts = /"ts":\s*(\d+)/.exec(head)?.[1]
    const held = /"msg_cnt":\s*(\d+)/.exec(head)?.[1]
    if (ts === undefined || held === undefined) {
      throw new TdaError(
        'INTERNAL',
        'the statistics of librdkafka have no "ts" and "msg_cnt" at their beginning'
      )
    }
    this.#done = Math.max(this.#done, this.#moments.sentBefore(Number(ts)) - Number(held))
  }

  #acknowledge(total: number): void {
    const more = total - this.#acknowledged
    if (more <= 0) return
    this.#acknowledged = total
    this.#observer.acknowledged(more)
  }
}

/** The clock of `ts`: librdkafka's is monotonic where the system has one that is, as Node's is. */
function clockUs(): number {
  if (process.platform === 'darwin') return Date.now() * 1000
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e6 + nanoseconds / 1000
}

/** How many records had been sent at the last few thousand moments, in a ring. */
class SendMoments {
  readonly #at = new Float64Array(MOMENTS)
  readonly #sent = new Float64Array(MOMENTS)
  #count = 0

  add(at: number, sent: number): void {
    this.#at[this.#count % MOMENTS] = at
    this.#sent[this.#count % MOMENTS] = sent
    this.#count++
  }

  /** Records sent at the last moment known not to be after `at`; 0 when it is forgotten. */
  sentBefore(at: number): number {
    for (let n = this.#count - 1; n >= Math.max(0, this.#count - MOMENTS); n--) {
      if (this.#at[n % MOMENTS]! <= at) return this.#sent[n % MOMENTS]!
    }
    return 0
  }
}
