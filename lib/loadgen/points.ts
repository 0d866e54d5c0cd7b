/**
 * The points of a load, stream by stream without end:
 *
 * - `uniform`: independent coordinates in [0, 1).
 * - `circle`, `torus`: noisy samples of these in the first two or three coordinates.
 * - `walk`: a random walk for each stream and channel.
 * - `sine`: waves of 1024 points with a tenth of noise; channel c runs c + 1 times as fast.
 * - `drift`: a noisy circle whose centre moves away by 0.001 a point, so that its window never rests.
 * - `regime`: 4096 points of `sine`, then 4096 of waves eight times as short, twice as high and 3 higher up, in turn.
 * - rows of a file: each stream plays them from the first, over and over.
 *
 * Memory: 8 bytes a stream, and 8 more a channel for `walk`. Cost: 50 to 200 ns a point.
 */
import type { LoadPlan } from './options.js'
import type { Random } from './random.js'
import { circlePoint, SINE_PERIOD, sineSample, torusPoint, walkStep } from './shapes.js'

const NOISE = 0.1
const DRIFT = 0.001
/** Points of a stream between two changes of regime. */
export const REGIME_POINTS = 4096

/** Writes the next point of a stream to `out`, which has a place for each channel. */
export type PointSource = (stream: number, out: Float64Array) => void

export function pointSource({ data, channels, streams }: LoadPlan, random: Random): PointSource {
  const dimension = channels.length
  const seen = new Float64Array(streams)
  if (typeof data !== 'string') {
    const rows = data.values.length / dimension
    return (stream, out) => {
      const row = seen[stream]!
      seen[stream] = row + 1 === rows ? 0 : row + 1
      for (let axis = 0; axis < dimension; axis++) out[axis] = data.values[row * dimension + axis]!
    }
  }
  switch (data) {
    case 'uniform':
      return (_, out) => {
        for (let axis = 0; axis < dimension; axis++) out[axis] = random()
      }
    case 'circle':
      return (_, out) => circlePoint(out, 0, dimension, random, NOISE)
    case 'torus':
      return (_, out) => torusPoint(out, 0, dimension, random, NOISE)
    case 'walk': {
      const heights = new Float64Array(streams * dimension)
      return (stream, out) => {
        const at = stream * dimension
        for (let axis = 0; axis < dimension; axis++) out[axis] = heights[at + axis]! += walkStep(random)
      }
    }
    case 'sine':
      return (stream, out) => {
        const i = seen[stream]!++
        for (let axis = 0; axis < dimension; axis++) out[axis] = sineSample(i * (axis + 1), random, NOISE)
      }
    case 'drift':
      return (stream, out) => {
        const i = seen[stream]!++
        circlePoint(out, 0, dimension, random, NOISE)
        out[0]! += DRIFT * i
      }
    case 'regime':
      return (stream, out) => {
        const i = seen[stream]!++
        const other = Math.floor(i / REGIME_POINTS) % 2 === 1
        for (let axis = 0; axis < dimension; axis++) {
          const sample = sineSample(i * (axis + 1), random, NOISE, other ? SINE_PERIOD / 8 : SINE_PERIOD)
          out[axis] = other ? 3 + 2 * sample : sample
        }
      }
  }
}
