/**
 * The schedule of a load: the intended time of each event in ms since the start, never going back, a function of the
 * options and the seed alone. It does not know when anything was sent, which is what makes the loop open.
 *
 * - `constant`: event n at n / rate.
 * - `poisson`: independent exponential gaps of mean 1 / rate.
 * - `bursts`: the events of each second within its first fifth, at five times the rate.
 * - `ramp`: the rate grows evenly from 0 to `rate` over the duration.
 *
 * Cost: below 50 ns an event, O(1) memory. All but `poisson` are computed from n, so no rounding adds up.
 */
import { derivedSeed, uniform } from './random.js'
import type { LoadPlan } from './options.js'

const BURST_PERIOD_MS = 1000
const BURST_SHARE = 0.2
const ARRIVAL_SEED = 0

/** One walk through the schedule; two of one plan are equal. */
export class Schedule {
  readonly #at: (n: number) => number
  readonly #endMs: number
  readonly #recordsMax: number
  #next: number
  #n = 0

  constructor(plan: LoadPlan) {
    this.#at = arrivalTimes(plan)
    this.#endMs = plan.durationMs
    this.#recordsMax = plan.records
    this.#next = this.#at(0)
  }

  /** Intended time of the next event, in ms since the start; Infinity after the last. */
  get nextMs(): number {
    return this.#n < this.#recordsMax && this.#next < this.#endMs ? this.#next : Infinity
  }

  /** Events passed so far. */
  get passed(): number {
    return this.#n
  }

  /** REQUIRES: nextMs is finite. */
  pass(): void {
    this.#next = this.#at(++this.#n)
  }

  /** Passes every event before `ms` and answers how many have been passed since the start. */
  passUntil(ms: number): number {
    while (this.nextMs < ms) this.pass()
    return this.#n
  }
}

/** Event n to ms; called once for each n in order. */
function arrivalTimes({ arrival, rate, durationMs, seed }: LoadPlan): (n: number) => number {
  const perMs = rate / 1000
  switch (arrival) {
    case 'constant':
      return (n) => n / perMs
    case 'poisson': {
      const random = uniform(derivedSeed(seed, ARRIVAL_SEED))
      let at = 0
      return () => (at -= Math.log(1 - random()) / perMs)
    }
    case 'bursts': {
      const perPeriod = perMs * BURST_PERIOD_MS
      return (n) => {
        const period = Math.floor(n / perPeriod)
        return period * BURST_PERIOD_MS + ((n - period * perPeriod) / perMs) * BURST_SHARE
      }
    }
    case 'ramp':
      // n events by time t: rate t^2 / (2 duration).
      return (n) => Math.sqrt((2 * n * durationMs) / perMs)
  }
}
