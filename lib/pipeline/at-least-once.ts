/**
 * At least once: results, then dead letters, then the offsets behind them, then the state that speaks of these offsets. A
 * crash between two of them repeats what came before; nothing is lost.
 */
import type { OutgoingRecord, Subscription } from '../mesh/event-mesh.js'
import { recordsTooLarge } from '../mesh/too-large.js'
import { Committer } from './committer.js'
import type { Delivery, Outcome } from './delivery.js'
import { Failure } from './failure.js'
import type { Sink } from './sink.js'

interface Behind {
  settled(): Promise<void>
  close(): Promise<void>
}

const NOTHING_BEHIND: Behind = { settled: () => Promise.resolve(), close: () => Promise.resolve() }
const NONE: ReadonlySet<OutgoingRecord> = new Set()

export class AtLeastOnce implements Delivery {
  readonly guarantee = 'at-least-once'
  readonly #sink: Sink
  readonly #behind: Behind
  readonly #committer: Committer
  readonly #failure = new Failure()

  /** `behind`: what still waits behind the sink, and is waited for before partitions are given up. */
  constructor(sink: Sink, source: Pick<Subscription, 'commit'>, behind: Behind = NOTHING_BEHIND) {
    this.#sink = sink
    this.#behind = behind
    const keep = (state: Outcome['state']): Promise<void> => sink.keep?.(state) ?? Promise.resolve()
    this.#committer = new Committer(source, keep, (error) => this.#failure.set(error))
  }

  get failed(): Promise<never> {
    return this.#failure.promise
  }

  async deliver(
    { updates, letters, state, next }: Outcome,
    out: (omitted: ReadonlySet<OutgoingRecord>) => void
  ): Promise<void> {
    this.#failure.rethrow()
    const omitted = updates.length > 0 ? await this.#publish(updates) : NONE
    if (letters.length > 0) await this.#sink.reject(letters)
    this.#failure.rethrow() // State behind state that was not kept would speak of streams that are not there.
    out(omitted)
    if (next.size > 0 || state.length > 0) await this.#committer.offer(next, state)
  }

  /** Answers which updates nobody takes. */
  async #publish(updates: readonly OutgoingRecord[]): Promise<ReadonlySet<OutgoingRecord>> {
    try {
      await this.#sink.publish(updates)
      return NONE
    } catch (error) {
      const tooLarge = recordsTooLarge(error)
      if (tooLarge.size === 0 || !this.#sink.omit) throw error
      await this.#sink.omit([...tooLarge])
      return tooLarge
    }
  }

  async settle(): Promise<void> {
    this.#failure.rethrow()
    await this.#behind.settled()
    await this.#committer.flush()
    await this.#behind.settled() // State is kept behind its commit.
  }

  released(partitions: Iterable<number>): void {
    this.#committer.released(partitions)
  }

  close(): Promise<void> {
    return this.#behind.close()
  }
}
