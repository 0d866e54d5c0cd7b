/** A failure that happens in the background: the first counts, whoever waits for it hears of it. */
export class Failure {
  readonly promise: Promise<never>
  #error: { readonly error: unknown } | null = null
  #reject: (error: unknown) => void = () => {}

  constructor() {
    this.promise = new Promise<never>((_, reject) => (this.#reject = reject))
    this.promise.catch(() => {}) // Nobody may be waiting.
  }

  get isSet(): boolean {
    return this.#error !== null
  }

  set(error: unknown): void {
    this.#error ??= { error }
    this.#reject(error)
  }

  /** @throws the failure, if there is one. */
  rethrow(): void {
    if (this.#error) throw this.#error.error
  }
}
