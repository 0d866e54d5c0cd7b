/**
 * Commits offsets behind the results: one commit under way at a time, and what comes meanwhile is joined into the next.
 * So a slow broker costs repeated work after a crash, never throughput.
 *
 *   (C1) What is committed never exceeds what was offered, and never goes back.
 *   (C2) State of a partition is kept only after the offset it was offered with is committed, in the order it was
 *        offered. Where the offset is not, because the partition is being taken away, that partition's is dropped.
 */
import type { OutgoingRecord, Subscription } from '../mesh/event-mesh.js'
import { bytesOf } from './record-bytes.js'

/** Beyond so much state that waits for a commit, `offer` waits too. */
const STATE_BYTES_MAX = 16 * 1024 * 1024

export class Committer {
  readonly #source: Pick<Subscription, 'commit'>
  readonly #keep: (state: readonly OutgoingRecord[]) => Promise<void>
  readonly #onFailure: (error: unknown) => void
  #pending = new Map<number, number>()
  #state: (readonly OutgoingRecord[])[] = []
  #stateBytes = 0
  #running: Promise<void> | null = null

  constructor(
    source: Pick<Subscription, 'commit'>,
    keep: (state: readonly OutgoingRecord[]) => Promise<void>,
    onFailure: (error: unknown) => void
  ) {
    this.#source = source
    this.#keep = keep
    this.#onFailure = onFailure
  }

  /** The results of all records before these offsets are out. Resolves when more may be offered. */
  async offer(next: ReadonlyMap<number, number>, state: readonly OutgoingRecord[] = []): Promise<void> {
    for (const [partition, offset] of next) this.#pending.set(partition, offset)
    if (state.length > 0) this.#state.push(state)
    this.#stateBytes += bytesOf(state)
    if (!this.#running) this.flush().catch(this.#onFailure)
    if (this.#stateBytes > STATE_BYTES_MAX) await this.#running
  }

  /** Resolves when everything offered so far is committed. */
  async flush(): Promise<void> {
    while (this.#running || this.#pending.size > 0 || this.#state.length > 0) {
      await (this.#running ??= this.#commit())
    }
  }

  async #commit(): Promise<void> {
    try {
      const next = this.#pending
      const state = this.#state
      this.#pending = new Map()
      this.#state = []
      this.#stateBytes = 0
      const committed: ReadonlySet<number> = next.size > 0 ? await this.#source.commit(next) : new Set()
      const isLost = (partition: number): boolean => next.has(partition) && !committed.has(partition)
      for (const records of state) {
        const held = records.filter(({ partition }) => partition === undefined || !isLost(partition))
        if (held.length > 0) await this.#keep(held)
      }
    } finally {
      this.#running = null
    }
  }
}
