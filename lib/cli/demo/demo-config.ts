/** What the demo runs: the configuration a user would write for these sensors. */
import { configSchema, type Config } from '../../config/schema.js'

/** The fast scale speaks of every reading, which is how the demo knows what has come out at the other end. */
export const SCALES = [
  { name: 'temperature-64', window: 64, slide: 1, filtration: 'sublevel', channel: 'temperature' },
  { name: 'temperature-4096', window: 4096, slide: 32, filtration: 'sublevel', channel: 'temperature' },
  { name: 'loops-256', window: 256, slide: 8, filtration: 'rips', channels: ['humidity', 'temperature'] },
  {
    name: 'cycles-256',
    window: 256,
    slide: 8,
    filtration: 'rips',
    channel: 'temperature',
    embedding: { dimension: 3, delay: 8 }
  }
] as const

/**
 * @param partitions of the topics: the embedded broker can give 4 only.
 */
export function demoConfig(options: {
  readonly brokers: readonly string[]
  readonly partitions: number
  readonly port: number
}): Config {
  const { brokers, partitions, port } = options
  return configSchema.parse({
    ...(brokers.length > 0 ? { kafka: { brokers, groupId: 'tda-demo' } } : {}),
    input: {
      topic: 'sensors',
      partitions,
      timestamp: { from: 'field', field: 'timestamp', unit: 'iso' },
      channels: ['humidity', 'temperature']
    },
    scales: SCALES,
    delivery: 'at-least-once', // On both transports, so that what is shown does not depend on which it is.
    output: { partitions },
    http: { port },
    shutdown: { timeout: '10s' }
  })
}
