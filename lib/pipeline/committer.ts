/**
 * Commits offsets behind the results: one commit under way at a time, and what comes meanwhile is joined into the next.
 * So a slow broker costs repeated work after a crash, never throughput.
 *
 *   (C1) What is committed never exceeds what was offered, and never goes back.
 */
import type { Subscription } from '../mesh/event-mesh.js'

export class Committer {
  readonly #source: Pick<Subscription, 'commit'>
  readonly #onFailure: (error: unknown) => void
  #pending = new Map<number, number>()
  #running: Promise<void> | null = null

  constructor(source: Pick<Subscription, 'commit'>, onFailure: (error: unknown) => void) {
    this.#source = source
    this.#onFailure = onFailure
  }

  /** The results of all records before these offsets are out. */
  offer(next: ReadonlyMap<number, number>): void {
    for (const [partition, offset] of next) this.#pending.set(partition, offset)
    if (!this.#running) this.flush().catch(this.#onFailure)
  }

  /** Resolves when everything offered so far is committed. */
  async flush(): Promise<void> {
    while (this.#running || this.#pending.size > 0) await (this.#running ??= this.#commit())
  }

  async #commit(): Promise<void> {
    try {
      const next = this.#pending
      this.#pending = new Map()
      if (next.size > 0) await this.#source.commit(next)
    } finally {
      this.#running = null
    }
  }
}
