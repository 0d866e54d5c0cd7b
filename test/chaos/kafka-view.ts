/** What an onlooker sees of the cluster: topics read to their ends, leaders, committed offsets. */
import { setTimeout as delay } from 'node:timers/promises'
import { connectClient, disconnectClient, loadKafka } from '../../lib/mesh/kafka-client.js'
import type { Metadata } from 'node-rdkafka'
import type { KafkaConsumer, LibrdKafkaError, Message } from '../../lib/mesh/kafka-client.js'

const CONNECT_MS = 30_000
const REQUEST_MS = 10_000
const RECORDS_MAX = 1_000

export type TopicRecord = Message

async function consumer(brokers: string, groupId: string): Promise<KafkaConsumer> {
  const { KafkaConsumer } = await loadKafka()
  const settings = {
    'metadata.broker.list': brokers,
    'group.id': groupId,
    'enable.auto.commit': false,
    'enable.partition.eof': true,
    'isolation.level': 'read_committed' as const,
    'fetch.wait.max.ms': 50,
    'reconnect.backoff.max.ms': 500,
    'topic.metadata.refresh.interval.ms': 5_000
  }
  const client = new KafkaConsumer(settings, { 'auto.offset.reset': 'earliest' as const })
  client.on('event.error', () => undefined)
  await connectClient(client, brokers, CONNECT_MS)
  return client
}

/** Reads all partitions of a topic from their beginning, only what is committed, and goes on as records come. */
export class TopicReader {
  readonly #client: KafkaConsumer
  readonly #topic: string
  readonly #partitions: number
  readonly #onRecord: (record: TopicRecord) => void
  /** Where the end was seen: beyond the last record and what belongs to transactions. */
  readonly #ends = new Map<number, number>()
  /** The next offset to be handed on. */
  readonly #next = new Map<number, number>()
  readonly #running: Promise<void>
  #rounds = 0
  #closed = false

  static async open(
    brokers: string,
    topic: string,
    partitions: number,
    onRecord: (record: TopicRecord) => void
  ): Promise<TopicReader> {
    return new TopicReader(await consumer(brokers, `onlooker-${topic}`), topic, partitions, onRecord)
  }

  private constructor(
    client: KafkaConsumer,
    topic: string,
    partitions: number,
    onRecord: (record: TopicRecord) => void
  ) {
    this.#client = client
    this.#topic = topic
    this.#partitions = partitions
    this.#onRecord = onRecord
    client.on('partition.eof', ({ partition, offset }: { partition: number; offset: number }) => {
      this.#ends.set(partition, offset)
    })
    client.setDefaultConsumeTimeout(20)
    client.assign(this.#all().map((partition) => ({ topic, partition, offset: 0 })))
    this.#running = this.#run()
  }

  /** The offset after the last record of each partition, as the brokers have it now. */
  async ends(): Promise<Map<number, number>> {
    const highs = await Promise.all(this.#all().map((partition) => this.#high(partition)))
    return new Map(highs.entries())
  }

  /** Resolves when all that is in the log now has been read; rejects after `timeoutMs`. */
  async caughtUp(timeoutMs: number): Promise<void> {
    const highs = await this.ends()
    const deadlineMs = performance.now() + timeoutMs
    while ([...highs].some(([partition, high]) => high > 0 && (this.#ends.get(partition) ?? -1) < high)) {
      if (performance.now() > deadlineMs) {
        const seen = JSON.stringify([...this.#ends])
        throw new Error(
          `"${this.#topic}" was not read to its end: ends ${JSON.stringify([...highs])}, seen ${seen}`
        )
      }
      await delay(50)
    }
    // An end is told before the records that were read with it are handed on.
    const rounds = this.#rounds
    while (this.#rounds < rounds + 2) await delay(5)
  }

  /** Broker that leads a partition. */
  async leader(partition: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#client.getMetadata(
        { topic: this.#topic, timeout: REQUEST_MS },
        (error: LibrdKafkaError | null, metadata?: Metadata) => {
          const topic = metadata?.topics.find(({ name }) => name === this.#topic)
          const found = topic?.partitions.find(({ id }) => id === partition)
          if (error || !found)
            reject(new Error(`no leader of "${this.#topic}"/${partition}`, { cause: error }))
          else resolve(found.leader)
        }
      )
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#running
    await disconnectClient(this.#client)
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const records = await new Promise<Message[]>((resolve) => {
        this.#client.consume(RECORDS_MAX, (error: LibrdKafkaError | null, batch) =>
          resolve(error ? [] : batch)
        )
      })
      for (const record of records) this.#hand(record)
      this.#rounds += 1
      if (records.length === 0) await delay(5)
    }
  }

  /** A client whose leader changed may fetch again what it has had: an offset is handed on once. */
  #hand(record: Message): void {
    const { partition, offset } = record
    if (offset < (this.#next.get(partition) ?? 0)) return
    this.#next.set(partition, offset + 1)
    this.#onRecord(record)
  }

  #all(): number[] {
    return Array.from({ length: this.#partitions }, (_, partition) => partition)
  }

  #high(partition: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const done = (error: LibrdKafkaError | null, offsets: { highOffset: number }): void => {
        if (error) reject(new Error(error.message, { cause: error }))
        else resolve(offsets.highOffset)
      }
      this.#client.queryWatermarkOffsets(this.#topic, partition, REQUEST_MS, done)
    })
  }
}

/** What a group has committed for each partition; those without a commit are left out. */
export class GroupView {
  readonly #client: KafkaConsumer

  static async open(brokers: string, groupId: string): Promise<GroupView> {
    return new GroupView(await consumer(brokers, groupId))
  }

  private constructor(client: KafkaConsumer) {
    this.#client = client
  }

  async committed(topic: string, partitions: number): Promise<Map<number, number>> {
    const wanted = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
    const stored = await new Promise<{ partition: number; offset?: number }[]>((resolve, reject) => {
      this.#client.committed(wanted, REQUEST_MS, (error: LibrdKafkaError | null, offsets) => {
        if (error) reject(new Error(error.message, { cause: error }))
        else resolve(offsets)
      })
    })
    return new Map(
      stored.flatMap(({ partition, offset }) => ((offset ?? -1) >= 0 ? [[partition, offset!]] : []))
    )
  }

  close(): Promise<void> {
    return disconnectClient(this.#client)
  }
}
