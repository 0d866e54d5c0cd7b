/**
 * The distances of native/rips/metric.h once more, one pair at a time. Every operation is an IEEE one in the same order, so
 * the stored numbers are the same bit for bit.
 */
import type { Metric } from '../native.js'

/** The coordinates that distances are formed of; `null` for a vector without a direction. */
export function prepared(
  point: ArrayLike<number>,
  metric: Metric,
  weights: ArrayLike<number> | null
): Float64Array | null {
  const vector = Float64Array.from(point, (value, axis) => value * (weights?.[axis] ?? 1))
  if (metric !== 'cosine' && metric !== 'correlation') return vector
  const size = largest(vector)
  if (metric === 'cosine') return unit(vector, 0)
  const mean = vector.reduce((sum, value) => sum + value / vector.length, 0)
  // What is left of a constant vector is the rounding of its mean.
  return unit(
    vector.map((value) => value - mean),
    size * vector.length * Number.EPSILON
  )
}

function largest(vector: Float64Array): number {
  return vector.reduce((size, value) => Math.max(size, Math.abs(value)), 0)
}

function unit(vector: Float64Array, floor: number): Float64Array | null {
  const size = largest(vector)
  if (!(size > floor)) return null
  const scaled = vector.map((value) => value / size)
  const length = Math.sqrt(scaled.reduce((sum, value) => sum + value * value, 0))
  return scaled.map((value) => value / length)
}

/** The distance of two prepared points, before it is rounded to float. */
export function distance(a: Float64Array, b: Float64Array, metric: Metric): number {
  let sum = 0
  for (let axis = 0; axis < a.length; axis++) {
    const delta = Math.abs(a[axis]! - b[axis]!)
    if (metric === 'manhattan') sum += delta
    else if (metric === 'chebyshev') sum = Math.max(sum, delta)
    else sum += delta * delta
  }
  if (metric === 'euclidean') return Math.sqrt(sum)
  return metric === 'cosine' || metric === 'correlation' ? sum / 2 : sum
}
