/** Diagrams as others publish them, and their comparison with ours. */
import { expect } from '@jest/globals'
import { readFileSync } from 'node:fs'

export type Bar = readonly [birth: number, death: number]

/** GUDHI's `p dimension birth death`: bars of one dimension and of positive length. */
export function gudhiBars(path: string, dimension: number): Bar[] {
  const rows = readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  return rows
    .filter((row) => row.length === 4 && Number(row[1]) === dimension && row[2] !== row[3])
    .map(([, , birth, death]) => [Number(birth), death === 'inf' ? Infinity : Number(death)])
}

/** Each bar against the nearest published one that is left; six significant digits are printed. */
export function expectPublished(found: readonly Bar[], published: readonly Bar[]): void {
  const left = [...published]
  const apart = (a: number, b: number): number => (a === b ? 0 : Math.abs(a - b))
  for (const [birth, death] of found) {
    const distances = left.map(([b, d]) => Math.max(apart(birth, b), apart(death, d)))
    const nearest = Math.min(...distances)
    expect([birth, death, nearest < 1e-5]).toEqual([birth, death, true])
    left.splice(distances.indexOf(nearest), 1)
  }
  expect(left).toEqual([])
}
