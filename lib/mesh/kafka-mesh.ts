/** The event mesh over node-rdkafka: one idempotent producer, and one consumer for each subscription. */
import { TdaError } from '../errors.js'
import type { EventMesh, OutgoingRecord, Subscription } from './event-mesh.js'
import { brokerError, errorNumber, loadKafka, RD_KAFKA, withSettings } from './kafka-client.js'
import type { LibrdKafkaError } from './kafka-client.js'
import { KafkaPublisher } from './kafka-publisher.js'
import type { KafkaSettings } from './kafka-settings.js'
import { KafkaSubscription } from './kafka-subscription.js'

const TIMEOUT_MS = 10_000

/** How to reach the brokers. */
export interface KafkaMeshOptions {
  /** `host:port` of at least one broker. */
  readonly brokers: readonly string[]
  /** librdkafka settings for producer and consumers alike; they win over this package's own. */
  readonly librdkafka?: KafkaSettings
  /** Compression of published batches. Default `lz4`. */
  readonly compression?: 'none' | 'gzip' | 'snappy' | 'lz4'
  /** How long brokers may take to answer when connecting and when creating a topic, in ms. Default 10 000. */
  readonly connectTimeoutMs?: number
  /**
   * Set where topics come into being by themselves with this many partitions and cannot be created otherwise, as on
   * the embedded broker.
   */
  readonly autoCreatedPartitions?: number
  /**
   * Whether subscriptions take their records in columns by the optional addon of `binding/kafka/`, where it is built.
   * Default true: the same records at a tenth of the cost.
   */
  readonly columnar?: boolean
  readonly description?: string
}

/**
 * A mesh on real brokers, or on the embedded one. Close it to flush what is being published.
 *
 * @example
 * const broker = await EmbeddedBroker.start() // Or a real one: skip this line, and name it below.
 * const mesh = await KafkaEventMesh.connect({ brokers: broker.brokers })
 * await mesh.publish('points', [{ key: 'a', value: '{"x":1}' }])
 * console.log(mesh.description.startsWith('Kafka at 127.0.0.1')) // true
 * await mesh.close()
 * await broker.close()
 */
export class KafkaEventMesh implements EventMesh {
  readonly description: string
  readonly #options: KafkaMeshOptions
  readonly #brokers: string
  readonly #publisher: KafkaPublisher
  readonly #subscriptions = new Set<KafkaSubscription>()

  /**
   * @throws KAFKA_UNAVAILABLE when node-rdkafka is missing; CONFIG_INVALID when librdkafka refuses a setting; BROKER
   * when no broker answers in time.
   */
  static async connect(options: KafkaMeshOptions): Promise<KafkaEventMesh> {
    const brokers = options.brokers.join(',')
    const publisher = await KafkaPublisher.connect(
      brokers,
      { 'compression.codec': options.compression ?? 'lz4', ...options.librdkafka },
      options.connectTimeoutMs ?? TIMEOUT_MS
    )
    return new KafkaEventMesh(options, brokers, publisher)
  }

  private constructor(options: KafkaMeshOptions, brokers: string, publisher: KafkaPublisher) {
    if (!(publisher instanceof KafkaPublisher)) {
      throw new TdaError('INVALID_ARGUMENT', 'KafkaEventMesh: use await KafkaEventMesh.connect({ brokers })')
    }
    this.#options = options
    this.#brokers = brokers
    this.#publisher = publisher
    this.description = options.description ?? `Kafka at ${brokers}: results and commits at least once.`
  }

  publish(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    return this.#publisher.publish(topic, records)
  }

  async subscribe(topic: string, options: { readonly groupId: string }): Promise<Subscription> {
    const subscription = await KafkaSubscription.open({
      brokers: this.#brokers,
      topic,
      groupId: options.groupId,
      settings: this.#options.librdkafka ?? {},
      timeoutMs: this.#options.connectTimeoutMs ?? TIMEOUT_MS,
      columnar: this.#options.columnar ?? true
    })
    this.#subscriptions.add(subscription)
    return subscription
  }

  async createStream(topic: string, partitions: number): Promise<void> {
    const automatic = this.#options.autoCreatedPartitions
    if (automatic === undefined) return this.#createTopic(topic, partitions)
    if (partitions !== automatic) {
      throw new TdaError(
        'NOT_SUPPORTED',
        `createStream "${topic}": the embedded broker gives every topic ${automatic} partitions, asked for ` +
          `${partitions}; set ${automatic}, or use a real broker`
      )
    }
    await this.#publisher.touch(topic)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()))
    await this.#publisher.close()
  }

  async #createTopic(topic: string, partitions: number): Promise<void> {
    const { AdminClient } = await loadKafka()
    const what = `create topic "${topic}" with ${partitions} partitions`
    const settings = { 'metadata.broker.list': this.#brokers, ...this.#options.librdkafka }
    const admin = withSettings(() => AdminClient.create(settings))
    try {
      await new Promise<void>((resolve, reject) => {
        // Replication factor -1: the broker's default.
        const wanted = { topic, num_partitions: partitions, replication_factor: -1 }
        admin.createTopic(
          wanted,
          this.#options.connectTimeoutMs ?? TIMEOUT_MS,
          (error: LibrdKafkaError | null) => {
            if (!error || errorNumber(error) === RD_KAFKA.TOPIC_ALREADY_EXISTS) resolve()
            else reject(brokerError(what, error))
          }
        )
      })
    } catch (error) {
      throw brokerError(what, error) // librdkafka throws what it need not ask a broker for
    } finally {
      admin.disconnect()
    }
  }
}
