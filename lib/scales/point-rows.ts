/** Points as they enter and leave windows: typed arrays inside, no object per point unless one is asked for. */
import { TdaError } from '../errors.js'
import { concatenated } from './concatenated.js'

/** One point: its values, and its event time in milliseconds since the epoch where the stream has one. */
export interface Point {
  /** Arrival number: 0, 1, 2, ... in the order the points were added. */
  readonly number: number
  readonly values: readonly number[]
  readonly timestamp: number | null
}

/**
 * Consecutive points, oldest first.
 *
 * @example
 * const window = new SlidingWindow({ count: 2 })
 * window.addPoints([1, 2, 3])
 * console.log(window.getPoints().values) // Float64Array(2) [ 2, 3 ]
 */
export class PointRows implements Iterable<Point> {
  /** Arrival number of the first point. */
  readonly first: number
  readonly dimension: number
  /** Row-major, `length x dimension`. */
  readonly values: Float64Array
  /** Milliseconds since the epoch, one a point; `null` without event time. */
  readonly timestamps: Float64Array | null

  constructor(first: number, dimension: number, values: Float64Array, timestamps: Float64Array | null) {
    this.first = first
    this.dimension = dimension
    this.values = values
    this.timestamps = timestamps
  }

  /** Runs of points that follow one another, as one. REQUIRES at least one run. O(values). */
  static join(parts: readonly PointRows[]): PointRows {
    const [head] = parts
    if (head === undefined) throw new RangeError('no runs of points to join')
    if (parts.length === 1) return head
    const timestamps = parts.flatMap((part) => part.timestamps ?? [])
    return new PointRows(
      head.first,
      head.dimension,
      concatenated(
        parts.map((part) => part.values),
        doubles
      ),
      head.timestamps === null ? null : concatenated(timestamps, doubles)
    )
  }

  /** Number of points. */
  get length(): number {
    return this.values.length / this.dimension
  }

  /** One value of point `index` (0 = oldest). O(1). @throws RangeError outside. */
  value(index: number, channel = 0): number {
    const value = this.values[index * this.dimension + channel]
    if (value === undefined || channel < 0 || channel >= this.dimension) {
      throw new RangeError(`no channel ${channel} of point ${index} among ${this.length} points`)
    }
    return value
  }

  /** Point `index` (0 = oldest) as an object. O(dimension). @throws RangeError outside. */
  point(index: number): Point {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(`no point ${index} among ${this.length}`)
    }
    const start = index * this.dimension
    return {
      number: this.first + index,
      values: Array.from(this.values.subarray(start, start + this.dimension)),
      timestamp: this.timestamps?.[index] ?? null
    }
  }

  *[Symbol.iterator](): Iterator<Point> {
    for (let index = 0; index < this.length; index++) yield this.point(index)
  }
}

const doubles = (length: number): Float64Array => new Float64Array(length)

/** A batch as callers give it. */
export interface PointInput {
  /** Row-major, `points x dimension`. */
  readonly values: Float64Array
  readonly timestamps: Float64Array | null
}

/**
 * A batch as typed arrays. Arrays of other kinds, and such over shared memory, are copied.
 *
 * @param single How one point is given, for the message to who gives a number.
 * @throws TdaError INVALID_ARGUMENT for what is no list of numbers: JavaScript would read a null as 0.
 */
export function toPointInput(
  values: ArrayLike<number>,
  timestamps: ArrayLike<number> | null | undefined,
  single: (value: number) => string
): PointInput {
  if (typeof values === 'number') {
    const message = `values: expected an array of numbers; for one point use ${single(values)}`
    throw new TdaError('INVALID_ARGUMENT', message)
  }
  return {
    values: toFloat64Array(values, 'values'),
    timestamps:
      timestamps === undefined || timestamps === null ? null : toFloat64Array(timestamps, 'timestamps')
  }
}

/** `what` is its name in messages. @throws TdaError INVALID_ARGUMENT as {@link toPointInput}. */
export function toFloat64Array(numbers: ArrayLike<number>, what: string): Float64Array {
  if (numbers instanceof Float64Array && !(numbers.buffer instanceof SharedArrayBuffer)) return numbers
  const given: unknown = numbers
  if (typeof given !== 'object' || given === null || !(numbers.length >= 0)) {
    throw new TdaError('INVALID_ARGUMENT', `${what}: expected an array of numbers, found ${kindOf(given)}`)
  }
  const copy = new Float64Array(numbers.length)
  for (let i = 0; i < copy.length; i++) {
    const number: unknown = numbers[i]
    if (typeof number !== 'number') {
      const found = `found ${kindOf(number)} at index ${i}; nothing was applied`
      throw new TdaError('INVALID_ARGUMENT', `${what}: expected numbers, ${found}`)
    }
    copy[i] = number
  }
  return copy
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value
}

/**
 * Cuts a batch into pieces of at most `pointsMax` points. More than one piece would break "all or none", so the whole
 * batch is checked first then, as the native gate checks each piece. O(values).
 *
 * @throws TdaError WRONG_DIMENSION, INVALID_ARGUMENT, NON_FINITE_POINT, TIMESTAMP_BACKWARDS; nothing was applied.
 */
export function cutBatch(input: PointInput, dimension: number, pointsMax: number): readonly PointInput[] {
  const points = input.values.length / dimension
  if (points <= pointsMax) return [input]
  checkWhole(input, dimension)
  const pieces: PointInput[] = []
  for (let start = 0; start < points; start += pointsMax) {
    const end = Math.min(points, start + pointsMax)
    pieces.push({
      values: input.values.subarray(start * dimension, end * dimension),
      timestamps: input.timestamps?.subarray(start, end) ?? null
    })
  }
  return pieces
}

function checkWhole({ values, timestamps }: PointInput, dimension: number): void {
  if (values.length % dimension !== 0) {
    const what = `${values.length} values are no whole number of points of dimension ${dimension}`
    throw new TdaError('WRONG_DIMENSION', `${what}; nothing was applied`)
  }
  if (timestamps !== null && timestamps.length !== values.length / dimension) {
    const what = `${timestamps.length} timestamps for ${values.length / dimension} points`
    throw new TdaError('INVALID_ARGUMENT', `${what}; give one for each, nothing was applied`)
  }
  requireFinite({ values, timestamps })
  // Whether the first one goes back, the native gate tells of the first piece, before anything is applied.
  const back = timestamps?.findIndex((timestamp, i) => timestamp < timestamps[i - 1]!) ?? -1
  if (back >= 0) {
    const what = `the timestamp at index ${back} lies before the one at ${back - 1}`
    throw new TdaError('TIMESTAMP_BACKWARDS', `${what}; nothing was applied`)
  }
}

/** Runs a call that the native gate may refuse; of numbers that are none, the message names the first. */
export function namingNonFinite<T>(input: PointInput, call: () => T): T {
  try {
    return call()
  } catch (error) {
    if (error instanceof TdaError && error.code === 'NON_FINITE_POINT') requireFinite(input, error)
    throw error
  }
}

function requireFinite({ values, timestamps }: PointInput, cause?: TdaError): void {
  const named = { values, ...(timestamps === null ? {} : { timestamps }) }
  for (const [what, numbers] of Object.entries(named)) {
    const at = numbers.findIndex((number) => !Number.isFinite(number))
    if (at < 0) continue
    const message = `${what}: ${numbers[at]} at index ${at}; nothing was applied`
    throw new TdaError('NON_FINITE_POINT', message, { cause })
  }
}
