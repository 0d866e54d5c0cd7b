/** The event mesh over node-rdkafka: one idempotent producer, one consumer for each subscription, transactions on demand. */
import { randomUUID } from 'node:crypto'
import { TdaError } from '../errors.js'
import type {
  EventMesh,
  MeshCapabilities,
  MeshRecord,
  OutgoingRecord,
  PartitionBounds,
  Subscription,
  TopicSettings,
  TransactionOutcome,
  Transactions
} from './event-mesh.js'
import { asError, brokerError, errorNumber, loadKafka, RD_KAFKA, withSettings } from './kafka-client.js'
import type { ClientErrors, ClientLog } from './client-log.js'
import { groupOffsets } from './group-offsets.js'
import type { LibrdKafkaError } from './kafka-client.js'
import { KafkaInspector, type BrokerAddress } from './kafka-inspector.js'
import { KafkaPublisher } from './kafka-publisher.js'
import type { KafkaSettings } from './kafka-settings.js'
import { KafkaSubscription } from './kafka-subscription.js'
import { KafkaTransactions } from './kafka-transactions.js'

const TIMEOUT_MS = 10_000
const REFUSALS: ReadonlySet<number | undefined> = new Set([
  RD_KAFKA.TOPIC_AUTHORIZATION_FAILED,
  RD_KAFKA.CLUSTER_AUTHORIZATION_FAILED
])
const CREATE_ADVICE =
  'it is not there, or not to be seen: allow Create and Describe on it, or create it and allow Describe'

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
   * A name that stays with this member over restarts (`group.instance.id`): the group then waits for it until its session
   * times out, and its transactions fence those of its former life. Default: none.
   */
  readonly instanceId?: string
  /**
   * The group in whose name topics are looked at; it is not joined. Set it where the brokers give rights by group: those on
   * this one then suffice. Default: a name that nobody else has.
   */
  readonly groupId?: string
  /** What the brokers can do; default: all. */
  readonly capabilities?: MeshCapabilities
  /**
   * Whether subscriptions take their records in columns by the optional addon of `binding/kafka/`, where it is built.
   * Default true: the same records at a tenth of the cost.
   */
  readonly columnar?: boolean
  readonly description?: string
  /** Gets what librdkafka reports: lost connections, refusals, with the setting `debug` much more. Default: nobody. */
  readonly logger?: ClientLog
  /** Counts what librdkafka reports. Default: nobody. */
  readonly errors?: ClientErrors
}

const EVERYTHING: MeshCapabilities = {
  transactions: true,
  createTopics: true,
  offsetsForTimes: true,
  compaction: true,
  groups: true
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
  readonly capabilities: MeshCapabilities
  readonly #options: KafkaMeshOptions
  readonly #brokers: string
  readonly #publisher: KafkaPublisher
  readonly #inspector: KafkaInspector
  readonly #subscriptions = new Set<KafkaSubscription>()
  readonly #transactions = new Set<KafkaTransactions>()

  /**
   * @throws KAFKA_UNAVAILABLE when node-rdkafka is missing; CONFIG_INVALID when librdkafka refuses a setting; BROKER
   * when no broker answers in time.
   */
  static async connect(options: KafkaMeshOptions): Promise<KafkaEventMesh> {
    const brokers = options.brokers.join(',')
    const publisher = await KafkaPublisher.connect(
      brokers,
      { 'compression.codec': options.compression ?? 'lz4', ...options.librdkafka },
      options.connectTimeoutMs ?? TIMEOUT_MS,
      options.logger,
      options.errors
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
    this.#inspector = new KafkaInspector(brokers, options.librdkafka ?? {}, this.#timeoutMs, options.groupId)
    this.capabilities = options.capabilities ?? EVERYTHING
    this.description = options.description ?? `Kafka at ${brokers}.`
  }

  get #timeoutMs(): number {
    return this.#options.connectTimeoutMs ?? TIMEOUT_MS
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
      timeoutMs: this.#timeoutMs,
      columnar: this.#options.columnar ?? true,
      logger: this.#options.logger,
      errors: this.#options.errors,
      ...(this.#options.instanceId === undefined ? {} : { instanceId: this.#options.instanceId })
    })
    this.#subscriptions.add(subscription)
    return subscription
  }

  async transactions(
    subscription: Subscription,
    report: (outcome: TransactionOutcome) => void = () => {}
  ): Promise<Transactions> {
    if (!(subscription instanceof KafkaSubscription) || !this.#subscriptions.has(subscription)) {
      throw new TdaError('INVALID_ARGUMENT', 'transactions: the subscription is not of this mesh')
    }
    if (!this.capabilities.transactions) {
      throw new TdaError('NOT_SUPPORTED', `transactions: ${this.description}`)
    }
    const { compression, librdkafka, instanceId } = this.#options
    const transactions = await KafkaTransactions.open({
      brokers: this.#brokers,
      settings: { 'compression.codec': compression ?? 'lz4', ...librdkafka },
      transactionalId: `${subscription.groupId}-${instanceId ?? randomUUID()}`,
      subscription,
      timeoutMs: this.#timeoutMs,
      report,
      errors: this.#options.errors
    })
    this.#transactions.add(transactions)
    return transactions
  }

  async createStream(topic: string, partitions: number, settings: TopicSettings = {}): Promise<void> {
    const automatic = this.#options.autoCreatedPartitions
    if (automatic === undefined) return this.#createTopic(topic, partitions, settings)
    if (partitions !== automatic) {
      throw new TdaError(
        'NOT_SUPPORTED',
        `createStream "${topic}": the embedded broker gives every topic ${automatic} partitions, asked for ` +
          `${partitions}; set ${automatic}, or use a real broker`
      )
    }
    const [setting] = Object.keys(settings)
    if (setting !== undefined) {
      throw new TdaError(
        'NOT_SUPPORTED',
        `createStream "${topic}": the embedded broker has no setting ${setting} of topics; use a real broker`
      )
    }
    await this.#publisher.touch(topic)
  }

  partitions(topic: string): Promise<number> {
    return this.#inspector.partitions(topic)
  }

  /** The brokers of the cluster, under the addresses it gives to its clients. @throws BROKER when none answers. */
  brokers(): Promise<readonly BrokerAddress[]> {
    return this.#inspector.brokers()
  }

  bounds(topic: string, partition: number): Promise<PartitionBounds> {
    return this.#inspector.bounds(topic, partition)
  }

  async groupOffsets(topic: string, groupId: string): Promise<ReadonlyMap<number, number | null>> {
    const settings = this.#options.librdkafka ?? {}
    const partitions = await this.partitions(topic)
    return groupOffsets({ brokers: this.#brokers, settings, groupId, topic, partitions })
  }

  readPartition(
    topic: string,
    partition: number,
    options: { readonly from?: number; readonly signal?: AbortSignal } = {}
  ): AsyncIterable<readonly MeshRecord[]> {
    return this.#inspector.read(topic, partition, options)
  }

  async offsetsAt(topic: string, timestampMs: number): Promise<ReadonlyMap<number, number>> {
    if (!this.capabilities.offsetsForTimes) {
      throw new TdaError('NOT_SUPPORTED', `offsets of "${topic}" by time: ${this.description}`)
    }
    return this.#inspector.offsetsAt(topic, timestampMs)
  }

  async close(): Promise<void> {
    // Transactions first: their offsets need the consumer.
    await Promise.all([...this.#transactions].map((transactions) => transactions.close()))
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()))
    await this.#inspector.close()
    await this.#publisher.close()
  }

  async #createTopic(topic: string, partitions: number, settings: TopicSettings): Promise<void> {
    const { AdminClient } = await loadKafka()
    const what = `create topic "${topic}" with ${partitions} partitions`
    const client = { 'metadata.broker.list': this.#brokers, ...this.#options.librdkafka }
    const admin = withSettings(() => AdminClient.create(client))
    try {
      await new Promise<void>((resolve, reject) => {
        // Replication factor -1: the broker's default.
        const wanted = { topic, num_partitions: partitions, replication_factor: -1, config: { ...settings } }
        admin.createTopic(wanted, this.#timeoutMs, (error: LibrdKafkaError | null) => {
          if (!error || errorNumber(error) === RD_KAFKA.TOPIC_ALREADY_EXISTS) resolve()
          else reject(asError(error))
        })
      })
    } catch (error) {
      // A broker refuses who may not create topics before it looks whether there is anything to create.
      if (!REFUSALS.has(errorNumber(error))) throw brokerError(what, error)
      if ((await this.partitions(topic)) > 0) return
      throw brokerError(`${what}; ${CREATE_ADVICE}`, error)
    } finally {
      admin.disconnect()
    }
  }
}
