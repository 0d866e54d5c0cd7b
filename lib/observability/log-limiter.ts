/**
 * How many lines a part of the program may log: a bucket that holds a second's worth and fills at that rate. What does not
 * fit is counted, and the next line that does says how many were left out.
 */

/** Lines a second, by level; what is not here (errors) has no limit. */
export const LINES_PER_SECOND: Readonly<Partial<Record<string, number>>> = {
  trace: 1000,
  debug: 1000,
  info: 100,
  warn: 100
}

export class LogLimiter {
  readonly #rate: number
  #lines: number
  #atMs: number
  #leftOut = 0

  /** `rate`: lines a second. */
  constructor(rate: number, nowMs = performance.now()) {
    this.#rate = rate
    this.#lines = rate
    this.#atMs = nowMs
  }

  /** Lines left out since the last one that passed when this one may pass, else `null`. */
  pass(nowMs = performance.now()): number | null {
    this.#lines = Math.min(this.#rate, this.#lines + ((nowMs - this.#atMs) / 1000) * this.#rate)
    this.#atMs = nowMs
    if (this.#lines < 1) {
      this.#leftOut += 1
      return null
    }
    this.#lines -= 1
    return this.takeLeftOut()
  }

  /** Lines left out that no line has told of; told now. */
  takeLeftOut(): number {
    const leftOut = this.#leftOut
    this.#leftOut = 0
    return leftOut
  }
}
