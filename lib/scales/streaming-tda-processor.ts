/** One stream at one scale: points in, diagram updates out, on the thread that calls. */
import {
  type ChangeLayout,
  type EngineHandle,
  layoutOf,
  nativeAddon,
  type NativeSlide,
  type StreamHandle
} from '../native.js'
import { PairRows } from './diagram-rows.js'
import { type FiltrationOptions, nativeFiltration } from './filtration.js'
import { requireNoMisfits } from './misfits.js'
import { NativeResource } from './native-resource.js'
import { requireFiltrationOptions, requireSlide, requireWindow } from './options.js'
import { cutBatch, namingNonFinite, toPointInput } from './point-rows.js'
import { nativeWindow, PIECE_POINTS, type WindowLength } from './sliding-window.js'
import { UpdateRows } from './update-rows.js'

/** What is computed, of which window, and how often an update is due. */
export type StreamingTdaProcessorOptions = FiltrationOptions & {
  /**
   * The window the diagram is of. By time, `pointsMax` is the room for all points between the start of the window of
   * the last update and the newest point; a Rips window never holds more.
   */
  readonly window: WindowLength
  /**
   * An update after every `count` points of the stream, or for every multiple of `everyMs` since the epoch once a later
   * point has arrived. Default: every point.
   */
  readonly slide?: { readonly count: number } | { readonly everyMs: number }
  /** Channels of a point, 1 to 4096. Default 1. */
  readonly dimension?: number
  /** Whether points have event time (ms since the epoch, never going back). Default: when window or slide need it. */
  readonly timestamps?: boolean
  /** A snapshot goes with every so many-th update. Default 0: never. */
  readonly snapshotEvery?: number
}

const OPTIONS = ['window', 'slide', 'dimension', 'timestamps', 'snapshotEvery']

/** What a {@link StreamingTdaProcessor} has done and holds. */
export interface ProcessorStatistics {
  /** Points processed since the start. */
  readonly points: number
  /** Points in the window now. */
  readonly windowPoints: number
  /** Updates emitted since the start. */
  readonly updates: number
  /** Pairs in the diagram at the last update. */
  readonly pairs: number
  /** Native memory of points and engine, in bytes. */
  readonly bytes: number
}

/**
 * Keeps the exact persistence diagram of a sliding window up to date. What it returns depends on the points alone, not
 * on how they are cut into calls. Points are named by arrival number. Not for use by several threads at once.
 *
 * Cost, level sets: amortised O(1) a point, O(changes) an update; about 40 bytes a point of the window. Cost, Rips: time
 * and memory grow with the square of the points of the cloud (benchmarks/RESULTS.md; 1000 points take some 20 MiB).
 * Method: native/engine/engine.h, native/series/monotone_series.h, native/rips/rips_window.h.
 *
 * @example
 * const processor = new StreamingTdaProcessor({
 *   filtration: 'sublevel', window: { count: 1000 }, slide: { count: 4 }
 * })
 * for (const update of processor.processPoints([3, 1, 4, 2])) {
 *   console.log(update.sequence, update.changes.added().map(({ id }) => id)) // 1 [ '0:1.0', '0:3.0' ]
 * }
 * processor.close()
 *
 * @example
 * const square = new StreamingTdaProcessor({ filtration: 'rips', dimension: 2, window: { count: 4 } })
 * square.processPoints([0, 0, 1, 0, 1, 1, 0, 1])
 * console.log(square.getCurrentDiagram().toPairs().at(-1)?.id) // 1:2.0-3.0
 * square.close()
 */
export class StreamingTdaProcessor extends NativeResource {
  readonly dimension: number
  readonly #stream: StreamHandle
  readonly #engine: EngineHandle
  readonly #pieceMax: number
  readonly #layout: ChangeLayout

  /** @throws TdaError INVALID_ARGUMENT for options that can never be right, MEMORY_LIMIT. */
  constructor(options: StreamingTdaProcessorOptions) {
    super('processor')
    requireFiltrationOptions(options, OPTIONS, 'StreamingTdaProcessor')
    requireWindow(options.window)
    requireSlide(options.slide)
    const { window } = options
    const slide: NativeSlide = options.slide ?? { count: 1 }
    const byTime = window.count === undefined || 'everyMs' in slide
    const addon = nativeAddon()
    this.dimension = options.dimension ?? 1
    this.#pieceMax = byTime ? Infinity : PIECE_POINTS
    this.#layout = layoutOf(options.filtration)
    const room = window.count ?? window.pointsMax
    const stream = addon.streamCreate({
      dimension: this.dimension,
      capacity: room + ('count' in slide ? slide.count : 0) + PIECE_POINTS,
      timestamps: options.timestamps ?? byTime,
      logPositions: false
    })
    try {
      this.#engine = addon.engineCreate(stream, {
        ...nativeFiltration(options, this.dimension, room),
        window: nativeWindow(window),
        slide,
        snapshotEvery: options.snapshotEvery ?? 0
      })
    } catch (error) {
      addon.streamRelease(stream)
      throw error
    }
    this.#stream = stream
    const engine = this.#engine
    this.own(() => {
      addon.engineRelease(engine)
      addon.streamRelease(stream)
    })
  }

  /** Processes one point; see {@link processPoints}. */
  processPoint(values: number | ArrayLike<number>, timestamp?: number): UpdateRows {
    const point = typeof values === 'number' ? [values] : values
    return this.processPoints(point, timestamp === undefined ? undefined : [timestamp])
  }

  /**
   * Processes points, all or none. Batches of some thousand points are fastest.
   *
   * @param values Row-major, `points x dimension`; a Float64Array is used without a copy.
   * @param timestamps Milliseconds since the epoch, one a point, exactly when the processor keeps them.
   * @returns The updates that fell due, oldest first.
   * @throws TdaError NON_FINITE_POINT (Rips: also a point without a direction, metrics cosine and correlation),
   * WRONG_DIMENSION, INVALID_ARGUMENT (timestamps missing or not kept), TIMESTAMP_BACKWARDS, CAPACITY_EXCEEDED (more
   * points in the span than there is room for), DISTANCE_OVERFLOW (Rips: a point too large); nothing was processed.
   * INTERNAL or MEMORY_LIMIT: the engine is beyond use, make a new one.
   */
  processPoints(values: ArrayLike<number>, timestamps?: ArrayLike<number> | null): UpdateRows {
    const input = toPointInput(values, timestamps, (value) => `processPoint(${value})`)
    const pieces = cutBatch(input, this.dimension, this.#pieceMax)
    if (pieces.length > 1) requireNoMisfits(this.#stream, input.values, this.dimension)
    const results = pieces.map((piece) => {
      const next = namingNonFinite(piece, () =>
        this.addon.streamAppend(this.#stream, piece.values, piece.timestamps, null, null)
      )
      return this.addon.engineAdvance(this.#engine, next, false)
    })
    return new UpdateRows(results, this.#layout)
  }

  /** The diagram of the window at the newest point, whether an update was due or not. O(pairs). */
  getCurrentDiagram(): PairRows {
    return new PairRows(this.addon.engineDiagram(this.#engine), this.#layout)
  }

  /** The next update carries a snapshot. */
  requestSnapshot(): void {
    this.addon.engineRequestSnapshot(this.#engine)
  }

  /** Counts and sizes, O(1). */
  getStatistics(): ProcessorStatistics {
    const engine = this.addon.engineState(this.#engine)
    return {
      points: engine.next,
      windowPoints: engine.next - engine.first,
      updates: engine.sequence,
      pairs: engine.pairs,
      bytes: engine.bytes + this.addon.streamState(this.#stream).bytes
    }
  }
}
