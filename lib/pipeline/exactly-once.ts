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
 *   (E4) What comes after a loss is lost, too: of a partition whose transaction was, nothing goes out until it has been
 *        released, or a later offset would be committed over results that nobody saw.
 */
import type { OutgoingRecord, Transaction, Transactions } from '../mesh/event-mesh.js'
import { recordsTooLarge } from '../mesh/too-large.js'
import { letterPartition, omittedResult, resultPlace, withoutValue } from '../publishers/dead-letters.js'
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

/** An outcome on its way, with its letters written. */
interface Parcel {
  updates: readonly OutgoingRecord[]
  letters: readonly OutgoingRecord[]
  state: readonly OutgoingRecord[]
  readonly next: ReadonlyMap<number, number>
  /** Updates that their topic does not take. */
  readonly omitted: Set<OutgoingRecord>
  readonly out: (omitted: ReadonlySet<OutgoingRecord>) => void
  readonly lost: () => void
}

class Gathering {
  #parcels: Parcel[] = []
  /** Of what is gathered. */
  #bytes = 0
  #records = 0

  get isEmpty(): boolean {
    return this.#parcels.length === 0
  }

  get isFull(): boolean {
    return this.#bytes >= BYTES_MAX || this.#records >= RECORDS_MAX
  }

  get parcels(): readonly Parcel[] {
    return this.#parcels
  }

  add(parcel: Parcel): void {
    this.#parcels.push(parcel)
    this.#count(parcel)
  }

  /** Takes out what speaks of these partitions; of an outcome that is about nothing else, nothing is left. */
  drop(lost: ReadonlySet<number>): void {
    const parcels = this.#parcels
    this.#parcels = []
    this.#bytes = this.#records = 0
    for (const parcel of parcels) {
      const rest = without(parcel, lost)
      if (rest === null) parcel.lost()
      else this.add(rest)
    }
  }

  #count({ updates, letters, state }: Parcel): void {
    this.#bytes += bytesOf(updates) + bytesOf(letters) + bytesOf(state)
    this.#records += updates.length + letters.length + state.length
  }

  /** Letters take the place of updates that are too long, and letters go without their value. False: nothing changed. */
  omit(tooLarge: ReadonlySet<OutgoingRecord>, topics: OutcomeTopics): boolean {
    const isTooLarge = (record: OutgoingRecord): boolean => tooLarge.has(record)
    const isHopeless = ({ state, letters }: Parcel): boolean =>
      state.some(isTooLarge) || letters.some((letter) => isTooLarge(letter) && letter.value === null)
    if (tooLarge.size === 0 || this.#parcels.some(isHopeless)) return false
    for (const parcel of this.#parcels) {
      const long = parcel.updates.filter(isTooLarge)
      parcel.updates = parcel.updates.filter((record) => !isTooLarge(record))
      const letters = parcel.letters.map((letter) => (isTooLarge(letter) ? withoutValue(letter) : letter))
      parcel.letters = [...letters, ...long.map((record) => omittedResult(record, topics.updates))]
      for (const record of long) parcel.omitted.add(record)
    }
    return true
  }

  toTransaction(topics: OutcomeTopics): Transaction {
    const all = (part: 'updates' | 'letters' | 'state'): OutgoingRecord[] =>
      this.#parcels.flatMap((parcel) => parcel[part])
    const records = [
      { topic: topics.updates, records: all('updates') },
      { topic: topics.letters, records: all('letters') },
      { topic: topics.state, records: all('state') }
    ]
    const next = new Map(this.#parcels.flatMap((parcel) => [...parcel.next]))
    return { records: records.filter((part) => part.records.length > 0), next }
  }
}

/** What of an outcome is not about these partitions; `null`: nothing. Rare enough to read results back. */
function without(parcel: Parcel, lost: ReadonlySet<number>): Parcel | null {
  const next = new Map([...parcel.next].filter(([partition]) => !lost.has(partition)))
  if (next.size === parcel.next.size) return parcel
  if (next.size === 0) return null
  return {
    ...parcel,
    next,
    updates: parcel.updates.filter(({ value }) => !lost.has(resultPlace(value).partition)),
    letters: parcel.letters.filter((letter) => !lost.has(letterPartition(letter))),
    state: parcel.state.filter(({ partition }) => !lost.has(partition!))
  }
}

export class ExactlyOnce implements Delivery {
  readonly guarantee = 'exactly-once'
  readonly #options: ExactlyOnceOptions
  readonly #failure = new Failure()
  #gathering = new Gathering()
  /** Partitions of which nothing goes out any more (E4). */
  readonly #lost = new Set<number>()
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

  async deliver(outcome: Outcome, out: Parcel['out'], lost: Parcel['lost'] = () => {}): Promise<void> {
    this.#failure.rethrow()
    const letters = outcome.letters.map(this.#options.topics.letter)
    this.#gathering.add({ ...outcome, letters, omitted: new Set(), out, lost })
    if (this.#lost.size > 0) this.#gathering.drop(this.#lost)
    this.#start()
    if (this.#gathering.isFull) this.#wake()
    while (this.#gathering.isFull && !this.#failure.isSet) await this.#changed()
    this.#failure.rethrow()
  }

  released(partitions: Iterable<number>): void {
    for (const partition of partitions) this.#lost.delete(partition)
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

  /** REQUIRES: what `#run` goes on for; a run that ended at once would never be replaced. */
  #start(): void {
    if (this.#running === null && !this.#gathering.isEmpty && !this.#closed) this.#running = this.#run()
  }

  async #run(): Promise<void> {
    try {
      while (!this.#gathering.isEmpty && !this.#closed) {
        await this.#interval()
        const batch = this.#gathering
        if (batch.parcels.length === 0) break // All of it was lost meanwhile.
        this.#gathering = new Gathering()
        this.#beganMs = performance.now()
        this.#wake()
        const committed = await this.#commit(batch)
        for (const { out, omitted, lost } of batch.parcels) {
          if (committed) out(omitted)
          else lost()
        }
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
        if (!committed) {
          for (const partition of transaction.next.keys()) this.#lost.add(partition)
          this.#gathering.drop(this.#lost)
          return false
        }
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
