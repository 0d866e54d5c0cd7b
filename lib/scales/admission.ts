/**
 * Which points of a stream may enter its windows, decided before anything is appended, so that a refusal leaves no trace.
 * Pure but for reading the ring. It looks at the points accepted so far and at nothing else: not at batches, engines'
 * progress or the clock. So a replay decides the same.
 *
 *   (A1) Where a window or slide is a duration, accepted timestamps never decrease.
 *   (A2) A window of a span never holds more than `pointsMax`: the point `pointsMax` places before a new one must have
 *        left the window when the new one enters.
 *   (A3) Nor are there more than `pointsMax` points between two boundaries of a slide by time.
 *
 * Points before the position of a state that the stream goes on from (given ones) were decided already, perhaps by points
 * that are not here any more: of them only (A1) is judged again, and what else was refused is listed in the state.
 *
 * Cost: O(1) a point; the timestamps `pointsMax` places back are read, once a batch, only when a window comes near.
 */
import type { RejectReason } from '../adapters/decoder.js'
import { nativeAddon } from '../native.js'
import type { ScalePlan } from './scale-plan.js'
import type { StreamEntry } from './stream-entry.js'

export interface Refusal {
  readonly reason: RejectReason
  readonly message: string
}

/** Points since the last boundary of one slide by time. Kept from batch to batch. */
export interface SlideCount {
  readonly plan: ScalePlan
  readonly everyMs: number
  boundary: number
  points: number
}

export function slideCounts(scales: readonly ScalePlan[]): SlideCount[] {
  return scales.flatMap((plan) => {
    const { slide } = plan.engine
    return 'everyMs' in slide ? [{ plan, everyMs: slide.everyMs, boundary: -Infinity, points: 0 }] : []
  })
}

/** Counts a point that is in the stream already. */
export function countSlide(slides: readonly SlideCount[], timestamp: number): void {
  for (const slide of slides) {
    const boundary = Math.ceil(timestamp / slide.everyMs) * slide.everyMs
    slide.points = boundary === slide.boundary ? slide.points + 1 : 1
    slide.boundary = boundary
  }
}

/** Admits the points of one stream in one batch, run by run; a run is the points of one record. */
export class Admission {
  readonly #timestamps: Float64Array
  readonly #firstArrival: number
  readonly #slides: readonly SlideCount[]
  readonly #windows: readonly {
    readonly plan: ScalePlan
    readonly spanMs: number
    readonly old: OldTimestamps
  }[]
  /** Timestamps accepted in this batch. */
  readonly #accepted: Float64Array
  #count = 0
  #newest: number
  #undo: () => void = () => {}

  constructor(
    entry: StreamEntry,
    timestamps: Float64Array,
    scales: readonly ScalePlan[],
    slides: readonly SlideCount[]
  ) {
    this.#timestamps = timestamps
    this.#firstArrival = entry.next
    this.#newest = entry.newestTimestamp
    this.#slides = slides
    this.#accepted = new Float64Array(timestamps.length)
    this.#windows = scales.flatMap((plan, scale) => {
      const { window } = plan.engine
      if (!('spanMs' in window)) return []
      const old = new OldTimestamps(entry, scale, plan.windowPointsMax, timestamps.length)
      return [{ plan, spanMs: window.spanMs, old }]
    })
  }

  /** Takes the points [from, to) or refuses them all; `undo` takes the last answer back. `given`: they were decided. */
  check(from: number, to: number, given = false): Refusal | null {
    const before = { count: this.#count, newest: this.#newest }
    const slidesBefore = this.#slides.map(({ boundary, points }) => ({ boundary, points }))
    this.#undo = () => {
      this.#count = before.count
      this.#newest = before.newest
      this.#slides.forEach((slide, i) => Object.assign(slide, slidesBefore[i]))
    }
    for (let at = from; at < to; at++) {
      const refusal = this.#take(this.#timestamps[at]!, given)
      if (!refusal) continue
      this.undo()
      return refusal
    }
    return null
  }

  undo(): void {
    this.#undo()
    this.#undo = () => {}
  }

  #take(timestamp: number, given: boolean): Refusal | null {
    if (timestamp < this.#newest) {
      const message = `timestamp ${iso(timestamp)} lies before ${iso(this.#newest)}, which came earlier`
      return { reason: 'timestamp_backwards', message }
    }
    for (const { plan, spanMs, old } of given ? [] : this.#windows) {
      const leaving = this.#timestampAt(this.#firstArrival + this.#count - plan.windowPointsMax, old)
      if (leaving !== null && leaving > timestamp - spanMs) return full(plan, 'window')
    }
    for (const slide of this.#slides) {
      const boundary = Math.ceil(timestamp / slide.everyMs) * slide.everyMs
      const points = boundary === slide.boundary ? slide.points + 1 : 1
      if (!given && points > slide.plan.slidePointsMax) return full(slide.plan, 'slide')
      slide.boundary = boundary
      slide.points = points
    }
    this.#newest = timestamp
    this.#accepted[this.#count++] = timestamp
    return null
  }

  /** `null`: that point is in no window any more, or never was. */
  #timestampAt(arrival: number, old: OldTimestamps): number | null {
    if (arrival < 0) return null
    return arrival >= this.#firstArrival ? this.#accepted[arrival - this.#firstArrival]! : old.at(arrival)
  }
}

/** Timestamps already in the ring, around `pointsMax` places back; read at the first need. */
class OldTimestamps {
  readonly #entry: StreamEntry
  readonly #from: number
  readonly #end: number
  #read: Float64Array | null = null

  constructor(entry: StreamEntry, scale: number, pointsMax: number, count: number) {
    this.#entry = entry
    // What an engine has let go of is in no window: a window only moves forward.
    const from = Math.max(entry.engineState(scale).first, entry.next - pointsMax)
    this.#from = from
    this.#end = Math.max(from, Math.min(entry.next, entry.next - pointsMax + count))
  }

  at(arrival: number): number | null {
    if (arrival < this.#from || arrival >= this.#end) return null
    this.#read ??= nativeAddon().streamRead(this.#entry.handle, this.#from, this.#end).timestamps!
    return this.#read[arrival - this.#from]!
  }
}

function full({ name, windowPointsMax, slidePointsMax }: ScalePlan, part: 'window' | 'slide'): Refusal {
  const points = part === 'window' ? windowPointsMax : slidePointsMax
  return {
    reason: 'window_capacity',
    message: `the ${part} of scale "${name}" holds ${points} points already; raise its pointsMax or shorten the ${part}`
  }
}

function iso(timestamp: number): string {
  return Math.abs(timestamp) <= 8.64e15 ? new Date(timestamp).toISOString() : `${timestamp} ms`
}
