/**
 * Commits offsets behind the results: one commit under way at a time, and what comes meanwhile is joined into the next.
 * So a slow broker costs repeated work after a crash, never throughput.
 *
 *   (C1) What is committed never exceeds what was offered, and never goes back.
 *   (C2) State of a partition is kept only after the offset it was offered with is committed, in the order it was
 *        offered. Where the offset is not, because the partition is being taken away, that partition's is dropped.
 *   (C3) State builds on the state before it: after some that was dropped none of its partition is kept until the partition
 *        is released, and after some that was not kept nothing is, however often it is asked for.
 */
import type { OutgoingRecord, Subscription } from '../mesh/event-mesh.js'
import { Failure } from './failure.js'
import { bytesOf } from './record-bytes.js'

/** Beyond so much state that waits for a commit, `offer` waits too. */
const STATE_BYTES_MAX = 16 * 1024 * 1024

export class Committer {
  readonly #failure = new Failure()
  /** Partitions whose state was dropped (C3). */
  readonly #lost = new Set<number>()
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
    if (!this.#running && !this.#failure.isSet) this.flush().catch(this.#onFailure)
    if (this.#stateBytes > STATE_BYTES_MAX) await this.#running
  }

  /** These partitions are given up: what comes of them is of another life. */
  released(partitions: Iterable<number>): void {
    for (const partition of partitions) this.#lost.delete(partition)
  }

  /** Resolves when everything offered so far is committed. @throws what went wrong, from then on */
  async flush(): Promise<void> {
    this.#failure.rethrow()
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
      for (const partition of next.keys()) if (!committed.has(partition)) this.#lost.add(partition)
      for (const records of state) {
        const held = records.filter(({ partition }) => partition === undefined || !this.#lost.has(partition))
        if (held.length > 0) await this.#keep(held)
      }
    } catch (error) {
      this.#failure.set(error)
      throw error
    } finally {
      this.#running = null
    }
  }
}
