/** Which delay embedding a scalar series asks for: the curves from the core, and the rules that read them. */
import { TdaError } from '../errors.js'
import { nativeAddon } from '../native.js'

/** Bounds of the search of {@link suggestEmbedding}. */
export interface EmbeddingOptions {
  /** Largest delay looked at, in samples. Default 100, or less where the series is short. */
  readonly delayMax?: number
  /** Largest dimension looked at, 1 to 32. Default 10, or less where the series is short. */
  readonly dimensionMax?: number
  /** Take this delay, in samples, instead of choosing one: 1 for a map. */
  readonly delay?: number
}

/** What speaks for and against one number of coordinates. */
export interface DimensionFigures {
  readonly dimension: number
  /** Share of points whose nearest neighbour is one only because coordinates are missing, 0 to 1. */
  readonly falseNeighbours: number
  /** Cao's E1: close to 1 where another coordinate changes nothing. */
  readonly e1: number
  /** Cao's E2: 1 in every dimension for noise. */
  readonly e2: number
}

/** A delay and a dimension, by which rules they were chosen, and the curves behind that. */
export interface EmbeddingSuggestion {
  /** Samples between two coordinates. */
  readonly delay: number
  /**
   * How it was chosen: the first minimum of the mutual information; where it has none, its fall below 1/e; where it does
   * not even do that, 1. Or it was given.
   */
  readonly delayRule: 'first-minimum' | 'one-over-e' | 'none' | 'given'
  /** Coordinates: the fewest with less than 1 % false neighbours, or, where no dimension has, those with the least. */
  readonly dimension: number
  readonly dimensionRule: 'false-neighbours' | 'least-false-neighbours'
  /** The fewest coordinates from which on E1 is within 0.1 of 1; `null` where it never settles. */
  readonly caoDimension: number | null
  /** In bits, for delay 0, 1, 2, ...; the bias of the estimate is subtracted. */
  readonly mutualInformation: Float64Array
  /** For 1, 2, ... coordinates. */
  readonly dimensions: readonly DimensionFigures[]
}

const DELAY_MAX = 100
const DIMENSION_MAX = 10
const POINTS_MIN = 20
const FALSE_SHARE_MAX = 0.01
const E1_TOLERANCE = 0.1
const FIGURES = 3

/**
 * Suggests a delay embedding of evenly spaced samples. Offline: it blocks for up to some seconds, on the newest
 * 100 000 samples and 1000 reference points. Methods: native/series/embedding.h (Fraser and Swinney 1986; Kennel, Brown
 * and Abarbanel 1992; Cao 1997).
 *
 * A minimum counts when nothing within a quarter of its delay is lower, so that the estimate's noise makes none. A purely
 * periodic series says the same at every delay: give a quarter of its period.
 *
 * @param values Samples in the order of time, finite, at least 24.
 * @throws TdaError INVALID_ARGUMENT for too few values or options out of range, NON_FINITE_POINT.
 *
 * @example
 * const wave = Float64Array.from({ length: 2000 }, (_, t) => Math.sin(t / 10))
 * const { dimension, caoDimension } = suggestEmbedding(wave, { delay: 16 })
 * console.log(dimension, caoDimension) // 2 2
 */
export function suggestEmbedding(
  values: ArrayLike<number>,
  options: EmbeddingOptions = {}
): EmbeddingSuggestion {
  const series = Float64Array.from(values)
  const addon = nativeAddon()
  const delayMax = options.delayMax ?? Math.max(1, Math.min(DELAY_MAX, Math.floor(series.length / 10)))
  const mutualInformation = addon.embeddingDelay(series, delayMax)
  const { delay, rule } = options.delay === undefined ? chooseDelay(mutualInformation) : given(options.delay)

  const fitting = Math.floor((series.length - POINTS_MIN) / delay) - 3
  if (fitting < 1) {
    throw new TdaError(
      'INVALID_ARGUMENT',
      `suggestEmbedding: ${series.length} values are too few for delay ${delay}; ${4 * delay + POINTS_MIN} are needed, or a smaller delayMax`
    )
  }
  const dimensionMax = options.dimensionMax ?? Math.min(DIMENSION_MAX, fitting)
  const rows = addon.embeddingDimension(series, delay, dimensionMax)
  const dimensions = Array.from({ length: dimensionMax }, (_, k) =>
    figures(k + 1, rows.subarray(FIGURES * k))
  )
  return { delay, delayRule: rule, ...chooseDimension(dimensions), mutualInformation, dimensions }
}

type Delay = { readonly delay: number; readonly rule: EmbeddingSuggestion['delayRule'] }

function given(delay: number): Delay {
  return { delay, rule: 'given' }
}

function chooseDelay(bits: Float64Array): Delay {
  for (let delay = 1; delay < bits.length; delay++) {
    const around = Math.max(1, Math.floor(delay / 4))
    if (delay + around >= bits.length) break
    const near = bits.subarray(Math.max(0, delay - around), delay + around + 1)
    if (bits[delay] === Math.min(...near)) return { delay, rule: 'first-minimum' }
  }
  const fallen = bits.findIndex((value, delay) => delay > 0 && value < bits[0]! / Math.E)
  return fallen > 0 ? { delay: fallen, rule: 'one-over-e' } : { delay: 1, rule: 'none' }
}

function chooseDimension(
  all: readonly DimensionFigures[]
): Pick<EmbeddingSuggestion, 'dimension' | 'dimensionRule' | 'caoDimension'> {
  const unfolded = all.find(({ falseNeighbours }) => falseNeighbours < FALSE_SHARE_MAX)
  const least = all.reduce((best, one) => (one.falseNeighbours < best.falseNeighbours ? one : best))
  const unsettled = all.findLastIndex(({ e1 }) => Math.abs(e1 - 1) > E1_TOLERANCE)
  return {
    dimension: (unfolded ?? least).dimension,
    dimensionRule: unfolded === undefined ? 'least-false-neighbours' : 'false-neighbours',
    caoDimension: all[unsettled + 1]?.dimension ?? null
  }
}

function figures(dimension: number, row: Float64Array): DimensionFigures {
  return { dimension, falseNeighbours: row[0]!, e1: row[1]!, e2: row[2]! }
}
