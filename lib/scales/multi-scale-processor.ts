/** One stream at several scales, advanced in parallel on a pool of worker threads. */
import { TdaError } from '../errors.js'
import { layoutOf, nativeAddon } from '../native.js'
import type {
  AdvanceResult,
  ChangeLayout,
  EngineHandle,
  NativeEngineConfig,
  StreamHandle
} from '../native.js'
import { PairRows } from './diagram-rows.js'
import { type FiltrationOptions, nativeFiltration } from './filtration.js'
import { requireNoMisfits } from './misfits.js'
import { requireFiltrationOptions, requireOptions, requireSlide, requireWindow } from './options.js'
import { cutBatch, namingNonFinite, toPointInput } from './point-rows.js'
import { nativeWindow, PIECE_POINTS, type WindowLength } from './sliding-window.js'
import { UpdateRows } from './update-rows.js'
import { defaultWorkers, WorkerPool, type PoolJob } from './worker-pool.js'

const WORKERS_MAX = 256
const OPTIONS = ['scales', 'dimension', 'timestamps', 'workers']
const SCALE_OPTIONS = ['window', 'slide', 'snapshotEvery']

/** One scale: a window and what is computed of it. */
export type ScaleOptions = FiltrationOptions & {
  /**
   * By time, `pointsMax` is the room for all points since the start of the window of the last update; a Rips window
   * never holds more.
   */
  readonly window: WindowLength
  /** An update after every `count` points, or for every multiple of `everyMs` since the epoch. Default: every point. */
  readonly slide?: { readonly count: number } | { readonly everyMs: number }
  /** A snapshot goes with every so many-th update. Default 0: never. */
  readonly snapshotEvery?: number
}

/** The stream, its scales, and the threads to advance them on. */
export interface MultiScaleProcessorOptions {
  /** The scales by name; at least one. */
  readonly scales: Readonly<Record<string, ScaleOptions>>
  /** Channels of a point, 1 to 4096. Default 1. */
  readonly dimension?: number
  /** Whether points have event time (ms since the epoch, never going back). Default: when a scale needs it. */
  readonly timestamps?: boolean
  /** Worker threads, 1 to 256. Default: one less than the processors, at least 1, at most one a scale. */
  readonly workers?: number
}

/** Counts and sizes of a processor. */
export interface MultiScaleStatistics {
  /** Points processed since the start. */
  readonly points: number
  /** Native memory of the points, which the scales share, in bytes. */
  readonly ringBytes: number
  readonly scales: ReadonlyMap<string, ScaleStatistics>
}

/** Counts and sizes of one scale. */
export interface ScaleStatistics {
  /** Points in the window now. */
  readonly windowPoints: number
  /** Updates emitted since the start. */
  readonly updates: number
  /** Pairs in the diagram at the last update. */
  readonly pairs: number
  /** Native memory of the engine, in bytes. */
  readonly bytes: number
}

interface Scale {
  readonly name: string
  readonly layout: ChangeLayout
  readonly engine: EngineHandle
  readonly lane: number
}

/**
 * Keeps the exact persistence diagrams of several sliding windows over one stream up to date, each scale on whatever
 * thread is free. Points are stored once, in native memory that all threads see; what comes back depends on the points
 * alone, not on calls or threads. Points are named by arrival number.
 *
 * Calls may overlap: batches enter in the order of the calls. Cost: that of each scale (see `StreamingTdaProcessor`), and
 * some 0.1 ms a call for the way to the threads and back; so give it batches of thousands. For small batches
 * `StreamingTdaProcessor` is faster. Method: native/engine/engine.h.
 *
 * @example
 * const processor = new MultiScaleProcessor({
 *   scales: {
 *     short: { filtration: 'sublevel', window: { count: 4 }, slide: { count: 4 } },
 *     long: { filtration: 'sublevel', window: { count: 8 }, slide: { count: 8 } }
 *   }
 * })
 * const updates = await processor.processPoints([3, 1, 4, 2, 3, 1, 4, 2])
 * console.log(updates.get('short')?.length, updates.get('long')?.length) // 2 1
 * await processor.close()
 */
export class MultiScaleProcessor {
  readonly dimension: number
  readonly #stream: StreamHandle
  readonly #pool: WorkerPool
  readonly #scales: readonly Scale[]
  readonly #pieceMax: number
  #tail: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | null = null

  /** @throws TdaError INVALID_ARGUMENT for options that can never be right, MEMORY_LIMIT. */
  constructor(options: MultiScaleProcessorOptions) {
    requireOptions(options, OPTIONS, 'MultiScaleProcessor')
    requireScales(options.scales)
    const scales = Object.entries(options.scales)
    if (scales.length === 0) throw new TdaError('INVALID_ARGUMENT', 'scales: expected at least one')
    const byTime = scales.some(([, { window, slide }]) => window.count === undefined || isByTime(slide))
    const workers = options.workers ?? Math.min(scales.length, defaultWorkers())
    if (!Number.isInteger(workers) || workers < 1 || workers > WORKERS_MAX) {
      throw new TdaError('INVALID_ARGUMENT', `workers: expected 1 to ${WORKERS_MAX}, found ${workers}`)
    }
    this.dimension = options.dimension ?? 1
    this.#pieceMax = byTime ? Infinity : PIECE_POINTS
    const stream = nativeAddon().streamCreate({
      dimension: this.dimension,
      capacity: Math.max(...scales.map(([, scale]) => pointsHeld(scale))) + PIECE_POINTS,
      timestamps: options.timestamps ?? byTime,
      logPositions: false
    })
    this.#stream = stream
    const engines: EngineHandle[] = []
    try {
      for (const [, scale] of scales) {
        engines.push(nativeAddon().engineCreate(stream, engineConfig(scale, this.dimension)))
      }
    } catch (error) {
      release(stream, engines)
      throw error
    }
    const named = scales.map(([name, { filtration }]) => ({ name, layout: layoutOf(filtration) }))
    const pool = new WorkerPool({
      workers,
      scales: named,
      maxBytes: Infinity,
      eventTime: false
    })
    this.#pool = pool
    this.#scales = named.map((scale, i) => ({ ...scale, engine: engines[i]!, lane: pool.join() }))
  }

  /** Names of the scales, as given. */
  get scales(): readonly string[] {
    return this.#scales.map(({ name }) => name)
  }

  /**
   * Processes points, all or none.
   *
   * @param values Row-major, `points x dimension`. Not to be changed before the promise settles.
   * @param timestamps Milliseconds since the epoch, one a point, exactly when the processor keeps them.
   * @returns The updates of each scale that fell due, oldest first.
   * @throws TdaError NON_FINITE_POINT (with a Rips scale also a point without a direction, metrics cosine and
   * correlation), WRONG_DIMENSION, INVALID_ARGUMENT (timestamps missing or not kept), TIMESTAMP_BACKWARDS,
   * CAPACITY_EXCEEDED (more points in the span than there is room for), DISTANCE_OVERFLOW (a point too large for a Rips
   * scale); nothing was processed.
   * INTERNAL or MEMORY_LIMIT: the processor is beyond use, make a new one. CANCELLED after `close`.
   */
  processPoints(
    values: ArrayLike<number>,
    timestamps?: ArrayLike<number> | null
  ): Promise<ReadonlyMap<string, UpdateRows>> {
    return this.#inOrder(async () => {
      const results = this.#scales.map((): AdvanceResult[] => [])
      const input = toPointInput(values, timestamps, (value) => `processPoints([${value}])`)
      const pieces = cutBatch(input, this.dimension, this.#pieceMax)
      if (pieces.length > 1) requireNoMisfits(this.#stream, input.values, this.dimension)
      for (const piece of pieces) {
        const next = namingNonFinite(piece, () =>
          nativeAddon().streamAppend(this.#stream, piece.values, piece.timestamps, null, null)
        )
        const rows = await this.#pool.advanceRows(this.#scales.map((scale, i) => jobOf(scale, i, next)))
        rows.forEach((result, i) => results[i]!.push(result))
      }
      return new Map(this.#scales.map(({ name, layout }, i) => [name, new UpdateRows(results[i]!, layout)]))
    })
  }

  /** The diagram of each scale after the calls made before, whether an update was due or not. O(pairs). */
  getCurrentDiagrams(): Promise<ReadonlyMap<string, PairRows>> {
    return this.#inOrder(async () => {
      const diagrams = this.#scales.map(({ engine, lane }) => this.#pool.diagram(engine, lane))
      const rows = await Promise.all(diagrams)
      return new Map(this.#scales.map(({ name, layout }, i) => [name, new PairRows(rows[i]!, layout)]))
    })
  }

  /** Counts and sizes, O(scales). @throws TdaError UNKNOWN_HANDLE after `close`. */
  getStatistics(): MultiScaleStatistics {
    if (this.#closed) throw new TdaError('UNKNOWN_HANDLE', 'the processor is closed; make a new one')
    const ring = nativeAddon().streamState(this.#stream)
    const scales = this.#scales.map(({ name, engine }) => {
      const { first, next, sequence, pairs, bytes } = nativeAddon().engineState(engine)
      return [name, { windowPoints: next - first, updates: sequence, pairs, bytes }] as const
    })
    return { points: ring.next, ringBytes: ring.bytes, scales: new Map(scales) }
  }

  /** Waits for the calls made before, then ends the threads and frees the memory. */
  close(): Promise<void> {
    this.#closed ??= this.#tail.then(async () => {
      await this.#pool.close()
      release(
        this.#stream,
        this.#scales.map(({ engine }) => engine)
      )
    })
    return this.#closed
  }

  async #inOrder<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new TdaError('CANCELLED', 'the processor is closed; make a new one')
    const result = this.#tail.then(work)
    this.#tail = result.catch(() => {})
    return result
  }
}

function requireScales(scales: MultiScaleProcessorOptions['scales']): void {
  for (const [name, scale] of Object.entries(scales)) {
    requireFiltrationOptions(scale, SCALE_OPTIONS, `scales.${name}`)
    requireWindow(scale.window, `scales.${name}.window`)
    requireSlide(scale.slide, `scales.${name}.slide`)
  }
}

function engineConfig(scale: ScaleOptions, dimension: number): NativeEngineConfig {
  const { window } = scale
  return {
    ...nativeFiltration(scale, dimension, window.count ?? window.pointsMax),
    window: nativeWindow(scale.window),
    slide: scale.slide ?? { count: 1 },
    snapshotEvery: scale.snapshotEvery ?? 0
  }
}

function isByTime(slide: ScaleOptions['slide']): boolean {
  return slide !== undefined && 'everyMs' in slide
}

/** What an engine may name: the window of its last update and what came since. */
function pointsHeld({ window, slide }: ScaleOptions): number {
  const sinceUpdate = slide === undefined ? 1 : 'count' in slide ? slide.count : 0
  return (window.count ?? window.pointsMax) + sinceUpdate
}

function jobOf({ name, engine, lane }: Scale, scale: number, until: number): PoolJob {
  const owner = { completed: (): void => {} }
  return { engine, lane, owner, until, discard: false, rebuilt: false, stream: name, partition: 0, scale }
}

function release(stream: StreamHandle, engines: readonly EngineHandle[]): void {
  for (const engine of engines) nativeAddon().engineRelease(engine)
  nativeAddon().streamRelease(stream)
}
