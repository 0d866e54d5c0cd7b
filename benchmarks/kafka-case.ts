/** The cases of `bench kafka`, and how its three processes (parent, daemon, producer) speak to each other. */
import { configSchema, type Config } from '../lib/config/schema.js'
import { WINDOWS } from './pipeline-run.js'

export const KAFKA_CASES = ['single', 'batched', 'latency'] as const
export type KafkaCase = (typeof KAFKA_CASES)[number]

export interface CaseSettings {
  /** Records per second that are sent, whatever the daemon makes of them. */
  readonly rate: number
  readonly pointsPerRecord: number
  /** Points between two updates of a scale. */
  readonly slide: number
  /** How long the producer waits for more records of a batch. */
  readonly producerLingerMs: number
  readonly daemonLingerMs: number
  /** Exactly once: transactions begin at most so often. */
  readonly transactionInterval: string
  /** Whether updates are read back, to see when they arrive. */
  readonly watched: boolean
}

export const CASE_SETTINGS: Readonly<Record<KafkaCase, CaseSettings>> = {
  single: {
    rate: 100_000,
    pointsPerRecord: 1,
    slide: 100,
    producerLingerMs: 5,
    daemonLingerMs: 5,
    transactionInterval: '50ms',
    watched: false
  },
  batched: {
    rate: 1000,
    pointsPerRecord: 1000,
    slide: 10_000,
    producerLingerMs: 5,
    daemonLingerMs: 5,
    transactionInterval: '50ms',
    watched: false
  },
  latency: {
    rate: 20_000,
    pointsPerRecord: 1,
    slide: 100,
    producerLingerMs: 1,
    daemonLingerMs: 1,
    transactionInterval: '25ms',
    watched: true
  }
}

export const PARTITIONS = 4
export const diagramsOf = (topic: string): string => `${topic}.diagrams`
export const deadLettersOf = (topic: string): string => `${topic}.dead-letters`
export const stateOf = (topic: string): string => `${topic}.state`

export interface DaemonTask {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly streams: number
  readonly slide: number
  readonly binary: boolean
  readonly snapshotEvery: number
  readonly delivery: Config['delivery']
  readonly transactionInterval: string
  readonly lingerMs: number
  readonly columnar: boolean
}

/** JSON points with one field, or packed float64; event time is the record's, so that updates tell when they were due. */
export function configOf(task: DaemonTask): Config {
  const { brokers, topic, streams, slide, binary, snapshotEvery, lingerMs, columnar } = task
  return configSchema.parse({
    kafka: { brokers, groupId: topic, columnar },
    input: {
      topic,
      partitions: PARTITIONS,
      channels: ['value'],
      format: binary ? 'binary' : 'json',
      timestamp: { from: 'record' }
    },
    scales: WINDOWS.map((window) => ({
      name: `window-${window}`,
      window,
      slide,
      filtration: 'sublevel'
    })),
    output: {
      topic: diagramsOf(topic),
      deadLetterTopic: deadLettersOf(topic),
      stateTopic: stateOf(topic),
      partitions: PARTITIONS
    },
    delivery: task.delivery,
    publish: { snapshotEvery, transactionInterval: task.transactionInterval },
    pipeline: { lingerMs },
    streams: { max: streams }
  })
}

export interface ProducerTask {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly streams: number
  readonly rate: number
  readonly pointsPerRecord: number
  readonly lingerMs: number
}

/** Parent to producer, after its task. */
export type ToProducer = { readonly kind: 'send'; readonly records: number }
/** Producer to parent: what was handed to the client so far, and how late the latest of it was. */
export interface Sent {
  readonly kind: 'sent'
  readonly records: number
  readonly lateMs: number
  readonly cpuMs: number
  readonly done: boolean
}

/** Parent to daemon, after its task. */
export type ToDaemon = { readonly kind: 'measure' }
/**
 * Daemon to parent. Latencies are of batches with updates, since `measure`: from arrival to acknowledgement, and from arrival
 * until the updates are handed to the delivery.
 */
export interface Progress {
  readonly kind: 'progress'
  /** Records whose results are acknowledged. */
  readonly finished: number
  readonly cpuMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly producedP50Ms: number
  readonly producedP99Ms: number
}
