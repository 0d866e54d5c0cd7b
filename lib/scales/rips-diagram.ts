/** What a batch computation found: views over its arrays, an object only for what is asked. */
import type { PersistencePair, PointNumber } from '../diagram.js'
import type { NativeBatchResult } from '../native.js'

const STRIDE = 8
const [DIMENSION, BIRTH, DEATH, BIRTH_BEGIN, DEATH_BEGIN] = [0, 1, 2, 3, 4]
const [COCYCLE_BEGIN, COCYCLE_END, COCYCLE_VERTICES_BEGIN] = [5, 6, 7]

/** One term of a representative cocycle: a coefficient from 1 to modulus - 1 of a simplex oriented by its vertices. */
export interface CocycleTerm {
  readonly coefficient: number
  /** Ascending point numbers, dimension + 1 of them. */
  readonly vertices: readonly number[]
}

/**
 * The persistence diagram of a whole cloud, by dimension. Pairs are numbered 0 to `length` - 1; points by their place in
 * the input, from 0. Reading a value is O(1), a simplex O(dimension). A number outside is a RangeError.
 * Source: native/rips/batch.h, by {@link ripsPersistence}.
 *
 * @example
 * const square = [0, 0, 1, 0, 1, 1, 0, 1]
 * const diagram = await ripsPersistence({ points: square, dimension: 2 }, { maxDimension: 1, representatives: true })
 * const loop = diagram.length - 1
 * console.log(diagram.dimension(loop), diagram.birthSimplex(loop), diagram.deathSimplex(loop).length) // 1 [ 0, 1 ] 3
 * console.log(diagram.representative(loop)[0].vertices) // [ 0, 1 ]
 */
export class RipsDiagram implements Iterable<PersistencePair> {
  /** Pairs, essential ones included; those of length zero are left out. */
  readonly length: number
  /** Where the computation stopped: the threshold asked for, or the enclosing radius, beyond which nothing changes. */
  readonly thresholdUsed: number
  readonly #result: NativeBatchResult

  /** Takes the arrays of `native/rips/batch.h` over. */
  constructor(result: NativeBatchResult) {
    this.#result = result
    this.length = result.pairs.length / STRIDE
    this.thresholdUsed = result.thresholdUsed
  }

  /** Homology dimension. */
  dimension(pair: number): number {
    return this.#field(pair, DIMENSION)
  }

  /** Length of the longest edge of the simplex that gives birth; 0 in dimension 0. */
  birth(pair: number): number {
    return this.#field(pair, BIRTH)
  }

  /** Infinity for a class that is alive at the threshold. */
  death(pair: number): number {
    return this.#field(pair, DEATH)
  }

  /** The simplex that gives birth: dimension + 1 ascending point numbers. */
  birthSimplex(pair: number): number[] {
    return this.#simplex(this.#result.vertices, this.#field(pair, BIRTH_BEGIN), this.dimension(pair) + 1)
  }

  /** The simplex that kills: dimension + 2 ascending point numbers; none for an essential class. */
  deathSimplex(pair: number): number[] {
    if (this.death(pair) === Infinity) return []
    return this.#simplex(this.#result.vertices, this.#field(pair, DEATH_BEGIN), this.dimension(pair) + 2)
  }

  /**
   * A cocycle that represents the class from its birth until its death, when `representatives` was asked for and the
   * dimension is 1 or higher; empty otherwise. The first term is the birth simplex. O(terms).
   */
  representative(pair: number): CocycleTerm[] {
    const { coefficients, cocycleVertices } = this.#result
    const begin = this.#field(pair, COCYCLE_BEGIN)
    const vertices = this.dimension(pair) + 1
    const first = this.#field(pair, COCYCLE_VERTICES_BEGIN)
    return Array.from({ length: this.#field(pair, COCYCLE_END) - begin }, (_, term) => ({
      coefficient: coefficients[begin + term]!,
      vertices: this.#simplex(cocycleVertices, first + term * vertices, vertices)
    }))
  }

  /** Pair `pair` as an object, points as `[number, 0]`. */
  pair(pair: number): PersistencePair {
    const birthSimplex = this.birthSimplex(pair)
    const death = this.death(pair)
    return {
      id: `${this.dimension(pair)}:${birthSimplex.map((point) => `${point}.0`).join('-')}`,
      dimension: this.dimension(pair),
      birth: this.birth(pair),
      death: death === Infinity ? null : death,
      birthPoints: birthSimplex.map(pointNumber),
      deathPoints: this.deathSimplex(pair).map(pointNumber)
    }
  }

  /** All pairs as objects. O(length). */
  toPairs(): PersistencePair[] {
    return [...this]
  }

  *[Symbol.iterator](): Iterator<PersistencePair> {
    for (let pair = 0; pair < this.length; pair++) yield this.pair(pair)
  }

  #simplex(from: Uint32Array, begin: number, count: number): number[] {
    return Array.from(from.subarray(begin, begin + count)).reverse()
  }

  #field(pair: number, field: number): number {
    const number = this.#result.pairs[pair * STRIDE + field]
    if (number === undefined) throw new RangeError(`no pair ${pair} among ${this.length}`)
    return number
  }
}

function pointNumber(point: number): PointNumber {
  return [point, 0]
}
