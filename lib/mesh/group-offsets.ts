/** What a consumer group has committed, without joining it. */
import {
  brokerError,
  connectClient,
  disconnectClient,
  loadKafka,
  patiently,
  withSettings,
  type LibrdKafkaError
} from './kafka-client.js'
import type { KafkaSettings } from './kafka-settings.js'

const REQUEST_MS = 10_000
/** The first question about a group makes a cluster create the topic of the offsets, which takes seconds where it is busy. */
const PATIENCE_MS = 60_000

export interface GroupQuestion {
  /** `host:port`, separated by commas. */
  readonly brokers: string
  readonly settings: KafkaSettings
  readonly groupId: string
  readonly topic: string
  readonly partitions: number
}

/**
 * The next offset each partition is read from; `null`: the group has never committed there.
 * @throws BROKER when none answers or the group may not be read.
 */
export async function groupOffsets(question: GroupQuestion): Promise<ReadonlyMap<number, number | null>> {
  const { brokers, settings, groupId, topic, partitions } = question
  const { KafkaConsumer } = await loadKafka()
  const own = {
    'metadata.broker.list': brokers,
    ...settings,
    'group.id': groupId,
    'enable.auto.commit': false
  }
  const consumer = withSettings(() => new KafkaConsumer(own, {}))
  consumer.on('event.error', () => {}) // What does not heal is thrown by the call.
  try {
    await connectClient(consumer, brokers, REQUEST_MS)
    const asked = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
    const ask = (): Promise<ReadonlyMap<number, number | null>> =>
      new Promise((resolve, reject) => {
        consumer.committed(asked, REQUEST_MS, (error: LibrdKafkaError | null, answers) => {
          if (error) reject(brokerError(`read the offsets of group "${groupId}"`, error))
          else resolve(new Map(answers.map((one) => [one.partition, committedOf(one)] as const)))
        })
      })
    return await patiently(PATIENCE_MS, ask)
  } finally {
    await disconnectClient(consumer)
  }
}

/** Where nothing is committed, the client leaves the offset out or makes it negative. */
function committedOf({ offset }: { readonly offset?: number }): number | null {
  return offset !== undefined && offset >= 0 ? offset : null
}
