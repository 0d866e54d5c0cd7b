/**
 * Whether the rate was held: in any second, the events sent may differ from those scheduled by max(1, 1 %). A second is
 * every window of 1000 ms that begins at a multiple of 10 ms.
 *
 *   (A1) backlog(t) = scheduled before t - sent before t, sampled at every multiple of 10 ms.
 *   (A2) sent - scheduled in (t, t + 1 s] = backlog(t) - backlog(t + 1 s), so two rings of 101 numbers are all it takes.
 * What was scheduled comes from a walk of its own through the schedule: how far the sender got does not matter.
 */
import { Schedule } from './arrivals.js'
import type { LoadPlan } from './options.js'

const STEP_MS = 10
const STEPS = 100
/** Of what was scheduled, and never less than one event. */
const TOLERANCE = 0.01

/** The second that was furthest from its schedule, against what was allowed. */
export interface WorstSecond {
  /** Where it begins, in s since the start. */
  readonly atSeconds: number
  readonly scheduled: number
  readonly sent: number
}

/** Whether the events sent in every second differ from those scheduled by at most max(1, 1 %). */
export interface RateFigures {
  /** Seconds looked at, overlapping, every 10 ms. */
  readonly seconds: number
  /** Those with a difference above max(1, 1 %). */
  readonly outside: number
  readonly worst: WorstSecond | null
}

export class RateAudit {
  readonly #schedule: Schedule
  readonly #endMs: number
  /** Of the last 101 steps, by step modulo 101. */
  readonly #scheduled = new Float64Array(STEPS + 1)
  readonly #sent = new Float64Array(STEPS + 1)
  #step = 0
  #sentNow = 0
  #seconds = 0
  #outside = 0
  #worst: WorstSecond | null = null
  #worstShare = -1

  constructor(plan: LoadPlan) {
    this.#schedule = new Schedule(plan)
    this.#endMs = plan.durationMs
  }

  /** Closes the steps up to `elapsedMs`. Call it before the events sent after that are counted. */
  advance(elapsedMs: number): void {
    while ((this.#step + 1) * STEP_MS <= Math.min(elapsedMs, this.#endMs)) {
      this.#step++
      const slot = this.#step % (STEPS + 1)
      this.#scheduled[slot] = this.#schedule.passUntil(this.#step * STEP_MS)
      this.#sent[slot] = this.#sentNow
      if (this.#step >= STEPS) this.#check((this.#step + 1) % (STEPS + 1), slot)
    }
  }

  sent(events: number): void {
    this.#sentNow += events
  }

  /** Events of the schedule before `ms`. REQUIRES: ms is not before the last step closed. */
  scheduledBefore(ms: number): number {
    return this.#schedule.passUntil(ms)
  }

  figures(): RateFigures {
    return { seconds: this.#seconds, outside: this.#outside, worst: this.#worst }
  }

  #check(first: number, last: number): void {
    const scheduled = this.#scheduled[last]! - this.#scheduled[first]!
    const sent = this.#sent[last]! - this.#sent[first]!
    const share = Math.abs(sent - scheduled) / Math.max(1, TOLERANCE * scheduled)
    this.#seconds++
    if (share > 1) this.#outside++
    if (share <= this.#worstShare) return
    this.#worstShare = share
    this.#worst = { atSeconds: ((this.#step - STEPS) * STEP_MS) / 1000, scheduled, sent }
  }
}
