/** Which stream an event belongs to: each in turn, or by Zipf's law. */
import type { Random } from './random.js'

/**
 * A chooser of stream numbers from 0 to `streams` - 1. With a skew s, stream k comes with probability proportional to
 * 1 / (k + 1)^s, by Vose's alias method: O(streams) to make, O(1) to ask.
 */
export function streamChooser(streams: number, skew: number, random: Random): () => number {
  if (streams === 1) return () => 0
  if (skew === 0) {
    let next = 0
    return () => {
      const chosen = next
      next = next + 1 === streams ? 0 : next + 1
      return chosen
    }
  }
  const { keep, other } = aliasTable(Float64Array.from({ length: streams }, (_, k) => (k + 1) ** -skew))
  return () => {
    const slot = Math.floor(random() * streams)
    return random() < keep[slot]! ? slot : other[slot]!
  }
}

/** Slot k is k with probability keep[k], else other[k]. */
function aliasTable(weights: Float64Array): { keep: Float64Array; other: Uint32Array } {
  const count = weights.length
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / count
  const keep = weights.map((weight) => weight / mean)
  const other = Uint32Array.from(keep.keys())
  const small: number[] = []
  const large: number[] = []
  keep.forEach((share, slot) => (share < 1 ? small : large).push(slot))
  while (small.length > 0 && large.length > 0) {
    const poor = small.pop()!
    const rich = large.at(-1)!
    other[poor] = rich
    keep[rich]! -= 1 - keep[poor]!
    if (keep[rich]! >= 1) continue
    large.pop()
    small.push(rich)
  }
  for (const slot of [...small, ...large]) keep[slot] = 1 // what rounding left over
  return { keep, other }
}
