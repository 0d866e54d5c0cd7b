/** The flag ENABLE_KAFKA_EVENT_MESH: whether the daemon runs on Kafka (the default) or on the in-process mesh. */
import type { Config } from '../config/schema.js'
import { TdaError } from '../errors.js'
import type { EventMesh } from '../mesh/event-mesh.js'
import { InProcessEventMesh } from '../mesh/in-process-mesh.js'
import type { Logger } from '../observability/logger.js'

const ON = ['1', 'true', 'on', 'yes']
const OFF = ['0', 'false', 'off', 'no']

/** @throws USAGE for a value that says neither. */
export function kafkaEnabled({ ENABLE_KAFKA_EVENT_MESH: flag }: NodeJS.ProcessEnv): boolean {
  const value = flag?.trim().toLowerCase()
  if (value === undefined || value === '' || ON.includes(value)) return true
  if (OFF.includes(value)) return false
  const expected = [...ON, ...OFF].join(', ')
  throw new TdaError('USAGE', `ENABLE_KAFKA_EVENT_MESH: expected ${expected}, found "${flag}"`)
}

/** The same interface in the memory of this process: only what runs in it can publish and read. */
export function connectInProcess({ input }: Config, logger: Logger): Promise<EventMesh> {
  const mesh = new InProcessEventMesh({ partitions: input.partitions })
  logger.warn({}, `ENABLE_KAFKA_EVENT_MESH is off, no broker is used. ${mesh.description}`)
  return Promise.resolve(mesh)
}
