/**
 * The records of a load, one after the other: a function of the plan, never of the clock. Numbers of made data are
 * rounded to six decimals, as a sensor would; rows of a file are written as they were read.
 *
 * Cost: about 0.5 us a record of one point.
 */
import type { LoadPlan } from './options.js'
import { pointSource, type PointSource } from './points.js'
import { derivedSeed, uniform } from './random.js'
import { streamChooser } from './streams.js'

const DATA_SEED = 1
/** Keys that are kept as bytes; further ones are made each time. */
const KEYS_KEPT = 65_536
const DECIMALS = 1e6

/** A record to send. */
export interface LoadRecord {
  /** `stream-0`, `stream-1`, ... as UTF-8. */
  readonly key: Buffer
  /** A JSON object, or an array of them. */
  readonly value: Buffer
}

export class RecordSource {
  readonly #choose: () => number
  readonly #fill: PointSource
  readonly #points: number
  readonly #point: Float64Array
  /** What stands before each number: `{"x":`, then `,"y":`. */
  readonly #before: readonly string[]
  readonly #timeBefore: string | null
  readonly #startTime: number
  readonly #round: boolean
  readonly #keys: Buffer[] = []

  /** `startTime`: the epoch time of the first moment, for the time field. */
  constructor(plan: LoadPlan, startTime: number) {
    const random = uniform(derivedSeed(plan.seed, DATA_SEED))
    this.#choose = streamChooser(plan.streams, plan.skew, random)
    this.#fill = pointSource(plan, random)
    this.#points = plan.pointsPerRecord
    this.#point = new Float64Array(plan.channels.length)
    this.#before = plan.channels.map((name, at) => `${at === 0 ? '{' : ','}${JSON.stringify(name)}:`)
    this.#timeBefore = plan.timeField === null ? null : `,${JSON.stringify(plan.timeField)}:`
    this.#startTime = startTime
    this.#round = typeof plan.data === 'string'
  }

  /** The next record; `intendedMs` since the start is only for its time field. */
  next(intendedMs: number): LoadRecord {
    const stream = this.#choose()
    const end =
      this.#timeBefore === null ? '}' : `${this.#timeBefore}${Math.floor(this.#startTime + intendedMs)}}`
    let text: string
    if (this.#points === 1) text = this.#pointText(stream, end)
    else {
      text = '['
      for (let i = 0; i < this.#points; i++) text += (i === 0 ? '' : ',') + this.#pointText(stream, end)
      text += ']'
    }
    return { key: this.#key(stream), value: Buffer.from(text) }
  }

  #pointText(stream: number, end: string): string {
    const point = this.#point
    this.#fill(stream, point)
    let text = ''
    for (let axis = 0; axis < point.length; axis++) {
      const value = point[axis]!
      text += `${this.#before[axis]!}${this.#round ? Math.round(value * DECIMALS) / DECIMALS : value}`
    }
    return text + end
  }

  #key(stream: number): Buffer {
    if (stream >= KEYS_KEPT) return Buffer.from(`stream-${stream}`)
    return (this.#keys[stream] ??= Buffer.from(`stream-${stream}`))
  }
}
