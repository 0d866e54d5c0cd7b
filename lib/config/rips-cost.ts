/**
 * What a Rips scale costs, predicted before start: its memory is bounded, its time is a rough figure from measured ones.
 *
 *     memory   what native/rips/rips_window.h predicts for the cloud (quadratic in its points) + 1 KiB a point for rows
 *     time     of a point that enters while one leaves, and of its update, in microseconds for W points:
 *                components   3 + 0.03 W
 *                loops        0.4 W + 0.00015 W^2
 *                voids        the same + 0.022 W^3, once an update
 *
 * Fitted to windows of 100 to 2000 points (voids: 30 to 200) in R^3, uniform, embedding, circle and lattice, on one core
 * of the machine of benchmarks/RESULTS.md: components and loops within a factor of 2, voids of 3.
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
    pointMs: pointMicros(points, rips.maxDimension) / 1000
  }
}

function pointMicros(points: number, maxDimension: 0 | 1 | 2): number {
  if (maxDimension === 0) return 3 + 0.03 * points
  const loops = 0.4 * points + 0.00015 * points ** 2
  return maxDimension === 1 ? loops : loops + 0.022 * points ** 3
}
