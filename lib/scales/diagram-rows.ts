/**
 * Diagrams and their changes as the engines give them: views over typed arrays (native/diagram/update.h), without an
 * object per pair unless one is asked for.
 */
import type { MovedPair, PersistencePair, PointNumber } from '../diagram.js'
import { type CHANGE_KIND, changeStride, type ChangeLayout, SERIES_LAYOUT } from '../native.js'

/** What can happen to a pair between two updates. */
export type ChangeKindName = keyof typeof CHANGE_KIND
const KIND_NAMES: readonly ChangeKindName[] = ['removed', 'added', 'moved']

/**
 * Rows of pairs. Values are read in O(1); {@link pair} builds an object.
 *
 * @example
 * const persistence = new IncrementalPersistence({ filtration: 'sublevel', capacity: 10 })
 * persistence.addPoints([3, 1, 4, 2])
 * const diagram = persistence.diagram()
 * console.log(diagram.length, diagram.pair(1).birth, diagram.pair(1).death) // 2 2 4
 * persistence.close()
 */
export class PairRows implements Iterable<PersistencePair> {
  /** `length x stride` numbers: kind, dimension, birth, death, then (offset, index) per birth and death point. */
  readonly rows: Float64Array
  readonly layout: ChangeLayout
  /** Numbers in a row. */
  readonly stride: number
  /** Number of rows. */
  readonly length: number

  constructor(rows: Float64Array, layout: ChangeLayout = SERIES_LAYOUT) {
    this.rows = rows
    this.layout = layout
    this.stride = changeStride(layout)
    this.length = rows.length / this.stride
  }

  /** Homology dimension of the pair in row `index`. */
  dimension(index: number): number {
    return this.#number(index, 1)
  }

  /** Birth value of the pair in row `index`. */
  birth(index: number): number {
    return this.#number(index, 2)
  }

  /** Death value of the pair in row `index`; Infinity for an essential class. */
  death(index: number): number {
    return this.#number(index, 3)
  }

  /** Vertices of the simplex that gives birth to the pair in row `index`. */
  birthPoints(index: number): PointNumber[] {
    return this.#points(index, 4, this.layout.birthPoints)
  }

  /** Vertices of the simplex that kills the pair in row `index`; empty for an essential class. */
  deathPoints(index: number): PointNumber[] {
    return this.#points(index, 4 + 2 * this.layout.birthPoints, this.layout.deathPoints)
  }

  /** The stable id of the pair in row `index`: `dimension:offset.index[-offset.index]` of its birth simplex. */
  id(index: number): string {
    const points = this.birthPoints(index).map(([offset, part]) => `${offset}.${part}`)
    return `${this.dimension(index)}:${points.join('-')}`
  }

  /** Row `index` as an object. */
  pair(index: number): PersistencePair {
    const death = this.death(index)
    return {
      id: this.id(index),
      dimension: this.dimension(index),
      birth: this.birth(index),
      death: death === Infinity ? null : death,
      birthPoints: this.birthPoints(index),
      deathPoints: this.deathPoints(index)
    }
  }

  /** All rows as objects. O(length). */
  toPairs(): PersistencePair[] {
    return [...this]
  }

  *[Symbol.iterator](): Iterator<PersistencePair> {
    for (let index = 0; index < this.length; index++) yield this.pair(index)
  }

  #points(index: number, at: number, count: number): PointNumber[] {
    const points: PointNumber[] = []
    for (let point = 0; point < count; point++) {
      const offset = this.#number(index, at + 2 * point)
      if (offset !== -1) points.push([offset, this.#number(index, at + 2 * point + 1)])
    }
    return points
  }

  #number(index: number, field: number): number {
    const number = this.rows[index * this.stride + field]
    if (number === undefined) throw new RangeError(`no row ${index} among ${this.length}`)
    return number
  }
}

/**
 * What changed between two diagrams, net, in the order of births within a dimension. A removed row shows the pair as it
 * was last reported, an added or moved one as it is now.
 *
 * @example
 * const persistence = new IncrementalPersistence({ filtration: 'sublevel', capacity: 10 })
 * persistence.addPoints([3, 1, 4, 2])
 * const changes = persistence.addPoint(0)
 * console.log(changes.added().map(({ id }) => id), changes.moved().map(({ id }) => id)) // [ '0:4.0' ] [ '0:1.0' ]
 * persistence.close()
 */
export class ChangeRows extends PairRows {
  /** What happened to the pair in row `index`. */
  kind(index: number): ChangeKindName {
    const kind = KIND_NAMES[this.rows[index * this.stride] ?? -1]
    if (kind === undefined) throw new RangeError(`no row ${index} among ${this.length}`)
    return kind
  }

  /** Ids of the pairs that are gone. O(length). */
  removed(): string[] {
    return this.#ofKind('removed').map((index) => this.id(index))
  }

  /** Pairs that are new. O(length). */
  added(): PersistencePair[] {
    return this.#ofKind('added').map((index) => this.pair(index))
  }

  /** Pairs that kept their birth and got another death. O(length). */
  moved(): MovedPair[] {
    return this.#ofKind('moved').map((index) => {
      const { id, death, deathPoints } = this.pair(index)
      return { id, death, deathPoints }
    })
  }

  #ofKind(kind: ChangeKindName): number[] {
    const indices: number[] = []
    for (let index = 0; index < this.length; index++) if (this.kind(index) === kind) indices.push(index)
    return indices
  }
}
