/**
 * An embedded broker: librdkafka's mock cluster, started inside this process through node-rdkafka. Clients of this and
 * of other processes reach it on loopback. For a first look, tests and benchmarks; it is not Kafka:
 *
 * - every topic has 4 partitions and comes into being when it is first named;
 * - everything is in memory, at most 5 MiB a partition (the oldest goes first, read or not), and gone with the process;
 * - no transactions: delivery is at least once;
 * - it takes no commit while members come and go, and all members of a group must use the same assignors.
 */
import { TdaError } from '../errors.js'
import type { MeshCapabilities } from './event-mesh.js'
import {
  connectClient,
  disconnectClient,
  loadKafka,
  type LibrdKafkaError,
  type Producer
} from './kafka-client.js'
import type { KafkaSettings } from './kafka-settings.js'
import { KafkaEventMesh, type KafkaMeshOptions } from './kafka-mesh.js'

/** Partitions of every topic on the embedded broker. */
export const EMBEDDED_PARTITIONS = 4
const START_TIMEOUT_MS = 10_000

const DESCRIPTION =
  'Embedded broker (librdkafka mock cluster), for a first look and tests: 4 partitions a topic, in memory, ' +
  'at most 5 MiB a partition, delivery at least once.'

const CAPABILITIES: MeshCapabilities = {
  transactions: false,
  createTopics: false,
  offsetsForTimes: false,
  compaction: false,
  groups: true
}

const SETTINGS: KafkaSettings = {
  // New data does not wake a fetch that waits on the mock cluster, so it must not wait for long.
  'fetch.wait.max.ms': 2,
  // A group whose last member left lets nobody in before its session timeout (less a second) is over.
  'session.timeout.ms': 6_000,
  'heartbeat.interval.ms': 1_000
}

/**
 * The broker and what it takes to connect to it. One process can have several.
 *
 * @example
 * const broker = await EmbeddedBroker.start()
 * const mesh = await broker.connect()
 * await mesh.createStream('points', 4)
 * console.log(broker.brokers.length) // 1
 * await mesh.close()
 * await broker.close()
 */
export class EmbeddedBroker {
  readonly description = DESCRIPTION
  /** `host:port` of each broker, for clients in other processes too. */
  readonly brokers: readonly string[]
  readonly #host: Producer

  /**
   * @throws KAFKA_UNAVAILABLE when node-rdkafka is missing; BROKER when the mock cluster does not come up.
   */
  static async start(options: { readonly brokers?: number } = {}): Promise<EmbeddedBroker> {
    const { Producer } = await loadKafka()
    const settings: KafkaSettings = { 'test.mock.num.brokers': options.brokers ?? 1 }
    const host = new Producer({ ...settings }, {})
    await connectClient(host, 'the embedded cluster', START_TIMEOUT_MS)
    const brokers = await new Promise<string[]>((resolve, reject) => {
      host.getMetadata({ timeout: START_TIMEOUT_MS }, (error: LibrdKafkaError | null, metadata) => {
        if (error) reject(new TdaError('BROKER', `the embedded broker did not start: ${error.message}`))
        else resolve(metadata.brokers.map(({ host: name, port }) => `${name}:${port}`))
      })
    })
    return new EmbeddedBroker(host, brokers)
  }

  private constructor(host: Producer, brokers: readonly string[]) {
    this.#host = host
    this.brokers = brokers
  }

  /** A mesh on this broker. Close it before the broker. */
  connect(
    options: Omit<KafkaMeshOptions, 'brokers' | 'autoCreatedPartitions' | 'capabilities'> = {}
  ): Promise<KafkaEventMesh> {
    return KafkaEventMesh.connect({
      description: DESCRIPTION,
      capabilities: CAPABILITIES,
      ...options,
      brokers: this.brokers,
      autoCreatedPartitions: EMBEDDED_PARTITIONS,
      librdkafka: { ...SETTINGS, ...options.librdkafka }
    })
  }

  close(): Promise<void> {
    return disconnectClient(this.#host)
  }
}
