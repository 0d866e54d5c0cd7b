/**
 * Exactly once: results, dead letters, state and offsets of many outcomes in one transaction.
 *
 *   deliver ──▶ gathering ──(every interval, or full)──▶ one transaction under way ──▶ out
 *
 *   (E1) An outcome is in one transaction, and outcomes are in the order of `deliver`.
 *   (E2) While one transaction commits the next gathers; a full one makes `deliver` wait. So memory holds at most two,
 *        each of `RECORDS_MAX`, `BYTES_MAX` and one outcome.
 *   (E3) A transaction that fails is repeated whole, from the bytes in memory, until it succeeds, until its partitions
 *        are lost, or until it never can.
 */
import type { OutgoingRecord, Transaction, Transactions } from '../mesh/event-mesh.js'
import { recordsTooLarge } from '../mesh/too-large.js'
import { omittedResult, withoutValue } from '../publishers/dead-letters.js'
import type { Delivery, Outcome } from './delivery.js'
import { Failure } from './failure.js'
import type { DeliveryMetrics } from '../observability/pipeline-metrics.js'
import { bytesOf } from './record-bytes.js'
import type { OutcomeTopics } from './sink.js'

const RECORDS_MAX = 50_000
const BYTES_MAX = 16 * 1024 * 1024

export interface ExactlyOnceOptions {
  readonly transactions: Transactions
  readonly topics: OutcomeTopics
  /** Transactions begin at most so often; a first one begins at once. */
  readonly intervalMs: number
  /** Runs one attempt until it succeeds or never can. */
  readonly repeat: <T>(attempt: () => Promise<T>) => Promise<T>
  readonly metrics: DeliveryMetrics
}

type Out = Parameters<Delivery['deliver']>[1]
const NONE: ReadonlySet<OutgoingRecord> = new Set()

class Gathering {
  updates: OutgoingRecord[] = []
  letters: OutgoingRecord[] = []
  readonly state: OutgoingRecord[] = []
  readonly next = new Map<number, number>()
  /** Outcomes in it: their updates, and who waits for them. */
  readonly #parts: { readonly updates: Outcome['updates']; readonly out: Out }[] = []
  /** Updates that their topic does not take. */
  readonly #omitted = new Set<OutgoingRecord>()
  #bytes = 0

  get isEmpty(): boolean {
    return this.#parts.length === 0
  }

  get isFull(): boolean {
    return this.#bytes >= BYTES_MAX || this.#records >= RECORDS_MAX
  }

  get #records(): number {
    return this.updates.length + this.letters.length + this.state.length
  }

  add({ updates, letters, state, next }: Outcome, letter: OutcomeTopics['letter'], out: Out): void {
    const written = letters.map(letter)
    for (const record of updates) this.updates.push(record)
    for (const record of written) this.letters.push(record)
    for (const record of state) this.state.push(record)
    for (const [partition, offset] of next) this.next.set(partition, offset)
    this.#parts.push({ updates, out })
    this.#bytes += bytesOf(updates) + bytesOf(written) + bytesOf(state)
  }

  /** Letters take the place of updates that are too long, and letters go without their value. False: nothing changed. */
  omit(tooLarge: ReadonlySet<OutgoingRecord>, topics: OutcomeTopics): boolean {
    if (tooLarge.size === 0 || this.state.some((record) => tooLarge.has(record))) return false
    const long = this.updates.filter((record) => tooLarge.has(record))
    this.updates = this.updates.filter((record) => !tooLarge.has(record))
    this.letters = this.letters.map((letter) => (tooLarge.has(letter) ? withoutValue(letter) : letter))
    for (const record of long) {
      this.letters.push(omittedResult(record, topics.updates))
      this.#omitted.add(record)
    }
    return true
  }

  /** Tells each outcome that it is out, and which of its own updates are not. */
  tell(): void {
    for (const { updates, out } of this.#parts) {
      out(this.#omitted.size > 0 ? new Set(updates.filter((update) => this.#omitted.has(update))) : NONE)
    }
  }

  toTransaction(topics: OutcomeTopics): Transaction {
    const records = [
      { topic: topics.updates, records: this.updates },
      { topic: topics.letters, records: this.letters },
      { topic: topics.state, records: this.state }
    ]
    return { records: records.filter((part) => part.records.length > 0), next: this.next }
  }
}

export class ExactlyOnce implements Delivery {
  readonly guarantee = 'exactly-once'
  readonly #options: ExactlyOnceOptions
  readonly #failure = new Failure()
  #gathering = new Gathering()
  #running: Promise<void> | null = null
  #settling = 0
  #beganMs = -Infinity
  #closed = false
  /** Resolvers of everybody who waits for room, or for the interval. */
  #waiting: (() => void)[] = []

  constructor(options: ExactlyOnceOptions) {
    this.#options = options
  }

  get failed(): Promise<never> {
    return this.#failure.promise
  }

  async deliver(outcome: Outcome, out: Out): Promise<void> {
    this.#failure.rethrow()
    this.#gathering.add(outcome, this.#options.topics.letter, out)
    this.#running ??= this.#run()
    if (this.#gathering.isFull) this.#wake()
    while (this.#gathering.isFull && !this.#failure.isSet) await this.#changed()
    this.#failure.rethrow()
  }

  async settle(): Promise<void> {
    this.#settling += 1
    this.#wake()
    try {
      while (this.#running) await this.#running
      this.#failure.rethrow()
    } finally {
      this.#settling -= 1
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#wake()
    await this.#options.transactions.close()
  }

  async #run(): Promise<void> {
    try {
      while (!this.#gathering.isEmpty && !this.#closed) {
        await this.#interval()
        const batch = this.#gathering
        this.#gathering = new Gathering()
        this.#beganMs = performance.now()
        this.#wake()
        if (await this.#commit(batch)) batch.tell()
      }
    } catch (error) {
      this.#failure.set(error)
    } finally {
      this.#running = null
      this.#wake()
    }
  }

  /** False when its partitions were lost. */
  async #commit(batch: Gathering): Promise<boolean> {
    const { transactions, topics, repeat, metrics } = this.#options
    for (;;) {
      const transaction = batch.toTransaction(topics)
      let attempts = 0
      try {
        const committed = await repeat(() => {
          if (attempts++ > 0) metrics.transaction('retried')
          return transactions.commit(transaction)
        })
        if (!committed) return false
        for (const { topic, records } of transaction.records) {
          metrics.published(topic, records.length, bytesOf(records))
        }
        return true
      } catch (error) {
        if (!batch.omit(recordsTooLarge(error), topics)) throw error
      }
    }
  }

  /** Resolves when the next transaction may begin. */
  async #interval(): Promise<void> {
    const beginMs = this.#beganMs + this.#options.intervalMs
    for (;;) {
      const waitMs = beginMs - performance.now()
      if (waitMs <= 0 || this.#settling > 0 || this.#gathering.isFull || this.#closed) return
      let timer: NodeJS.Timeout | undefined
      const elapsed = new Promise<void>((resolve) => (timer = setTimeout(resolve, waitMs)))
      await Promise.race([elapsed, this.#changed()])
      clearTimeout(timer)
    }
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
