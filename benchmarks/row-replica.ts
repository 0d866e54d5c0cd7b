/**
 * The dull twin of the engine's updates: a map of pairs to which change rows are applied one by one, compared with the
 * batch computation of the window. Rows as in native/diagram/update.h, of a series (one birth point, one death point).
 */
import { CHANGE_KIND, changeStride, nativeAddon, SERIES_LAYOUT } from '../lib/native.js'
import { BenchmarkMismatch } from './report.js'

const STRIDE = changeStride(SERIES_LAYOUT)
const [KIND, BIRTH, DEATH, BIRTH_POINT, DEATH_POINT] = [0, 2, 3, 4, 6]

interface RowPair {
  readonly birth: number
  readonly death: number
  readonly deathPoint: number
}

/** Pairs by the arrival number of their birth point. */
export type RowDiagram = Map<number, RowPair>

export function applyRows(diagram: RowDiagram, rows: Float64Array): void {
  for (let row = 0; row < rows.length; row += STRIDE) {
    const point = rows[row + BIRTH_POINT]!
    const known = diagram.has(point)
    const kind = rows[row + KIND]!
    if (known === (kind === CHANGE_KIND.added)) {
      throw new BenchmarkMismatch(
        `change ${row / STRIDE} of kind ${kind} does not fit: pair ${point} is ${known ? '' : 'not '}there`
      )
    }
    if (kind === CHANGE_KIND.removed) diagram.delete(point)
    else {
      diagram.set(point, {
        birth: rows[row + BIRTH]!,
        death: rows[row + DEATH]!,
        deathPoint: rows[row + DEATH_POINT]!
      })
    }
  }
}

/** Throws unless `diagram` is exactly that of `window`, the points from arrival number `first` on. O(n log n). */
export function expectBatch(diagram: RowDiagram, window: Float64Array, first: number, what: string): void {
  const batch = nativeAddon().seriesBatchDiagram(window, 'sublevel')
  if (batch.length / STRIDE !== diagram.size) {
    throw new BenchmarkMismatch(
      `${what}: ${diagram.size} pairs, the batch computation has ${batch.length / STRIDE}`
    )
  }
  for (let row = 0; row < batch.length; row += STRIDE) {
    const found = diagram.get(batch[row + BIRTH_POINT]! + first)
    const essential = batch[row + DEATH] === Infinity
    const deathPoint = essential ? batch[row + DEATH_POINT]! : batch[row + DEATH_POINT]! + first
    const equal =
      found?.birth === batch[row + BIRTH] &&
      found?.death === batch[row + DEATH] &&
      found?.deathPoint === deathPoint
    if (!equal)
      throw new BenchmarkMismatch(
        `${what}: pair born at point ${batch[row + BIRTH_POINT]! + first} differs from batch`
      )
  }
}

/** (birth, death) of each row, by birth. */
export function pairValues(rows: Float64Array): Float64Array {
  const pairs = Array.from(
    { length: rows.length / STRIDE },
    (_, row) => [rows[row * STRIDE + BIRTH]!, rows[row * STRIDE + DEATH]!] as const
  )
  return Float64Array.from(pairs.sort(([a], [b]) => a - b).flat())
}
