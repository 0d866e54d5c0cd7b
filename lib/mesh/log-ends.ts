/**
 * Where the logs of several partitions end. Each is asked for by itself: one without a leader takes nothing from the others,
 * and is asked for last from then on.
 *
 * Cost: at most `LANES` questions at a time, because each blocks a thread of libuv's pool, which records need, too; all in
 * all no longer than `LIMIT_MS`.
 */

/** Less than the silence after which brokers count as gone. */
const LIMIT_MS = 4_000
const LANES = 2

export interface LogEndsOptions {
  readonly ask: (partition: number, timeoutMs: number) => Promise<{ readonly high: number }>
  /** Nobody wants answers any more, and none may be asked for. */
  readonly isOver: () => boolean
}

export class LogEnds {
  readonly #options: LogEndsOptions
  /** Partitions that were asked for in vain last time. */
  readonly #silent = new Set<number>()

  constructor(options: LogEndsOptions) {
    this.#options = options
  }

  /** Calls `told` with each answer as it comes. @throws what failed last, when there is no answer at all */
  async ask(partitions: Iterable<number>, told: (partition: number, high: number) => void): Promise<void> {
    const { ask, isOver } = this.#options
    const left = [...partitions].sort((a, b) => Number(this.#silent.has(a)) - Number(this.#silent.has(b)))
    const deadlineMs = performance.now() + LIMIT_MS
    let answers = 0
    let failure: { readonly error: unknown } | null = null
    const lane = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined && !isOver(); next = left.shift()) {
        const timeoutMs = Math.ceil(deadlineMs - performance.now())
        if (timeoutMs <= 0) return
        try {
          const { high } = await ask(next, timeoutMs)
          answers += 1
          this.#silent.delete(next)
          told(next, high)
        } catch (error) {
          this.#silent.add(next)
          failure = { error }
        }
      }
    }
    await Promise.all(Array.from({ length: LANES }, lane))
    if (answers === 0 && failure !== null && !isOver()) throw (failure as { error: unknown }).error
  }

  /** It is asked for as any other when it comes back. */
  forget(partition: number): void {
    this.#silent.delete(partition)
  }
}
