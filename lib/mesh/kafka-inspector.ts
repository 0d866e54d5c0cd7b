/**
 * Looking at topics without being a member of a group: bounds, offsets by time, and one partition from an offset to its
 * end. One client for the questions, opened with the first; one for each partition that is read.
 *
 *   (N1) The end is what the log has, transactions under way included: a reader of committed records waits there until
 *        these are decided. So what a former owner of a partition had written is never missed.
 *   (N2) No group is joined and no offset committed, whatever `group.id` says: partitions are assigned, never subscribed
 *        to. librdkafka looks for the coordinator of the group all the same and ends reading where it may not, so the name
 *        is one that the user has rights on.
 */
import { randomUUID } from 'node:crypto'
import type { MeshRecord, PartitionBounds } from './event-mesh.js'
import {
  brokerError,
  connectClient,
  disconnectClient,
  isHopeless,
  loadKafka,
  patiently,
  queryBounds,
  withSettings,
  type KafkaConsumer,
  type LibrdKafkaError,
  type Message
} from './kafka-client.js'
import type { KafkaSettings } from './kafka-settings.js'
import { toRecords } from './kafka-subscription.js'

/** Also how long a topic that was just made, or whose leader moves, is asked for again. */
const REQUEST_MS = 10_000
const READ_RECORDS = 1_000
const READ_WAIT_MS = 100
/** The end of a log is told once, and node-rdkafka drops what it is told beside an error: after such a silence it is asked again. */
const QUIET_MS = 2_000

/** One broker as the cluster knows it. */
export interface BrokerAddress {
  readonly id: number
  /** `host:port`. */
  readonly address: string
}

export class KafkaInspector {
  readonly #brokers: string
  readonly #settings: KafkaSettings
  readonly #timeoutMs: number
  readonly #groupId: string
  #client: Promise<KafkaConsumer> | null = null

  constructor(
    brokers: string,
    settings: KafkaSettings,
    timeoutMs: number,
    groupId = `streaming-tda-reader-${randomUUID()}`
  ) {
    this.#groupId = groupId
    this.#brokers = brokers
    this.#settings = settings
    this.#timeoutMs = timeoutMs
  }

  async partitions(topic: string): Promise<number> {
    const client = await this.#open()
    return new Promise((resolve, reject) => {
      client.getMetadata({ topic, timeout: REQUEST_MS }, (error: LibrdKafkaError | null, metadata) => {
        if (error) reject(brokerError(`look at topic "${topic}"`, error))
        else resolve(metadata.topics.find(({ name }) => name === topic)?.partitions.length ?? 0)
      })
    })
  }

  /** The brokers of the cluster, under the addresses it gives to its clients. */
  async brokers(): Promise<readonly BrokerAddress[]> {
    const client = await this.#open()
    return new Promise((resolve, reject) => {
      client.getMetadata({ timeout: REQUEST_MS }, (error: LibrdKafkaError | null, metadata) => {
        if (error) reject(brokerError('look at the cluster', error))
        else resolve(metadata.brokers.map(({ id, host, port }) => ({ id, address: `${host}:${port}` })))
      })
    })
  }

  async bounds(topic: string, partition: number): Promise<PartitionBounds> {
    const client = await this.#open()
    return patiently(REQUEST_MS, () => queryBounds(client, topic, partition, REQUEST_MS))
  }

  async offsetsAt(topic: string, timestampMs: number): Promise<ReadonlyMap<number, number>> {
    const client = await this.#open()
    const partitions = Array.from({ length: await this.partitions(topic) }, (_, partition) => partition)
    const asked = partitions.map((partition) => ({ topic, partition, offset: timestampMs }))
    const ask = (): Promise<Map<number, number>> =>
      new Promise((resolve, reject) => {
        client.offsetsForTimes(asked, REQUEST_MS, (error: LibrdKafkaError | null, offsets) => {
          if (error) reject(brokerError(`find offsets of "${topic}" by time`, error))
          else resolve(new Map(offsets.map(({ partition, offset }) => [partition, offset])))
        })
      })
    const found = await patiently(REQUEST_MS, ask)
    for (const partition of partitions) {
      // Nothing as new: a negative offset.
      if (!((found.get(partition) ?? -1) >= 0))
        found.set(partition, (await this.bounds(topic, partition)).high)
    }
    return found
  }

  async *read(
    topic: string,
    partition: number,
    options: { readonly from?: number; readonly signal?: AbortSignal } = {}
  ): AsyncGenerator<readonly MeshRecord[]> {
    const { low, high } = await this.bounds(topic, partition)
    let next = Math.max(low, options.from ?? low)
    if (next >= high) return
    const consumer = await this.#consumer({
      'isolation.level': 'read_committed',
      'enable.partition.eof': true
    })
    try {
      // After the last record there may be markers of transactions, which nobody gets: then the end is told.
      consumer.on('partition.eof', ({ offset }: { offset: number }) => (next = Math.max(next, offset)))
      consumer.setDefaultConsumeTimeout(READ_WAIT_MS)
      consumer.assign([{ topic, partition, offset: next }])
      let heardMs = performance.now()
      let read = next
      while (next < high && options.signal?.aborted !== true) {
        const messages = await consume(consumer, `read "${topic}"/${partition}`)
        const last = messages.at(-1)
        if (last) heardMs = performance.now()
        else if (performance.now() - heardMs > QUIET_MS) {
          consumer.unassign()
          consumer.assign([{ topic, partition, offset: read }])
          heardMs = performance.now()
        }
        if (!last) continue
        const records = toRecords(messages.filter(({ offset }) => offset >= read && offset < high))
        read = Math.max(read, last.offset + 1)
        next = Math.max(next, read)
        if (records.length > 0) yield records
      }
    } finally {
      await disconnectClient(consumer)
    }
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = null
    if (client) await client.then(disconnectClient, () => {})
  }

  #open(): Promise<KafkaConsumer> {
    this.#client ??= this.#consumer({ 'isolation.level': 'read_uncommitted' }).catch((error: unknown) => {
      this.#client = null
      throw error
    })
    return this.#client
  }

  async #consumer(own: KafkaSettings): Promise<KafkaConsumer> {
    const { KafkaConsumer } = await loadKafka()
    const consumer = withSettings(
      () =>
        new KafkaConsumer(
          {
            'metadata.broker.list': this.#brokers,
            'fetch.wait.max.ms': 100,
            'queued.max.messages.kbytes': 16 * 1024,
            ...this.#settings,
            'group.id': this.#groupId,
            'enable.auto.commit': false,
            ...own
          },
          { 'auto.offset.reset': 'earliest' }
        )
    )
    consumer.on('event.error', () => {}) // Outages heal; what does not heal is thrown by the call.
    await connectClient(consumer, this.#brokers, this.#timeoutMs)
    return consumer
  }
}

function consume(consumer: KafkaConsumer, what: string): Promise<Message[]> {
  return new Promise((resolve, reject) => {
    consumer.consume(READ_RECORDS, (error: LibrdKafkaError | null, messages) => {
      if (!error) resolve(messages)
      else if (isHopeless(error)) reject(brokerError(what, error))
      else resolve([])
    })
  })
}
