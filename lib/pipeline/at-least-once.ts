/**
 * At least once: results, then dead letters, then the offsets behind them, then the state that speaks of these offsets. A
 * crash between two of them repeats what came before; nothing is lost.
 */
import type { Subscription } from '../mesh/event-mesh.js'
import { Committer } from './committer.js'
import type { Delivery, Outcome } from './delivery.js'
import { Failure } from './failure.js'
import type { Sink } from './sink.js'

export class AtLeastOnce implements Delivery {
  readonly guarantee = 'at-least-once'
  readonly #sink: Sink
  readonly #committer: Committer
  readonly #failure = new Failure()

  constructor(sink: Sink, source: Pick<Subscription, 'commit'>) {
    this.#sink = sink
    const keep = (state: Outcome['state']): Promise<void> => sink.keep?.(state) ?? Promise.resolve()
    this.#committer = new Committer(source, keep, (error) => this.#failure.set(error))
  }

  get failed(): Promise<never> {
    return this.#failure.promise
  }

  async deliver({ updates, letters, state, next }: Outcome, out: () => void): Promise<void> {
    if (updates.length > 0) await this.#sink.publish(updates)
    if (letters.length > 0) await this.#sink.reject(letters)
    out()
    if (next.size > 0 || state.length > 0) await this.#committer.offer(next, state)
  }

  settle(): Promise<void> {
    return this.#committer.flush()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
