/**
 * The series the benchmarks run on, all from one fixed seed. They repeat without a jump, so that a run of any length can
 * go round in one array.
 *
 * - `walk`: a random walk tied down at both ends; long bars, monotone stretches.
 * - `noise`: independent uniform values; a third of the points are minima, most bars die at once: the most changes.
 * - `sine`: sine waves of 1024 points with a tenth of noise, like a machine's vibration.
 */
import { uniform } from '../lib/loadgen/random.js'
import { sineSample, walkStep } from '../lib/loadgen/shapes.js'

export const SERIES_CASES = ['walk', 'noise', 'sine'] as const
export type SeriesCase = (typeof SERIES_CASES)[number]

const SEED = 0x9e3779b9

/** `length` values, a multiple of 1024. */
export function series(name: SeriesCase, length: number): Float64Array {
  const random = uniform(SEED)
  const values = new Float64Array(length)
  switch (name) {
    case 'noise':
      return values.map(() => random())
    case 'sine':
      return values.map((_, i) => sineSample(i, random))
    case 'walk': {
      let height = 0
      for (let i = 0; i < length; i++) values[i] = height += walkStep(random)
      return values.map((value, i) => value - (height * (i + 1)) / length)
    }
  }
}
