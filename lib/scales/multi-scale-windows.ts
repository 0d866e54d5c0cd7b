/** Several windows over one ring of points: every point is stored once, whatever the number of scales. */
import { TdaError } from '../errors.js'
import { nativeAddon, type StreamHandle, type WindowHandle } from '../native.js'
import { NativeResource } from './native-resource.js'
import { requireOptions, requireWindow } from './options.js'
import { cutBatch, namingNonFinite, PointRows, toPointInput } from './point-rows.js'
import { nativeWindow, PIECE_POINTS, type WindowLength } from './sliding-window.js'

/** The windows, and what their points are. */
export interface MultiScaleWindowsOptions {
  /** One window for each scale, by name. */
  readonly windows: Readonly<Record<string, WindowLength>>
  /** Channels of a point, 1 to 4096. Default 1. */
  readonly dimension?: number
  /** Whether points have event time (milliseconds since the epoch, never going back). Default: when a window needs it. */
  readonly timestamps?: boolean
}

interface ScaleWindow {
  readonly handle: WindowHandle
  first: number
}

/**
 * Windows of several lengths over the same points. Adding costs amortised O(dimension + scales) a point; memory is that
 * of the largest window. Not for use by several threads at once.
 *
 * @example
 * const windows = new MultiScaleWindows({ windows: { short: { count: 2 }, long: { count: 4 } } })
 * const evicted = windows.addPoints([1, 2, 3, 4, 5])
 * console.log(evicted.get('short')?.length, evicted.get('long')?.length) // 3 1
 * windows.close()
 */
export class MultiScaleWindows extends NativeResource {
  readonly dimension: number
  readonly #stream: StreamHandle
  readonly #windows: ReadonlyMap<string, ScaleWindow>
  readonly #pieceMax: number
  #next = 0

  /** @throws TdaError INVALID_ARGUMENT for lengths and dimensions that can never be right, MEMORY_LIMIT. */
  constructor(options: MultiScaleWindowsOptions) {
    super('set of windows')
    requireOptions(options, ['windows', 'dimension', 'timestamps'], 'MultiScaleWindows')
    for (const [name, length] of Object.entries(options.windows)) requireWindow(length, `windows.${name}`)
    const lengths = Object.entries(options.windows)
    if (lengths.length === 0) throw new TdaError('INVALID_ARGUMENT', 'windows: expected at least one scale')
    const byTime = lengths.some(([, length]) => length.count === undefined)
    const largest = Math.max(...lengths.map(([, length]) => length.count ?? length.pointsMax))
    this.dimension = options.dimension ?? 1
    this.#pieceMax = byTime ? Infinity : PIECE_POINTS
    const addon = nativeAddon()
    const stream = addon.streamCreate({
      dimension: this.dimension,
      capacity: largest + PIECE_POINTS,
      timestamps: options.timestamps ?? byTime,
      logPositions: false
    })
    const windows = new Map<string, ScaleWindow>()
    this.own(() => {
      for (const { handle } of windows.values()) addon.windowRelease(handle)
      addon.streamRelease(stream)
    })
    try {
      for (const [name, length] of lengths) {
        windows.set(name, { handle: addon.windowCreate(stream, nativeWindow(length)), first: 0 })
      }
    } catch (error) {
      this.close()
      throw error
    }
    this.#stream = stream
    this.#windows = windows
  }

  /** Names of the scales, as given. */
  get scales(): readonly string[] {
    return [...this.#windows.keys()]
  }

  /** Points in the window of `scale` now. @throws TdaError INVALID_ARGUMENT for a scale that does not exist. */
  size(scale: string): number {
    return this.#next - this.#scale(scale).first
  }

  /** Adds one point; see {@link addPoints}. */
  addPoint(values: number | ArrayLike<number>, timestamp?: number): ReadonlyMap<string, PointRows> {
    const point = typeof values === 'number' ? [values] : values
    return this.addPoints(point, timestamp === undefined ? undefined : [timestamp])
  }

  /**
   * Adds points to all windows, all or none.
   *
   * @param values Row-major, `points x dimension`; a Float64Array is used without a copy.
   * @param timestamps Milliseconds since the epoch, one a point, exactly when the windows keep them.
   * @returns For each scale the points that left its window, oldest first.
   * @throws TdaError NON_FINITE_POINT, WRONG_DIMENSION, INVALID_ARGUMENT (timestamps missing or not kept),
   * TIMESTAMP_BACKWARDS, CAPACITY_EXCEEDED (the largest window by time is full); nothing was added.
   */
  addPoints(
    values: ArrayLike<number>,
    timestamps?: ArrayLike<number> | null
  ): ReadonlyMap<string, PointRows> {
    const input = toPointInput(values, timestamps, (value) => `addPoint(${value})`)
    const evicted = new Map<string, PointRows[]>(this.scales.map((scale) => [scale, []]))
    for (const piece of cutBatch(input, this.dimension, this.#pieceMax)) {
      this.#next = namingNonFinite(piece, () =>
        this.addon.streamAppend(this.#stream, piece.values, piece.timestamps, null, null)
      )
      for (const [scale, rows] of this.#advance()) evicted.get(scale)?.push(rows)
    }
    return new Map([...evicted].map(([scale, parts]) => [scale, PointRows.join(parts)]))
  }

  /** Copies the points of one window out, oldest first. O(size x dimension). @throws TdaError INVALID_ARGUMENT. */
  getPoints(scale: string): PointRows {
    return this.#read(this.#scale(scale).first, this.#next)
  }

  *#advance(): Generator<readonly [scale: string, evicted: PointRows]> {
    for (const [name, scale] of this.#windows) {
      const before = scale.first
      const [first] = this.addon.windowAdvance(scale.handle, this.#next)
      scale.first = first
      const evicted = this.#read(before, first)
      this.addon.windowAdvance(scale.handle, this.#next) // the ring may use their room again
      yield [name, evicted]
    }
  }

  #read(first: number, end: number): PointRows {
    const { values, timestamps } = this.addon.streamRead(this.#stream, first, end)
    return new PointRows(first, this.dimension, values, timestamps)
  }

  #scale(name: string): ScaleWindow {
    const scale = this.#windows.get(name)
    if (scale === undefined) {
      throw new TdaError('INVALID_ARGUMENT', `no scale "${name}"; there are ${this.scales.join(', ')}`)
    }
    return scale
  }
}
