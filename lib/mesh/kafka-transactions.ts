/**
 * Transactions of a Kafka mesh: records and the offsets they come from, visible together or not at all.
 *
 *            begin, produce, offsets              commit
 *   idle ───────────────────────────▶ (open) ──────────────▶ committing ──▶ idle
 *    ▲                                   │ error                 │ timed out: the next attempt asks again
 *    └──────────── aborting ◀────────────┴── abortable error ◀───┤
 *                                                                └── fatal error ──▶ none: a new producer
 *
 *   (X1) No delivery reports: a commit flushes and fails when a record did, so a record costs no object on its way back.
 *   (X2) A fatal error while committing leaves open whether it was done. Then the group's offsets tell: only this
 *        transaction sets them to its `next`, and the new producer's first act settles what the old one left. One that
 *        moves no offset is done again: it has no results, and what it has may come twice.
 *   (X3) Partitions count as lost only when the broker refuses the generation of an attempt that began after their revocation
 *        had arrived here. A member that lags behind a rebalance is refused too, and tries again.
 *
 * One call of librdkafka blocks one thread of libuv's pool until it times out: never two at a time, and short.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { TdaError } from '../errors.js'
import type { ClientErrors } from './client-log.js'
import type { OutgoingRecord, Transaction, TransactionOutcome, Transactions } from './event-mesh.js'
import {
  brokerError,
  call,
  callWithin,
  connectClient,
  disconnectClient,
  errorNumber,
  HungCall,
  isHopeless,
  isTooLarge,
  loadKafka,
  logClient,
  RD_KAFKA,
  topicSettings,
  withSettings,
  type LibrdKafkaError,
  type Producer
} from './kafka-client.js'
import { toBuffer } from './kafka-publisher.js'
import type { KafkaSettings } from './kafka-settings.js'
import type { KafkaSubscription } from './kafka-subscription.js'
import { findTooLarge } from './kafka-size-probe.js'
import { tooLargeError } from './too-large.js'

/**
 * What a killed member has begun holds back readers for so long at most. Brokers take it back after that, also from a member
 * that is only slow: `transaction.timeout.ms` of `kafka.librdkafka` wins.
 */
const TRANSACTION_TIMEOUT_MS = 10_000
const CALL_MS = 5_000
/**
 * `send_offsets_to_transaction` waits without a limit for the group's coordinator, and looks for it again only when the state
 * of a connection changes (librdkafka issues 5456 and 5511): a coordinator that moved at the wrong moment is never found.
 * Connections that idle for so long are closed, which is such a change. An answer that is waited for counts as idling: longer
 * than a transaction may take, even after the 2 s that librdkafka takes off at random.
 */
const IDLE_MARGIN_MS = 2_500
/** When even that did not help, the daemon ends: a restart is the only way out of librdkafka. */
const HANG_MS = 60_000
/** librdkafka's queue; beyond it producing waits for the broker to take some. */
const QUEUE_RECORDS = 200_000
const QUEUE_KBYTES = 128 * 1024
const QUEUE_WAIT_MS = 2
const QUEUE_PATIENCE_MS = 10_000
/** Records between two turns of the event loop while producing. */
const PRODUCE_TURN = 2_000

/** librdkafka joins again only after the revocation that waits for this very transaction. */
const EXPELLED =
  'the group has expelled this member while it gave partitions up; restart, which repeats what was not committed'

const GENERATION_ERRORS: ReadonlySet<number | undefined> = new Set([
  RD_KAFKA.ILLEGAL_GENERATION,
  RD_KAFKA.UNKNOWN_MEMBER_ID,
  RD_KAFKA.REBALANCE_IN_PROGRESS
])

export interface KafkaTransactionsOptions {
  readonly brokers: string
  readonly settings: KafkaSettings
  readonly transactionalId: string
  readonly subscription: KafkaSubscription
  readonly timeoutMs: number
  readonly report: (outcome: TransactionOutcome) => void
  readonly errors?: ClientErrors | undefined
}

export class KafkaTransactions implements Transactions {
  readonly #options: KafkaTransactionsOptions
  #producer: Producer | null = null
  #phase: 'idle' | 'committing' | 'aborting' = 'idle'
  /** Set when a topic takes fewer bytes than a batch has, though each record fits. */
  #singly = false
  /** Offsets of a transaction that may have been committed by a producer that is gone. */
  #doubt: ReadonlyMap<number, number> | null = null
  /** Settles when no call of librdkafka is under way. */
  #underWay: Promise<unknown> = Promise.resolve()

  static async open(options: KafkaTransactionsOptions): Promise<KafkaTransactions> {
    const transactions = new KafkaTransactions(options)
    await transactions.#ready()
    return transactions
  }

  private constructor(options: KafkaTransactionsOptions) {
    this.#options = options
  }

  commit(transaction: Transaction): Promise<boolean> {
    const commit = this.#commit(transaction)
    this.#underWay = commit.catch(() => {})
    return commit
  }

  async #commit(transaction: Transaction): Promise<boolean> {
    const { subscription, report } = this.#options
    const isLosing = subscription.isLosing(transaction.next.keys())
    try {
      const committed = await this.#attempt(transaction)
      report(committed ? 'committed' : 'lost')
      return committed
    } catch (error) {
      if (error instanceof HungCall) {
        this.#producer = null // Closed under the call it would be gone when that goes on.
        throw error
      }
      const aborted = await this.#recover(error, transaction)
      if (aborted && isTooLarge(error)) return await this.#refuse(error, transaction)
      // Where all of its partitions are given up by now the next attempt counts as lost: nothing waits for it then.
      const keepsSome = !subscription.isLosing(transaction.next.keys())
      if (errorNumber(error) === RD_KAFKA.UNKNOWN_MEMBER_ID && subscription.isRevoking && keepsSome) {
        throw new TdaError('BROKER', EXPELLED, { cause: error })
      }
      const refused = GENERATION_ERRORS.has(errorNumber(error))
      if (!aborted || !refused || !isLosing) {
        throw brokerError('commit a transaction', error)
      }
      report('lost')
      return false
    }
  }

  async #attempt(transaction: Transaction): Promise<boolean> {
    const producer = await this.#ready()
    if (this.#phase === 'aborting') await this.#abort(producer)
    if (this.#phase === 'idle') {
      if (await this.#wasCommitted(transaction)) return true
      if (!(await this.#produce(producer, transaction))) {
        this.#phase = 'aborting'
        await this.#abort(producer)
        return false
      }
      this.#phase = 'committing'
    }
    await call((done) => producer.commitTransaction(CALL_MS, done))
    this.#phase = 'idle'
    this.#options.subscription.noteCommitted(transaction.next)
    return true
  }

  /** Names the records that are too large. Where none is by itself their batches were: then records go one by one. */
  async #refuse(error: unknown, { records }: Transaction): Promise<never> {
    const { brokers, settings, transactionalId, timeoutMs } = this.#options
    const probe = { brokers, settings, transactionalId: `${transactionalId}-probe`, timeoutMs }
    const found = await findTooLarge(probe, records).catch((cause: unknown) => {
      throw brokerError('find the records that are too large', cause)
    })
    if (found.size === 0 && !this.#singly) {
      this.#singly = true
      await this.#disconnect()
      throw new TdaError(
        'BROKER',
        'a topic takes fewer bytes than a batch of records has: sending them one by one',
        {
          cause: error,
          retriable: true
        }
      )
    }
    if (found.size > 0) throw tooLargeError('commit a transaction', found)
    throw brokerError('commit a transaction', error)
  }

  /** Waits for the commit under way: a producer that is closed in the middle of a call waits for it, and it for the producer. */
  async close(): Promise<void> {
    await this.#underWay
    await this.#disconnect()
  }

  async #disconnect(): Promise<void> {
    const producer = this.#producer
    this.#producer = null
    if (producer) await disconnectClient(producer)
  }

  async #ready(): Promise<Producer> {
    if (this.#producer) return this.#producer
    const { brokers, settings, transactionalId, timeoutMs } = this.#options
    const { Producer } = await loadKafka()
    const transactionMs = Number(settings['transaction.timeout.ms'] ?? TRANSACTION_TIMEOUT_MS)
    const producer = withSettings(
      () =>
        new Producer(
          {
            'metadata.broker.list': brokers,
            'linger.ms': 5,
            'batch.num.messages': 10_000,
            'queue.buffering.max.messages': QUEUE_RECORDS,
            'queue.buffering.max.kbytes': QUEUE_KBYTES,
            'transaction.timeout.ms': transactionMs,
            'connections.max.idle.ms': transactionMs + IDLE_MARGIN_MS,
            ...settings,
            ...(this.#singly ? { 'batch.num.messages': 1 } : {}),
            'transactional.id': transactionalId
          },
          topicSettings(settings)
        )
    )
    // What matters comes back from the calls.
    logClient(producer, 'transactions', undefined, this.#options.errors)
    try {
      await connectClient(producer, brokers, timeoutMs)
      await call((done) => producer.initTransactions(timeoutMs, done))
    } catch (error) {
      void disconnectClient(producer)
      throw brokerError(`begin transactions as "${transactionalId}"${adviceOf(error)}`, error)
    }
    this.#phase = 'idle'
    this.#producer = producer
    return producer
  }

  /** False when the member is leaving and its offsets cannot go out any more. */
  async #produce(producer: Producer, { records, next }: Transaction): Promise<boolean> {
    await call((done) => producer.beginTransaction(done))
    try {
      let produced = 0
      for (const { topic, records: ofTopic } of records) {
        for (const record of ofTopic) {
          await this.#enqueue(producer, topic, record)
          if (++produced % PRODUCE_TURN === 0) await new Promise(setImmediate)
        }
      }
    } catch (error) {
      // A record that was sent has failed, so no other is taken: the next call says which way.
      if (errorNumber(error) === RD_KAFKA.STATE) await this.#sendOffsets(producer, next)
      throw error
    }
    return this.#sendOffsets(producer, next)
  }

  async #sendOffsets(producer: Producer, next: ReadonlyMap<number, number>): Promise<boolean> {
    if (next.size === 0) return true
    const { subscription } = this.#options
    const offsets = [...next].map(([partition, offset]) => ({ topic: subscription.topic, partition, offset }))
    return subscription.lend((consumer) =>
      callWithin(HANG_MS, 'send offsets to a transaction', (done) =>
        producer.sendOffsetsToTransaction(offsets, consumer, CALL_MS, done)
      )
    )
  }

  async #enqueue(producer: Producer, topic: string, record: OutgoingRecord): Promise<void> {
    const { key, value, partition, timestamp, headers } = record
    const deadlineMs = performance.now() + QUEUE_PATIENCE_MS
    for (;;) {
      try {
        producer.produce(
          topic,
          partition ?? null,
          toBuffer(value),
          typeof key === 'string' ? key : toBuffer(key),
          timestamp ?? null,
          null,
          ...(headers ? [headers.map(([name, text]) => ({ [name]: text }))] : [])
        )
        return
      } catch (error) {
        if (errorNumber(error) !== RD_KAFKA.QUEUE_FULL || performance.now() > deadlineMs) throw error
        await delay(QUEUE_WAIT_MS)
      }
    }
  }

  /** Brings the producer to where the next attempt can begin. True when nothing of this one remains. */
  async #recover(error: unknown, { next }: Transaction): Promise<boolean> {
    const { isFatal, isRetriable, isTxnRequiresAbort } = error as Partial<TransactionError>
    const producer = this.#producer
    if (!producer) return false
    const wasCommitting = this.#phase === 'committing'
    const dead = isFatal === true || errorNumber(error) === RD_KAFKA.FENCED
    if (!dead && wasCommitting && isRetriable === true && isTxnRequiresAbort !== true) return false
    try {
      if (dead) throw error
      this.#phase = 'aborting'
      await this.#abort(producer)
      return true
    } catch (cause) {
      if ((cause as Partial<TransactionError>).isRetriable === true) return false
      if (wasCommitting && this.#options.subscription.isMoved(next)) this.#doubt = next
      this.#options.report('fenced')
      this.#producer = null
      void disconnectClient(producer)
      return false
    }
  }

  async #abort(producer: Producer): Promise<void> {
    await call((done) => producer.abortTransaction(CALL_MS, done))
    this.#phase = 'idle'
    this.#options.report('aborted')
  }

  async #wasCommitted({ next }: Transaction): Promise<boolean> {
    const doubt = this.#doubt
    if (doubt === null) return false
    const { subscription } = this.#options
    const stored = await subscription.committed([...doubt.keys()])
    subscription.noteCommitted(stored)
    this.#doubt = null
    const same = doubt.size > 0 && [...doubt].every(([partition, offset]) => stored.get(partition) === offset)
    return same && doubt.size === next.size && [...doubt].every(([p, offset]) => next.get(p) === offset)
  }
}

/** What librdkafka says of an error in a transaction. */
interface TransactionError extends LibrdKafkaError {
  readonly isTxnRequiresAbort: boolean
}

function adviceOf(error: unknown): string {
  if (errorNumber(error) !== RD_KAFKA.TRANSACTIONAL_ID_AUTHORIZATION_FAILED || !isHopeless(error)) return ''
  return ' (allow Write and Describe on transactional ids that begin with kafka.groupId, or set delivery: at-least-once)'
}
