/** The mesh of a configuration with a `kafka` section; loads the client only now. */
import type { Config } from '../config/schema.js'
import type { ClientErrors } from '../mesh/client-log.js'
import type { EventMesh } from '../mesh/event-mesh.js'
import type { Logger } from '../observability/logger.js'

export async function connectKafka(
  config: Config,
  logger: Logger,
  errors?: ClientErrors
): Promise<EventMesh> {
  const { KafkaEventMesh } = await import('../mesh/kafka-mesh.js')
  const { brokers, librdkafka, groupId, instanceId, columnar } = config.kafka!
  return KafkaEventMesh.connect({
    brokers,
    librdkafka,
    groupId,
    columnar,
    compression: config.output.compression,
    ...(instanceId === undefined ? {} : { instanceId }),
    logger,
    ...(errors ? { errors } : {})
  })
}
