/** Every window of a CSV file checked: which series and scales that means, and the sum of what was found. */
import type { FileSeries } from '../adapters/csv-series.js'
import type { RejectReason } from '../adapters/decoder.js'
import type { Config } from '../config/schema.js'
import { TdaError } from '../errors.js'
import type { NativeAddon, NativeRips, NativeWindow } from '../native.js'
import { misfitReason } from '../scales/misfits.js'
import { scaleFiltration } from '../scales/scale-plan.js'
import { expectedWindows } from './expected-windows.js'
import { misfitPoints } from './misfit-points.js'
import { checkWindows, type CheckResult, type ScaleToCheck } from './window-check.js'

/**
 * The scales of a configuration with a window at every `every`-th point, so that windows between two updates are checked
 * as well; a scale with a slide by duration is checked at its boundaries besides.
 */
export function scalesToCheck(config: Config, every: number): ScaleToCheck[] {
  return config.scales.flatMap((scale): ScaleToCheck[] => {
    const common = {
      name: scale.name,
      ...scaleFiltration(scale, config.input.channels),
      window: scale.window,
      snapshotEvery: config.publish.snapshotEvery,
      maxBytes: config.publish.maxBytes
    }
    const byCount = { ...common, slide: { count: every } }
    return 'count' in scale.slide
      ? [byCount]
      : [byCount, { ...common, slide: { everyMs: scale.slide.spanMs } }]
  })
}

/** Whether some window or slide is a duration, so that points whose timestamp goes back are set aside. */
export function needsOrder(config: Config): boolean {
  return config.scales.some(({ window, slide }) => 'spanMs' in window || 'spanMs' in slide)
}

/** The series without the points whose timestamp goes back, and how many those are. O(points). */
export function inOrder(series: FileSeries): Kept {
  const { count, timestamps } = series
  if (timestamps === null) return { series, dropped: 0 }
  const kept: number[] = []
  let newest = -Infinity
  for (let point = 0; point < count; point++) {
    if (timestamps[point]! < newest) continue
    newest = timestamps[point]!
    kept.push(point)
  }
  return only(series, kept)
}

/** The series without the points that a Rips scale refuses, and how many those are, by reason. O(values x scales). */
export function fitting(
  addon: NativeAddon,
  series: FileSeries,
  config: Config
): { readonly series: FileSeries; readonly rejected: ReadonlyMap<RejectReason, number> } {
  const scales = config.scales.flatMap((scale): NativeRips[] => {
    const filtration = scaleFiltration(scale, config.input.channels)
    return filtration.filtration === 'rips' ? [filtration.rips] : []
  })
  const rejected = new Map<RejectReason, number>()
  const misfits = misfitPoints(addon, series.values, series.channels, scales)
  if (misfits === null) return { series, rejected }
  const kept: number[] = []
  misfits.forEach((code, point) => {
    if (code === 0) kept.push(point)
    else rejected.set(misfitReason(code), (rejected.get(misfitReason(code)) ?? 0) + 1)
  })
  return { series: only(series, kept).series, rejected }
}

/** A series without the points the pipeline would refuse. */
export interface Kept {
  readonly series: FileSeries
  readonly dropped: number
}

function only(series: FileSeries, kept: readonly number[]): Kept {
  const { stream, count, channels, values, timestamps, offsets, indices } = series
  if (kept.length === count) return { series, dropped: 0 }
  const rest: FileSeries = {
    stream,
    count: kept.length,
    channels,
    values: Float64Array.from({ length: kept.length * channels }, (_, i) => {
      return values[kept[Math.floor(i / channels)]! * channels + (i % channels)]!
    }),
    timestamps: timestamps && Float64Array.from(kept, (point) => timestamps[point]!),
    offsets: Float64Array.from(kept, (point) => offsets[point]!),
    indices: Uint32Array.from(kept, (point) => indices[point]!)
  }
  return { series: rest, dropped: count - kept.length }
}

/**
 * Refuses windows by duration that would hold more points than the configuration allows: the pipeline turns such points
 * into dead letters, so there is no window to check.
 * @throws {TdaError} CAPACITY_EXCEEDED
 */
export function checkCapacity(series: FileSeries, config: Config): void {
  for (const { name, window, pointsMax } of config.scales) {
    if ('count' in window) continue
    const most = mostPoints(series, window)
    if (most <= pointsMax) continue
    const where = `scale "${name}" of stream "${series.stream}"`
    throw new TdaError(
      'CAPACITY_EXCEEDED',
      `${where}: a window holds ${most} points, more than pointsMax (${pointsMax}); raise it`
    )
  }
}

function mostPoints(series: FileSeries, window: NativeWindow): number {
  let most = 0
  for (const { first, last } of expectedWindows(series.count, series.timestamps, window, { count: 1 })) {
    most = Math.max(most, last + 1 - first)
  }
  return most
}

export interface CheckedScale extends CheckResult {
  readonly stream: string
  readonly scale: ScaleToCheck
  readonly seconds: number
}

/**
 * Checks every stream at every scale; yields each when it is done. `progress` hears the number of points done and may
 * wait (for the terminal, or for other work).
 */
export async function* checkAll(
  addon: NativeAddon,
  series: readonly FileSeries[],
  scales: readonly ScaleToCheck[],
  progress: (points: number) => Promise<void>
): AsyncGenerator<CheckedScale, void, undefined> {
  let before = 0
  for (const one of series) {
    for (const scale of scales) {
      const start = performance.now()
      const check = checkWindows(addon, one, scale)
      let step = check.next()
      for (; step.done !== true; step = check.next()) await progress(before + step.value)
      before += one.count
      yield { stream: one.stream, scale, seconds: (performance.now() - start) / 1000, ...step.value }
    }
  }
}
