/** One persistence diagram under the caller's own additions and removals. */
import { TdaError } from '../errors.js'
import { type EngineHandle, nativeAddon, type StreamHandle } from '../native.js'
import { ChangeRows, PairRows } from './diagram-rows.js'
import { NativeResource } from './native-resource.js'
import { toFloat64Array } from './point-rows.js'

/** Which level sets grow: {f <= t} with rising t, or {f >= t} with falling t. */
export type SeriesFiltration = 'sublevel' | 'superlevel'

export interface IncrementalPersistenceOptions {
  readonly filtration: SeriesFiltration
  /** The most points there may be at once, up to 2^30. */
  readonly capacity: number
}

/**
 * The exact H0 persistence of a scalar series: points enter at the end and leave at the beginning, and each call
 * returns what it changed. Amortised O(1) a point plus O(changes); at most about 40 bytes a point of capacity in use.
 * A point is named by its arrival number. Not for use by several threads at once.
 *
 * Method: native/series/monotone_series.h; the pairing is that of the elder rule (Edelsbrunner, Harer: Computational
 * Topology, 2010, VII.1), equal values being ordered by arrival.
 *
 * @example
 * const persistence = new IncrementalPersistence({ filtration: 'sublevel', capacity: 100 })
 * persistence.addPoints([3, 1, 4, 2, 5])
 * console.log(persistence.diagram().toPairs().map(({ birth, death }) => [birth, death])) // [ [ 1, null ], [ 2, 4 ] ]
 * persistence.removePoint()
 * console.log(persistence.removePoint().removed()) // [ '0:1.0' ]
 * persistence.close()
 */
export class IncrementalPersistence extends NativeResource {
  readonly capacity: number
  readonly #addon = nativeAddon()
  readonly #stream: StreamHandle
  readonly #engine: EngineHandle
  readonly #single = new Float64Array(1)
  #first = 0
  #next = 0

  /** @throws TdaError INVALID_ARGUMENT for a capacity that can never be right, MEMORY_LIMIT. */
  constructor(options: IncrementalPersistenceOptions) {
    super()
    this.capacity = options.capacity
    const addon = this.#addon
    const stream = addon.streamCreate({
      dimension: 1,
      capacity: options.capacity,
      timestamps: false,
      logPositions: false
    })
    try {
      this.#engine = addon.engineCreate(stream, {
        filtration: options.filtration,
        channel: 0,
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
  addPoint(value: number): ChangeRows {
    if (typeof value !== 'number') return this.addPoints([value]) // says what is wrong
    this.#single[0] = value
    return this.#add(this.#single)
  }

  /**
   * Adds points at the end, all or none. Amortised O(1) a point.
   *
   * @returns What changed in the diagram, net.
   * @throws TdaError NON_FINITE_POINT, CAPACITY_EXCEEDED, INVALID_ARGUMENT for what is no list of numbers; nothing was
   * added.
   */
  addPoints(values: ArrayLike<number>): ChangeRows {
    return this.#add(toFloat64Array(values, 'addPoints'))
  }

  /** Removes the oldest point; see {@link removePoints}. */
  removePoint(): ChangeRows {
    return this.removePoints(1)
  }

  /**
   * Removes the oldest `count` points. Amortised O(1), nothing is done per point.
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

  /** The present diagram: H0 pairs in the order of births. O(pairs). */
  diagram(): PairRows {
    return new PairRows(this.#addon.engineDiagram(this.#engine))
  }

  #add(values: Float64Array): ChangeRows {
    if (this.size + values.length > this.capacity) {
      const what = `${this.size} of ${this.capacity} points are present, ${values.length} more do not fit`
      throw new TdaError('CAPACITY_EXCEEDED', `addPoints: ${what}; remove points first. Nothing was added`)
    }
    return this.#update(this.#addon.streamAppend(this.#stream, values, null, null, null), this.#first)
  }

  #update(until: number, first: number): ChangeRows {
    const changes = this.#addon.engineUpdate(this.#engine, until, first)
    this.#next = until
    this.#first = first
    return new ChangeRows(changes)
  }
}
