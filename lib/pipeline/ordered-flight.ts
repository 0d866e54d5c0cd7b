/**
 * Work that overlaps and finishes in order: at most `max` pieces are under way, and each is finished only after the one
 * before it was.
 *
 *   add(a) add(b) add(c)      a, b and c run at the same time
 *   finish: a -> b -> c       one after the other, in the order of `add`
 *
 * After the first failure nothing is finished any more, and every method rejects with it.
 */
export class OrderedFlight {
  readonly #max: number
  readonly #onFailure: (error: unknown) => void
  #tail: Promise<void> = Promise.resolve()
  #depth = 0
  #failure: { readonly error: unknown } | null = null
  #waiting: (() => void)[] = []

  constructor(max: number, onFailure: (error: unknown) => void) {
    this.#max = max
    this.#onFailure = onFailure
  }

  /** Pieces between `add` and the end of their `finish`. */
  get depth(): number {
    return this.#depth
  }

  /** Resolves when one more may be added. */
  async slot(): Promise<void> {
    while (!this.#failure && this.#depth >= this.#max) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#rethrow()
  }

  /** Takes work that has begun; `finish` gets its result when its turn has come. */
  add<T>(work: Promise<T>, finish: (result: T) => Promise<void>): void {
    this.#depth += 1
    work.catch((error: unknown) => this.#fail(error))
    this.#tail = this.#tail.then(async () => {
      try {
        const result = await work
        if (!this.#failure) await finish(result)
      } catch (error) {
        this.#fail(error)
      } finally {
        this.#depth -= 1
        this.#wake()
      }
    })
  }

  /** Resolves when everything added so far is finished. */
  async settled(): Promise<void> {
    await this.#tail
    this.#rethrow()
  }

  #fail(error: unknown): void {
    if (this.#failure) return
    this.#failure = { error }
    this.#wake()
    this.#onFailure(error)
  }

  #rethrow(): void {
    if (this.#failure) throw this.#failure.error
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
