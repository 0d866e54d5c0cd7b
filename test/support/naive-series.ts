/** The dull twin: H0 persistence of a series straight from the definition, quadratic, no data structure. */

export interface NaivePair {
  /** Index of the minimum (superlevel: maximum) that gives birth. */
  readonly birth: number
  /** Index of the sample that kills; `null` for the essential class. */
  readonly death: number | null
}

/**
 * For each sample look left and right for the nearest one smaller in (value, index) and remember the largest on the
 * way. The smaller of the two largest kills; a side without a smaller sample kills nothing.
 */
export function naiveSeriesPairs(
  values: ArrayLike<number>,
  filtration: 'sublevel' | 'superlevel'
): NaivePair[] {
  const value = (at: number): number => values[at] ?? NaN
  const level = (at: number): number => (filtration === 'sublevel' ? value(at) : -value(at))
  const smaller = (a: number, b: number): boolean => level(a) < level(b) || (level(a) === level(b) && a < b)
  const pairs: NaivePair[] = []
  for (let birth = 0; birth < values.length; birth++) {
    let death: number | null = null
    for (const step of [-1, 1]) {
      let largest = birth
      for (let at = birth + step; at >= 0 && at < values.length; at += step) {
        if (smaller(at, birth)) {
          if (death === null || smaller(largest, death)) death = largest
          break
        }
        if (smaller(largest, at)) largest = at
      }
    }
    if (death === null || value(death) !== value(birth)) pairs.push({ birth, death })
  }
  return pairs
}
