/** Signals and clouds one sample at a time: what the load generator sends and the benchmarks run on. */
import { normal, type Random } from './random.js'

/** Samples in a wave of {@link sineSample}. */
export const SINE_PERIOD = 1024

/** Sample `i` of a sine with noise, like a machine's vibration; `noise` is the width of the uniform noise. */
export function sineSample(i: number, random: Random, noise = 0.1, period = SINE_PERIOD): number {
  return Math.sin((2 * Math.PI * i) / period) + noise * (random() - 0.5)
}

/** A step of a random walk. */
export function walkStep(random: Random): number {
  return random() - 0.5
}

/** A point near the unit circle of the first two coordinates; every coordinate gets normal noise. */
export function circlePoint(
  out: Float64Array,
  at: number,
  dimension: number,
  random: Random,
  noise = 0.1
): void {
  const angle = 2 * Math.PI * random()
  out.fill(0, at, at + dimension)
  out[at] = Math.cos(angle)
  if (dimension > 1) out[at + 1] = Math.sin(angle)
  for (let axis = 0; axis < dimension; axis++) out[at + axis]! += noise * normal(random)
}

/** A point near a torus of radii 1 and 0.4 in the first three coordinates; every coordinate gets normal noise. */
export function torusPoint(
  out: Float64Array,
  at: number,
  dimension: number,
  random: Random,
  noise: number
): void {
  const around = 2 * Math.PI * random()
  const through = 2 * Math.PI * random()
  const radius = 1 + 0.4 * Math.cos(through)
  out.fill(0, at, at + dimension)
  out[at] = radius * Math.cos(around)
  if (dimension > 1) out[at + 1] = radius * Math.sin(around)
  if (dimension > 2) out[at + 2] = 0.4 * Math.sin(through)
  for (let axis = 0; axis < dimension; axis++) out[at + axis]! += noise * normal(random)
}
