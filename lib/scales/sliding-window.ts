/**
 * One sliding window over a stream of points, in native memory (native/window). Source of the method: a ring of blocks,
 * see native/window/point_ring.h.
 */
import { TdaError } from '../errors.js'
import { nativeAddon, type NativeWindow, type StreamHandle, type WindowHandle } from '../native.js'
import { NativeResource } from './native-resource.js'
import { requireOptions, requireWindow } from './options.js'
import { cutBatch, namingNonFinite, PointRows, toPointInput, type PointInput } from './point-rows.js'

/** A window that points enter at one end and leave at the other. */
export interface DataWindow {
  /** Channels of a point. */
  readonly dimension: number
  /** Points in the window now. */
  readonly size: number
  /** The most points the window can hold. */
  readonly capacity: number
  /** Adds one point; returns the points that left. */
  addPoint(values: number | ArrayLike<number>, timestamp?: number): PointRows
  /** Adds points in order, all or none; returns the points that left. */
  addPoints(values: ArrayLike<number>, timestamps?: ArrayLike<number> | null): PointRows
  /** Copies the window out, oldest first. */
  getPoints(): PointRows
  /** Drops the oldest `count` points and returns them. */
  slide(count: number): PointRows
}

/** The most recent `count` points, or the points of (newest - spanMs, newest] with room for `pointsMax`. */
export type WindowLength =
  | { readonly count: number; readonly spanMs?: never; readonly pointsMax?: never }
  | { readonly count?: never; readonly spanMs: number; readonly pointsMax: number }

/** A window's length, and what its points are. */
export type SlidingWindowOptions = WindowLength & {
  /** Channels of a point, 1 to 4096. Default 1. */
  readonly dimension?: number
  /** Whether points have event time (milliseconds since the epoch, never going back). Default: only with `spanMs`. */
  readonly timestamps?: boolean
}

const OPTIONS = ['count', 'spanMs', 'pointsMax', 'dimension', 'timestamps']

/** Points that enter in one native call, and how far the ring is larger than a window by count. */
export const PIECE_POINTS = 4096

export function nativeWindow(length: WindowLength): NativeWindow {
  return length.count === undefined ? { spanMs: length.spanMs } : { count: length.count }
}

/**
 * A window by count or by time. Adding is amortised O(dimension) a point, whatever the size of the window; memory is
 * 8 bytes a channel and point (and 8 for a timestamp), up to the capacity. Not for use by several threads at once.
 *
 * @example
 * const window = new SlidingWindow({ count: 3 })
 * window.addPoints([1, 2, 3])
 * const evicted = window.addPoint(4)
 * console.log(evicted.value(0), window.size) // 1 3
 * window.close()
 */
export class SlidingWindow extends NativeResource implements DataWindow {
  readonly dimension: number
  readonly capacity: number
  readonly #stream: StreamHandle
  readonly #window: WindowHandle
  readonly #timestamped: boolean
  readonly #pieceMax: number
  // Arrays that native code has seen are slow to make, so single points go through the same ones every time.
  readonly #single: PointInput
  readonly #singleEvicted: PointInput
  #first = 0
  #next = 0

  /** @throws TdaError INVALID_ARGUMENT for lengths and dimensions that can never be right, MEMORY_LIMIT. */
  constructor(options: SlidingWindowOptions) {
    super('window')
    requireOptions(options, OPTIONS, 'SlidingWindow')
    const { count, spanMs, pointsMax } = options
    requireWindow({ count, spanMs, pointsMax }, 'SlidingWindow')
    const byTime = options.count === undefined
    this.dimension = options.dimension ?? 1
    this.capacity = byTime ? options.pointsMax : options.count
    this.#timestamped = options.timestamps ?? byTime
    this.#pieceMax = byTime ? Infinity : PIECE_POINTS
    const addon = nativeAddon()
    const stream = addon.streamCreate({
      dimension: this.dimension,
      capacity: byTime ? this.capacity : this.capacity + PIECE_POINTS,
      timestamps: this.#timestamped,
      logPositions: false
    })
    try {
      this.#window = addon.windowCreate(stream, nativeWindow(options))
    } catch (error) {
      addon.streamRelease(stream)
      throw error
    }
    this.#stream = stream
    const window = this.#window
    this.own(() => {
      addon.windowRelease(window)
      addon.streamRelease(stream)
    })
    this.#single = this.#room(1)
    this.#singleEvicted = this.#room(1)
  }

  get size(): number {
    return this.#next - this.#first
  }

  /** Arrival numbers [first, next) of the points in the window. */
  get bounds(): readonly [first: number, next: number] {
    return [this.#first, this.#next]
  }

  /**
   * Adds one point: a number for dimension 1, else `dimension` numbers. Amortised O(dimension).
   *
   * @returns The points that left the window, oldest first.
   * @throws TdaError NON_FINITE_POINT, WRONG_DIMENSION, INVALID_ARGUMENT (a timestamp missing or not kept),
   * TIMESTAMP_BACKWARDS, CAPACITY_EXCEEDED (a window by time is full); nothing was added.
   */
  addPoint(values: number | ArrayLike<number>, timestamp?: number): PointRows {
    if (typeof values === 'number' && this.dimension === 1 && !this.#timestamped && timestamp === undefined) {
      return this.#pushOne(values)
    }
    const point = typeof values === 'number' ? [values] : values
    const fits = areNumbers(point) && point.length === this.dimension
    if (!fits || (timestamp !== undefined) !== this.#timestamped) {
      return this.addPoints(point, timestamp === undefined ? undefined : [timestamp]) // says what is wrong
    }
    this.#single.values.set(point)
    if (timestamp !== undefined) this.#single.timestamps?.fill(timestamp)
    return this.#push(this.#single, this.#singleEvicted)
  }

  /**
   * Adds points, all or none. Amortised O(dimension) a point. A window by time needs room in `capacity` for the window
   * before and all the new points.
   *
   * @param values Row-major, `points x dimension`; a Float64Array is used without a copy.
   * @param timestamps Milliseconds since the epoch, one a point, exactly when the window keeps them.
   * @returns The points that left the window, oldest first (of a long batch also points of the batch).
   * @throws TdaError as {@link addPoint}.
   */
  addPoints(values: ArrayLike<number>, timestamps?: ArrayLike<number> | null): PointRows {
    const input = toPointInput(values, timestamps, (value) => `addPoint(${value})`)
    const pieces = cutBatch(input, this.dimension, this.#pieceMax)
    const room = this.#room(Math.min(Math.ceil(input.values.length / this.dimension), PIECE_POINTS))
    return PointRows.join(pieces.map((piece) => this.#push(piece, room)))
  }

  /** Copies the points of the window out. O(size x dimension). */
  getPoints(): PointRows {
    return this.#read(this.#first, this.#next)
  }

  /**
   * Drops the oldest `count` points. O(count x dimension).
   *
   * @throws TdaError WINDOW_EMPTY when there are fewer, INVALID_ARGUMENT for what is no count.
   */
  slide(count: number): PointRows {
    if (!Number.isInteger(count) || count < 0) {
      throw new TdaError('INVALID_ARGUMENT', `slide: expected a number of points, got ${count}`)
    }
    const before = this.#first
    const [first] = this.addon.windowAdvance(this.#window, this.#next, before + count)
    this.#first = first
    return this.#read(before, first)
  }

  #pushOne(value: number): PointRows {
    const before = this.#first
    const left = this.addon.windowPushOne(this.#window, value)
    this.#next += 1
    if (Number.isNaN(left)) return new PointRows(before, 1, new Float64Array(0), null)
    this.#first += 1
    const values = new Float64Array(1)
    values[0] = left
    return new PointRows(before, 1, values, null)
  }

  #push({ values, timestamps }: PointInput, evicted: PointInput): PointRows {
    const before = this.#first
    const left = namingNonFinite({ values, timestamps }, () =>
      this.addon.windowPush(this.#window, values, timestamps, evicted.values, evicted.timestamps)
    )
    this.#next += values.length / this.dimension
    this.#first += left
    if (left > evicted.values.length / this.dimension) return this.#read(before, this.#first)
    const leftValues = evicted.values.slice(0, left * this.dimension)
    return new PointRows(before, this.dimension, leftValues, evicted.timestamps?.slice(0, left) ?? null)
  }

  /** Arrays for `points` points. */
  #room(points: number): PointInput {
    return {
      values: new Float64Array(points * this.dimension),
      timestamps: this.#timestamped ? new Float64Array(points) : null
    }
  }

  #read(first: number, end: number): PointRows {
    const { values, timestamps } = this.addon.streamRead(this.#stream, first, end)
    return new PointRows(first, this.dimension, values, timestamps)
  }
}

/** Setting a typed array would take null for 0. */
function areNumbers(point: unknown): boolean {
  if (point instanceof Float64Array) return true
  if (typeof point !== 'object' || point === null) return false
  const { length } = point as ArrayLike<unknown>
  for (let i = 0; i < length; i++) if (typeof (point as ArrayLike<unknown>)[i] !== 'number') return false
  return true
}
