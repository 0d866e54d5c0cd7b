/**
 * From the engine's rows of numbers to typed pairs: the plain reading of `native/diagram/update.h`. The hot path makes
 * JSON of rows directly (`update-encoder.ts`) and is tested against this.
 */
import type { MovedPair, PersistencePair, PointNumber } from '../diagram.js'
import { changeStride, type ChangeLayout } from '../native.js'

/** The id of the pair in the row at `at`: `dimension:offset.index[-offset.index]`, from its birth simplex. */
export function pairId(rows: Float64Array, at: number, layout: ChangeLayout): string {
  const points = pointNumbers(rows, at + 4, layout.birthPoints)
  return `${rows[at + 1]}:${points.map(([offset, index]) => `${offset}.${index}`).join('-')}`
}

/** The pair in the row that starts at number `at`. */
export function pairAt(rows: Float64Array, at: number, layout: ChangeLayout): PersistencePair {
  return {
    id: pairId(rows, at, layout),
    dimension: rows[at + 1]!,
    birth: rows[at + 2]!,
    death: deathAt(rows, at),
    birthPoints: pointNumbers(rows, at + 4, layout.birthPoints),
    deathPoints: deathPointsAt(rows, at, layout)
  }
}

/** The same row as a pair that moved. */
export function movedAt(rows: Float64Array, at: number, layout: ChangeLayout): MovedPair {
  return {
    id: pairId(rows, at, layout),
    death: deathAt(rows, at),
    deathPoints: deathPointsAt(rows, at, layout)
  }
}

/** All rows as pairs, in their order. O(rows). */
export function pairsOf(rows: Float64Array, layout: ChangeLayout): PersistencePair[] {
  const stride = changeStride(layout)
  const pairs: PersistencePair[] = []
  for (let at = 0; at < rows.length; at += stride) pairs.push(pairAt(rows, at, layout))
  return pairs
}

function deathAt(rows: Float64Array, at: number): number | null {
  const death = rows[at + 3]!
  return death === Infinity ? null : death
}

function deathPointsAt(rows: Float64Array, at: number, layout: ChangeLayout): PointNumber[] {
  return pointNumbers(rows, at + 4 + 2 * layout.birthPoints, layout.deathPoints)
}

/** Points that do not exist have offset -1 and come last. */
function pointNumbers(rows: Float64Array, at: number, count: number): PointNumber[] {
  const points: PointNumber[] = []
  for (let p = 0; p < count && rows[at + 2 * p]! >= 0; p++)
    points.push([rows[at + 2 * p]!, rows[at + 2 * p + 1]!])
  return points
}
