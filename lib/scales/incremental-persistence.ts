/** One persistence diagram under the caller's own additions and removals. */
import { TdaError } from '../errors.js'
import { type ChangeLayout, type EngineHandle, layoutOf, nativeAddon, type StreamHandle } from '../native.js'
import { ChangeRows, PairRows } from './diagram-rows.js'
import { type FiltrationOptions, nativeFiltration } from './filtration.js'
import { NativeResource } from './native-resource.js'
import { requireFiltrationOptions } from './options.js'
import { namingNonFinite, toPointInput } from './point-rows.js'

/** What is computed of the points, and how many there may be. */
export type IncrementalPersistenceOptions = FiltrationOptions & {
  /**
   * The most points there may be at once, up to 2^30; for Rips, up to 32 767 points of the cloud. A point that was
   * removed from between others counts until it is the oldest.
   */
  readonly capacity: number
  /** Channels of a point, 1 to 4096. Default 1. */
  readonly dimension?: number
}

/**
 * The exact persistence of a scalar series (H0) or of a point cloud (Rips, H0, H1 and on request H2): points enter at the
 * end and leave at the beginning, in a cloud of samples also anywhere, and each call returns what it changed. A point is
 * named by its arrival number, 0, 1, 2, ..., for good. Not for use by several threads at once.
 *
 * Cost, series: amortised O(1) a point plus O(changes); at most about 40 bytes a point of capacity in use. Cost, Rips:
 * time and memory grow with the square of the cloud (benchmarks/RESULTS.md). The order of arrival is what makes that
 * fast: {@link movePoint}, and {@link removePoint} of another than the oldest, cost ten to a hundred times as much.
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
 * console.log(cloud.movePoint(3, [5, 1]).removed()) // [ '1:2.0-3.0' ]
 * console.log(cloud.removePoint(1).removed(), cloud.size) // [ '0:1.0' ] 3
 * cloud.close()
 */
export class IncrementalPersistence extends NativeResource {
  readonly capacity: number
  readonly dimension: number
  readonly #layout: ChangeLayout
  readonly #correctable: boolean
  readonly #stream: StreamHandle
  readonly #engine: EngineHandle
  readonly #single = new Float64Array(1)
  #first = 0
  #next = 0
  /** Points in (#first, #next) that were removed. */
  readonly #gaps = new Set<number>()

  /** @throws TdaError INVALID_ARGUMENT for a capacity that can never be right, MEMORY_LIMIT. */
  constructor(options: IncrementalPersistenceOptions) {
    super('persistence')
    requireFiltrationOptions(options, ['capacity', 'dimension'], 'IncrementalPersistence')
    this.capacity = options.capacity
    this.dimension = options.dimension ?? 1
    this.#layout = layoutOf(options.filtration)
    this.#correctable = options.filtration === 'rips' && options.embedding === undefined
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
    return this.#next - this.#first - this.#gaps.size
  }

  /** The number that the next point gets. */
  get nextPoint(): number {
    return this.#next
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

  /**
   * Removes a point, the oldest one unless its number is given; the others keep their numbers.
   *
   * @returns What changed in the diagram, net.
   * @throws TdaError WINDOW_EMPTY when there is none, POINT_NOT_RETAINED for a number that is not present,
   * INVALID_ARGUMENT for what is no number, and for another than the oldest point of a series or of a delay embedding;
   * nothing was removed.
   */
  removePoint(number?: number): ChangeRows {
    if (number === undefined) return this.removePoints(1)
    this.#requirePoint('removePoint', number)
    if (number === this.#first && this.size > 0) return this.removePoints(1)
    this.#requireCloud('removePoint')
    if (this.#gaps.has(number)) {
      throw new TdaError('POINT_NOT_RETAINED', `removePoint: point ${number} was removed already`)
    }
    const changes = this.addon.engineRemove(this.#engine, number)
    this.#gaps.add(number)
    return new ChangeRows(changes, this.#layout)
  }

  /**
   * Gives a point of a cloud other coordinates; its number and its place among the others stay. A point that was removed
   * from between others comes back by this, for as long as an older one is present.
   *
   * @param values One number a channel.
   * @returns What changed in the diagram, net. A pair whose birth has another value is removed and added, under one id.
   * @throws TdaError POINT_NOT_RETAINED for a number that has no place, WRONG_DIMENSION, NON_FINITE_POINT,
   * DISTANCE_OVERFLOW, INVALID_ARGUMENT for a series or a delay embedding; nothing was moved.
   */
  movePoint(number: number, values: ArrayLike<number>): ChangeRows {
    this.#requirePoint('movePoint', number)
    this.#requireCloud('movePoint')
    const input = toPointInput(values, null, (value) => `movePoint(${number}, [${value}])`)
    const changes = namingNonFinite(input, () => this.addon.engineMove(this.#engine, number, input.values))
    this.#gaps.delete(number)
    return new ChangeRows(changes, this.#layout)
  }

  /**
   * Removes the oldest `count` points. Series: amortised O(1), little is done per point.
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
    return this.#update(this.#next, this.#after(count))
  }

  /** The present diagram, by dimension, then in the order of births. O(pairs). */
  diagram(): PairRows {
    return new PairRows(this.addon.engineDiagram(this.#engine), this.#layout)
  }

  #add(values: Float64Array): ChangeRows {
    const points = values.length / this.dimension
    if (this.#next - this.#first + points > this.capacity) {
      const removed = this.#gaps.size === 0 ? '' : ` and ${this.#gaps.size} removed between them`
      const what = `${this.size} of ${this.capacity} points are present${removed}, ${points} more do not fit`
      const how = removed === '' ? 'remove points first' : 'remove the oldest first, or move a removed one'
      throw new TdaError('CAPACITY_EXCEEDED', `addPoints: ${what}; ${how}. Nothing was added`)
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

  /** Where the window begins once its oldest `count` points are gone; forgets the gaps before that. */
  #after(count: number): number {
    if (this.#gaps.size === 0) return this.#first + count
    let first = this.#first
    for (let left = count; left > 0 || this.#gaps.has(first); first++) {
      if (!this.#gaps.delete(first)) left -= 1
    }
    return first
  }

  #requirePoint(call: string, number: number): void {
    if (!Number.isSafeInteger(number) || number < 0) {
      throw new TdaError('INVALID_ARGUMENT', `${call}: expected the number of a point, got ${String(number)}`)
    }
    if (number >= this.#first && number < this.#next) return
    const present = this.size === 0 ? 'none is present' : `those from ${this.#first} to ${this.#next - 1} are`
    throw new TdaError('POINT_NOT_RETAINED', `${call}: point ${number} is not present; ${present}`)
  }

  #requireCloud(call: string): void {
    if (this.#correctable) return
    const what = 'only a Rips cloud without an embedding can lose or move any point'
    throw new TdaError('INVALID_ARGUMENT', `${call}: ${what}; here the oldest one leaves: removePoint()`)
  }
}
