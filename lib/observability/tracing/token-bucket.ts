/** A rate with room for a second's worth at once. Time is an argument: milliseconds of any clock that does not go back. */
export class TokenBucket {
  readonly #perSecond: number
  readonly #capacity: number
  #tokens: number
  #atMs: number | null = null

  /** `capacity`: at most so many at once; default: what a second brings, at least 1 unless nothing ever comes. */
  constructor(perSecond: number, capacity = perSecond === 0 ? 0 : Math.max(1, perSecond)) {
    this.#perSecond = perSecond
    this.#capacity = capacity
    this.#tokens = capacity
  }

  /** Takes `count` when there are as many. */
  take(nowMs: number, count = 1): boolean {
    if (!this.has(nowMs, count)) return false
    this.#tokens -= count
    return true
  }

  has(nowMs: number, count = 1): boolean {
    const elapsedMs = Math.max(0, nowMs - (this.#atMs ?? nowMs))
    this.#tokens = Math.min(this.#capacity, this.#tokens + (elapsedMs * this.#perSecond) / 1000)
    this.#atMs = Math.max(nowMs, this.#atMs ?? nowMs)
    return this.#tokens >= count
  }
}
