/** One persistence diagram under the caller's own additions and removals. */
import { TdaError } from '../errors.js'
import { type ChangeLayout, type EngineHandle, layoutOf, nativeAddon, type StreamHandle } from '../native.js'
import { ChangeRows, PairRows } from './diagram-rows.js'
import { type FiltrationOptions, nativeFiltration } from './filtration.js'
import { NativeResource } from './native-resource.js'
import { requireFiltrationOptions } from './options.js'
import { namingNonFinite, toPointInput } from './point-rows.js'

export type IncrementalPersistenceOptions = FiltrationOptions & {
  /** The most points there may be at once, up to 2^30; for Rips, up to 32 767 points of the cloud. */
  readonly capacity: number
  /** Channels of a point, 1 to 4096. Default 1. */
  readonly dimension?: number
}

/**
 * The exact persistence of a scalar series (H0) or of a point cloud (Rips, H0 and H1): points enter at the end and leave
 * at the beginning, and each call returns what it changed. A point is named by its arrival number. Not for use by
 * several threads at once.
 *
 * Cost, series: amortised O(1) a point plus O(changes); at most about 40 bytes a point of capacity in use. Cost, Rips:
 * time and memory grow with the square of the cloud (benchmarks/RESULTS.md).
 * Method: native/series/monotone_series.h, native/rips/rips_window.h; the pairing is that of the elder rule
 * (Edelsbrunner, Harer: Computational Topology, 2010, VII.1), equal values being ordered by arrival.
 *
 * @example
 * const persistence = new IncrementalPersistence({ filtration: 'sublevel', capacity: 100 })
 * persistence.addPoints([3, 1, 4, 2, 5])
 * console.log(persistence.diagram().toPairs().map(({ birth, death }) => [birth, death])) // [ [ 1, null ], [ 2, 4 ] ]
 * persistence.removePoint()
 * console.log(persistence.removePoint().removed()) // [ '0:1.0' ]
 * persistence.close()
 *
 * @example
 * const cloud = new IncrementalPersistence({ filtration: 'rips', dimension: 2, capacity: 100 })
 * const changes = cloud.addPoints([0, 0, 1, 0, 1, 1, 0, 1])
 * console.log(changes.added().map(({ dimension, birth, death }) => [dimension, birth, death]).at(-1)) // [ 1, 1, 1.4142135381698608 ]
 * cloud.close()
 */
export class IncrementalPersistence extends NativeResource {
  readonly capacity: number
  readonly dimension: number
  readonly #layout: ChangeLayout
  readonly #stream: StreamHandle
  readonly #engine: EngineHandle
  readonly #single = new Float64Array(1)
  #first = 0
  #next = 0

  /** @throws TdaError INVALID_ARGUMENT for a capacity that can never be right, MEMORY_LIMIT. */
  constructor(options: IncrementalPersistenceOptions) {
    super('persistence')
    requireFiltrationOptions(options, ['capacity', 'dimension'], 'IncrementalPersistence')
    this.capacity = options.capacity
    this.dimension = options.dimension ?? 1
    this.#layout = layoutOf(options.filtration)
    const addon = nativeAddon()
    const stream = addon.streamCreate({
      dimension: this.dimension,
      capacity: options.capacity,
      timestamps: false,
      logPositions: false
    })
    try {
      this.#engine = addon.engineCreate(stream, {
        ...nativeFiltration(options, this.dimension, options.capacity),
        window: { count: options.capacity },
        slide: { byHand: true },
        snapshotEvery: 0
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

  /** Points present now. */
  get size(): number {
    return this.#next - this.#first
  }

  /** Adds one point at the end; see {@link addPoints}. */
  addPoint(values: number | ArrayLike<number>): ChangeRows {
    if (typeof values === 'object') return this.addPoints(values)
    if (typeof values !== 'number' || this.dimension !== 1) return this.addPoints([values]) // says what is wrong
    this.#single[0] = values
    return this.#add(this.#single)
  }

  /**
   * Adds points at the end, all or none.
   *
   * @param values Row-major, `points x dimension`.
   * @returns What changed in the diagram, net.
   * @throws TdaError NON_FINITE_POINT (Rips: also a point without a direction, metrics cosine and correlation),
   * WRONG_DIMENSION, CAPACITY_EXCEEDED, DISTANCE_OVERFLOW (Rips: a point too large), INVALID_ARGUMENT for what is no list
   * of numbers; nothing was added.
   */
  addPoints(values: ArrayLike<number>): ChangeRows {
    return this.#add(toPointInput(values, null, (value) => `addPoint(${value})`).values)
  }

  /** Removes the oldest point; see {@link removePoints}. */
  removePoint(): ChangeRows {
    return this.removePoints(1)
  }

  /**
   * Removes the oldest `count` points. Series: amortised O(1), nothing is done per point.
   *
   * @returns What changed in the diagram, net.
   * @throws TdaError WINDOW_EMPTY when there are fewer, INVALID_ARGUMENT for what is no count; nothing was removed.
   */
  removePoints(count: number): ChangeRows {
    if (!Number.isInteger(count) || count < 0) {
      throw new TdaError('INVALID_ARGUMENT', `removePoints: expected a number of points, got ${count}`)
    }
    if (count > this.size) {
      throw new TdaError('WINDOW_EMPTY', `removePoints: ${count} points asked for, ${this.size} are present`)
    }
    return this.#update(this.#next, this.#first + count)
  }

  /** The present diagram, by dimension, then in the order of births. O(pairs). */
  diagram(): PairRows {
    return new PairRows(this.addon.engineDiagram(this.#engine), this.#layout)
  }

  #add(values: Float64Array): ChangeRows {
    const points = values.length / this.dimension
    if (this.size + points > this.capacity) {
      const what = `${this.size} of ${this.capacity} points are present, ${points} more do not fit`
      throw new TdaError('CAPACITY_EXCEEDED', `addPoints: ${what}; remove points first. Nothing was added`)
    }
    const next = namingNonFinite({ values, timestamps: null }, () =>
      this.addon.streamAppend(this.#stream, values, null, null, null)
    )
    return this.#update(next, this.#first)
  }

  #update(until: number, first: number): ChangeRows {
    const changes = this.addon.engineUpdate(this.#engine, until, first)
    this.#next = until
    this.#first = first
    return new ChangeRows(changes, this.#layout)
  }
}
