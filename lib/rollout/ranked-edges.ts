/** All edges of a cloud, by rank. */
import { endianness } from 'node:os'
import type { Metric } from '../native.js'
import { distance } from './plain-metric.js'

const LITTLE_ENDIAN = endianness() === 'LE'
const [LOW_WORD, HIGH_WORD] = LITTLE_ENDIAN ? [0, 4] : [4, 0]

/**
 * The edges of a cloud in the order of the engines: by (stored length, younger end, older end). The batch computation
 * orders edges of one length otherwise; given ranks 1, 2, ... instead of lengths, it has no choice, and triangles with one
 * longest edge it orders as the engines do. So all simplices of all pairs can be compared.
 */
export class RankedEdges {
  /** Of the edge at each place in the order. */
  readonly #lengths: Float32Array
  /** Number of the edge at each place: i (i - 1) / 2 + j for the points i > j. */
  readonly #edges: Uint32Array

  constructor(points: readonly Float64Array[], metric: Metric) {
    const count = (points.length * (points.length - 1)) / 2
    // As 64-bit integers, the bits of the length over the number of the edge, keys are in the order wanted.
    const keys = new BigUint64Array(count)
    const words = new DataView(keys.buffer)
    let edge = 0
    points.forEach((younger, i) => {
      for (let j = 0; j < i; j++, edge++) {
        words.setUint32(8 * edge + LOW_WORD, edge, LITTLE_ENDIAN)
        words.setFloat32(8 * edge + HIGH_WORD, distance(younger, points[j]!, metric), LITTLE_ENDIAN)
      }
    })
    keys.sort()
    this.#edges = Uint32Array.from({ length: count }, (_, at) =>
      words.getUint32(8 * at + LOW_WORD, LITTLE_ENDIAN)
    )
    this.#lengths = Float32Array.from({ length: count }, (_, at) =>
      words.getFloat32(8 * at + HIGH_WORD, LITTLE_ENDIAN)
    )
  }

  /** The rank of each edge, from 1, as a lower triangle. */
  ranks(): Float64Array {
    const ranks = new Float64Array(this.#edges.length)
    this.#edges.forEach((edge, at) => (ranks[edge] = at + 1))
    return ranks
  }

  /** The length behind a rank; 0 has length 0, Infinity is Infinity. */
  length(rank: number): number {
    return rank === 0 || rank === Infinity ? rank : this.#lengths[rank - 1]!
  }

  countWithin(threshold: number): number {
    const beyond = this.#lengths.findIndex((length) => length > threshold)
    return beyond < 0 ? this.#lengths.length : beyond
  }
}
