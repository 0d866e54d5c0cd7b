/**
 * How results leave: the pipeline hands over outcomes, in order, and does not know what is behind it. Topics at least
 * once (`at-least-once.ts`), topics in transactions (`exactly-once.ts`), a file or a test (`at-least-once.ts` over any
 * sink).
 */
import type { RejectedRecord } from '../adapters/decoder.js'
import type { Config } from '../config/schema.js'
import type { BrokerGuard } from '../mesh/broker-guard.js'
import type {
  EventMesh,
  OutgoingRecord,
  Subscription,
  TransactionOutcome,
  Transactions
} from '../mesh/event-mesh.js'
import { noTracer, type PipelineTracer } from '../observability/tracing/pipeline-tracer.js'
import { omittedResult, withoutValue } from '../publishers/dead-letters.js'
import { AtLeastOnce } from './at-least-once.js'
import { ExactlyOnce } from './exactly-once.js'
import type { DeliveryMetrics } from '../observability/pipeline-metrics.js'
import type { PipelineLogger } from './pipeline-report.js'
import { bytesOf } from './record-bytes.js'
import { meshSink, topicsOf } from './sink.js'
import { Spool } from './spool.js'
import { SpooledPublish } from './spooled-publish.js'

/** At start brokers that do not answer are an error; later they are waited for. */
const OPEN_ATTEMPTS = 5

/** What a stretch of records leaves behind; it goes out as one. */
export interface Outcome {
  /** For `output.topic`; those of a stream in their order. */
  readonly updates: readonly OutgoingRecord[]
  /** For `output.deadLetterTopic`. */
  readonly letters: readonly RejectedRecord[]
  /**
   * For `output.stateTopic`; each names its partition. Speaks of offsets up to `next` of the same outcome, and is only
   * kept when these are committed.
   */
  readonly state: readonly OutgoingRecord[]
  /**
   * Input partition -> next offset to read. All partitions that the rest comes from are in it: this is what fences a
   * former owner.
   */
  readonly next: ReadonlyMap<number, number>
}

export type Guarantee = Config['delivery']

export interface Delivery {
  readonly guarantee: Guarantee
  /** Rejects with what went wrong behind `deliver`; never resolves. */
  readonly failed: Promise<never>
  /**
   * Takes an outcome; resolves when the next may come, which is how a slow broker slows everything down. One call at a
   * time. `out` is called when the outcome is safely out and its offsets are committed or about to be; not when its
   * partitions were lost meanwhile: then their next owner does it again. It is told which updates of the outcome the
   * topic does not take, because they are too long: dead letters say where they belong. `lost` is called instead when nothing of it
   * goes out.
   *
   * @throws what can never succeed: the pipeline ends with it, and a restart repeats what was not committed.
   */
  deliver(
    outcome: Outcome,
    out: (omitted: ReadonlySet<OutgoingRecord>) => void,
    lost?: () => void
  ): Promise<void>
  /** Resolves when all that was delivered is out and committed, or is left to the next owner of its partitions. */
  settle(): Promise<void>
  /** These partitions are not this member's any more, and all that was delivered of them is settled. */
  released(partitions: Iterable<number>): void
  /** Closes what it opened. What is not settled is left undone. */
  close(): Promise<void>
}

/** What a delivery is opened with besides the mesh. */
export interface DeliveryParts {
  readonly tracer?: PipelineTracer
  readonly guard: BrokerGuard
  readonly metrics: DeliveryMetrics
  readonly logger?: PipelineLogger
  /** Told of updates that the topic does not take, where that is found out after `out`: of those that were in a spool. */
  readonly omitted?: (updates: ReadonlySet<OutgoingRecord>) => void
}

/**
 * The delivery that the configuration asks for, as far as the mesh can: without transactions it is at least once.
 *
 * @throws BROKER when the brokers give no transactions, FILE when the spool cannot be opened.
 */
export async function openDelivery(
  mesh: EventMesh,
  source: Subscription,
  config: Pick<Config, 'delivery' | 'output' | 'publish' | 'spool'>,
  parts: DeliveryParts
): Promise<Delivery> {
  const { guard, metrics } = parts
  if (config.delivery === 'at-least-once' || !mesh.capabilities.transactions) {
    return openAtLeastOnce(mesh, source, config, parts)
  }
  const report = (outcome: TransactionOutcome): void => metrics.transaction(outcome)
  const opened = await guard.run(() => mesh.transactions(source, report), OPEN_ATTEMPTS)
  const transactions = traced(opened, parts.tracer ?? noTracer)
  const intervalMs = config.publish.transactionInterval
  const repeat = <T>(attempt: () => Promise<T>): Promise<T> => guard.run(attempt)
  return new ExactlyOnce({ transactions, topics: topicsOf(config), intervalMs, repeat, metrics })
}

function traced(opened: Transactions, tracer: PipelineTracer): Transactions {
  return {
    commit: (transaction) => tracer.commit(transaction.next.size, () => opened.commit(transaction)),
    close: () => opened.close()
  }
}

async function openAtLeastOnce(
  mesh: EventMesh,
  source: Subscription,
  config: Pick<Config, 'output' | 'publish' | 'spool'>,
  { guard, metrics, logger, omitted, tracer = noTracer }: DeliveryParts
): Promise<Delivery> {
  const publishWithin =
    (attempts?: number): EventMesh['publish'] =>
    async (topic, records) => {
      await guard.run(() => mesh.publish(topic, records), attempts)
      metrics.published(topic, records.length, bytesOf(records))
    }
  const commits: Pick<Subscription, 'commit'> = {
    commit: (next) => tracer.commit(next.size, () => guard.run(() => source.commit(next)))
  }
  if (config.spool === undefined) {
    return new AtLeastOnce(meshSink({ publish: publishWithin() }, config), commits)
  }
  const { updates } = topicsOf(config)
  const spooled = new SpooledPublish({
    spool: await Spool.open({ directory: config.spool.directory, bytesMax: config.spool.maxBytes }),
    attempt: publishWithin(1),
    publish: publishWithin(),
    instead: (topic, record) =>
      topic === updates
        ? { topic: config.output.deadLetterTopic, record: omittedResult(record, updates) }
        : { topic, record: withoutValue(record) },
    omitted: (topic, records) => {
      if (topic === updates) omitted?.(records)
    },
    metrics,
    ...(logger ? { logger } : {})
  })
  const publish: EventMesh['publish'] = (topic, records) => spooled.publish(topic, records)
  return new AtLeastOnce(meshSink({ publish }, config), commits, spooled)
}
