/**
 * How results leave: the pipeline hands over outcomes, in order, and does not know what is behind it. Topics at least
 * once (`at-least-once.ts`), topics in transactions (`exactly-once.ts`), a file or a test (`at-least-once.ts` over any
 * sink).
 */
import type { RejectedRecord } from '../adapters/decoder.js'
import type { Config } from '../config/schema.js'
import type { BrokerGuard } from '../mesh/broker-guard.js'
import type { EventMesh, OutgoingRecord, Subscription, Transactions } from '../mesh/event-mesh.js'
import { noTracer, type PipelineTracer } from '../observability/tracing/pipeline-tracer.js'
import { AtLeastOnce } from './at-least-once.js'
import { ExactlyOnce } from './exactly-once.js'
import { meshSink, topicsOf } from './sink.js'

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
   * partitions were lost meanwhile: then their next owner does it again.
   *
   * @throws what can never succeed: the pipeline ends with it, and a restart repeats what was not committed.
   */
  deliver(outcome: Outcome, out: () => void): Promise<void>
  /** Resolves when all that was delivered is out and committed, or is left to the next owner of its partitions. */
  settle(): Promise<void>
  /** Closes what it opened. What is not settled is left undone. */
  close(): Promise<void>
}

/** The delivery that the configuration asks for, as far as the mesh can: without transactions it is at least once. */
export async function openDelivery(
  mesh: EventMesh,
  source: Subscription,
  config: Pick<Config, 'delivery' | 'output' | 'publish'>,
  guard: BrokerGuard,
  tracer: PipelineTracer = noTracer
): Promise<Delivery> {
  const repeat = <T>(attempt: () => Promise<T>): Promise<T> => guard.run(attempt)
  if (config.delivery === 'at-least-once' || !mesh.capabilities.transactions) {
    const publish: EventMesh['publish'] = (topic, records) => repeat(() => mesh.publish(topic, records))
    const commit: Subscription['commit'] = (next) => tracer.commit(next.size, () => source.commit(next))
    return new AtLeastOnce(meshSink({ publish }, config), { commit })
  }
  const opened = await guard.run(() => mesh.transactions(source), OPEN_ATTEMPTS)
  const transactions: Transactions = {
    commit: (transaction) => tracer.commit(transaction.next.size, () => opened.commit(transaction)),
    close: () => opened.close()
  }
  const intervalMs = config.publish.transactionInterval
  return new ExactlyOnce({ transactions, topics: topicsOf(config), intervalMs, repeat })
}
