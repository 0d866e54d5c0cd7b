/**
 * The series the benchmarks run on, all from one fixed seed. They repeat without a jump, so that a run of any length can
 * go round in one array.
 *
 * - `walk`: a random walk tied down at both ends; long bars, monotone stretches.
 * - `noise`: independent uniform values; a third of the points are minima, most bars die at once: the most changes.
 * - `sine`: sine waves of 1024 points with a tenth of noise, like a machine's vibration.
 */
export const SERIES_CASES = ['walk', 'noise', 'sine'] as const
export type SeriesCase = (typeof SERIES_CASES)[number]

const SEED = 0x9e3779b9
const SINE_PERIOD = 1024

/** `length` values, a multiple of 1024. */
export function series(name: SeriesCase, length: number): Float64Array {
  const random = uniform(SEED)
  const values = new Float64Array(length)
  switch (name) {
    case 'noise':
      return values.map(() => random())
    case 'sine':
      return values.map((_, i) => Math.sin((2 * Math.PI * i) / SINE_PERIOD) + 0.1 * (random() - 0.5))
    case 'walk': {
      let height = 0
      for (let i = 0; i < length; i++) values[i] = height += random() - 0.5
      return values.map((value, i) => value - (height * (i + 1)) / length)
    }
  }
}

/** Uniform in [0, 1): 32 bits of a Weyl sequence through the finaliser of MurmurHash3 (public domain). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32
  }
}
