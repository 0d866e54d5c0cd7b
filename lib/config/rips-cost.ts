/**
 * What a Rips scale costs, predicted before start: its memory is bounded, its time is a rough figure from measured ones.
 *
 *     memory   what native/rips/rips_window.h predicts for the cloud (quadratic in its points) + 1 KiB a point for rows
 *     time     of a point that enters while one leaves, and of its update: 2 us x points + 1.5 ns x points^2 with loops,
 *              0.45 us x points for components alone. On the noisy circle in R^3 on one core of the machine of
 *              benchmarks/RESULTS.md; other clouds and machines differ, rarely by more than 3 x.
 */
import { nativeAddon, type NativeFiltration } from '../native.js'
import { cloudPointsMax, coordinatesOf } from '../scales/filtration.js'
import type { ScalePlan } from '../scales/scale-plan.js'

const ROWS_BYTES = 1024
const FIXED_BYTES = 4096

export interface RipsCost {
  /** Points of the cloud at once, with the one that enters. */
  readonly points: number
  readonly bytes: number
  /** Milliseconds for a point of the cloud with an update, roughly. */
  readonly pointMs: number
}

/** `null` for a scale that is no Rips scale. @throws TdaError ADDON_UNAVAILABLE. */
export function ripsCost({
  engine,
  windowPointsMax
}: Pick<ScalePlan, 'engine' | 'windowPointsMax'>): RipsCost | null {
  const filtration: NativeFiltration = engine
  if (filtration.filtration !== 'rips') return null
  const { rips } = filtration
  const points = cloudPointsMax(rips, windowPointsMax + 1)
  const native = nativeAddon().ripsPredictBytes(points, coordinatesOf(rips), rips.maxDimension)
  return {
    points,
    bytes: native + ROWS_BYTES * points + FIXED_BYTES,
    pointMs: (rips.maxDimension === 0 ? 0.45 * points : 2 * points + 0.0015 * points * points) / 1000
  }
}
