/**
 * The records of a load, one after the other: a function of the plan, never of the clock. Numbers of made data are
 * rounded to six decimals, as a sensor would; rows of a file are written as they were read.
 *
 * Cost: about 0.5 us a record of one point.
 */
import type { LoadPlan } from './options.js'
import { pointSource } from './points.js'
import { derivedSeed, uniform } from './random.js'
import { streamChooser } from './streams.js'

const DATA_SEED = 1
/** Keys that are kept as bytes; further ones are made each time. */
const KEYS_KEPT = 65_536
const DECIMALS = 1e6
const TIMESTAMP_BYTES = 8

/** A record to send. */
export interface LoadRecord {
  /** `stream-0`, `stream-1`, ... as UTF-8. */
  readonly key: Buffer
  /** A JSON object, an array of them, or packed rows. */
  readonly value: Buffer
}

/** Fills the place for the next point of the record's stream. */
type NextPoint = () => Float64Array
/** Writes a value; `time`: what its time field says. */
type Encode = (next: NextPoint, time: number) => Buffer

export class RecordSource {
  readonly #choose: () => number
  readonly #encode: Encode
  readonly #next: NextPoint
  readonly #startTime: number
  readonly #keys: Buffer[] = []
  #stream = 0

  /** `startTime`: the epoch time of the first moment, for the time field. */
  constructor(plan: LoadPlan, startTime: number) {
    const random = uniform(derivedSeed(plan.seed, DATA_SEED))
    this.#choose = streamChooser(plan.streams, plan.skew, random)
    const fill = pointSource(plan, random)
    const point = new Float64Array(plan.channels.length)
    const made = typeof plan.data === 'string'
    this.#next = () => {
      fill(this.#stream, point)
      if (made) for (let c = 0; c < point.length; c++) point[c] = Math.round(point[c]! * DECIMALS) / DECIMALS
      return point
    }
    this.#encode = plan.format === 'json' ? jsonEncoder(plan) : packedEncoder(plan)
    this.#startTime = startTime
  }

  /** The next record; `intendedMs` since the start is only for its time field. */
  next(intendedMs: number): LoadRecord {
    this.#stream = this.#choose()
    const value = this.#encode(this.#next, Math.floor(this.#startTime + intendedMs))
    return { key: this.#key(this.#stream), value }
  }

  #key(stream: number): Buffer {
    if (stream >= KEYS_KEPT) return Buffer.from(`stream-${stream}`)
    return (this.#keys[stream] ??= Buffer.from(`stream-${stream}`))
  }
}

function jsonEncoder({ channels, timeField, pointsPerRecord }: LoadPlan): Encode {
  // What stands before each number: `{"x":`, then `,"y":`.
  const before = channels.map((name, at) => `${at === 0 ? '{' : ','}${JSON.stringify(name)}:`)
  const timeBefore = timeField === null ? null : `,${JSON.stringify(timeField)}:`
  const pointText = (point: Float64Array, end: string): string => {
    let text = ''
    for (let c = 0; c < point.length; c++) text += `${before[c]!}${point[c]!}`
    return text + end
  }
  return (next, time) => {
    const end = timeBefore === null ? '}' : `${timeBefore}${time}}`
    if (pointsPerRecord === 1) return Buffer.from(pointText(next(), end))
    let text = '['
    for (let i = 0; i < pointsPerRecord; i++) text += (i === 0 ? '' : ',') + pointText(next(), end)
    return Buffer.from(`${text}]`)
  }
}

/** Rows as `lib/adapters/binary-reader.ts` reads them. */
function packedEncoder({ channels, timeField, pointsPerRecord, format }: LoadPlan): Encode {
  const wide = format === 'float64'
  const first = timeField === null ? 0 : TIMESTAMP_BYTES
  const rowBytes = first + channels.length * (wide ? 8 : 4)
  return (next, time) => {
    const value = Buffer.allocUnsafe(pointsPerRecord * rowBytes)
    for (let i = 0, at = 0; i < pointsPerRecord; i++) {
      if (first > 0) at = value.writeDoubleLE(time, at)
      const point = next()
      for (let c = 0; c < point.length; c++) {
        at = wide ? value.writeDoubleLE(point[c]!, at) : value.writeFloatLE(point[c]!, at)
      }
    }
    return value
  }
}
