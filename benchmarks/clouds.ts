/**
 * The point clouds the Rips benchmarks slide over, all from one fixed seed:
 *
 * - `uniform`: in the unit cube.
 * - `embedding`: two incommensurate sines with noise, delay 12, one sample a point; a loop that drifts through the cube.
 * - `circle`: a noisy circle of radius 1 in the first two coordinates; one large loop, the hardest for cohomology.
 * - `lattice`: integer points of a grid of 4 per axis in random order; nothing but ties and duplicates.
 */
import { normal, uniform } from '../lib/loadgen/random.js'
import { circlePoint } from '../lib/loadgen/shapes.js'

export const CLOUDS = ['uniform', 'embedding', 'circle', 'lattice'] as const
export type CloudName = (typeof CLOUDS)[number]

const SEED = 0x51ab0b5
const DELAY = 12
const LATTICE_SIDE = 4

/** `count` points of `dimension` coordinates, point by point. Starts with the same points for every count. */
export function cloud(name: CloudName, dimension: number, count: number): Float64Array {
  const random = uniform(SEED)
  const points = new Float64Array(count * dimension)
  switch (name) {
    case 'uniform':
      return points.map(() => random())
    case 'lattice':
      return points.map(() => Math.floor(LATTICE_SIDE * random()))
    case 'circle':
      for (let at = 0; at < points.length; at += dimension) circlePoint(points, at, dimension, random)
      return points
    case 'embedding': {
      const samples = Float64Array.from({ length: count + DELAY * dimension }, (_, t) => {
        return Math.sin(0.1 * t) + 0.6 * Math.sin(0.1 * Math.SQRT2 * t) + 0.05 * normal(random)
      })
      return points.map((_, at) => {
        const newest = Math.floor(at / dimension) + DELAY * dimension
        return samples[newest - DELAY * (at % dimension)]!
      })
    }
  }
}
