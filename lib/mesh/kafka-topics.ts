/** Removing topics: what measures or tests on somebody's brokers leaves nothing behind. */
import {
  brokerError,
  errorNumber,
  loadKafka,
  RD_KAFKA,
  withSettings,
  type LibrdKafkaError
} from './kafka-client.js'
import type { KafkaSettings } from './kafka-settings.js'

const TIMEOUT_MS = 10_000

/** Removes topics with all that is in them, where they exist. @throws BROKER naming the first that stays. */
export async function deleteTopics(
  brokers: readonly string[],
  topics: readonly string[],
  settings: KafkaSettings = {}
): Promise<void> {
  const { AdminClient } = await loadKafka()
  const admin = withSettings(() =>
    AdminClient.create({ 'metadata.broker.list': brokers.join(','), ...settings })
  )
  try {
    for (const topic of topics) {
      await new Promise<void>((resolve, reject) => {
        admin.deleteTopic(topic, TIMEOUT_MS, (error: LibrdKafkaError | null) => {
          if (error && errorNumber(error) !== RD_KAFKA.UNKNOWN_TOPIC)
            reject(brokerError(`delete topic "${topic}"`, error))
          else resolve()
        })
      })
    }
  } finally {
    admin.disconnect()
  }
}
