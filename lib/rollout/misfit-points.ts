/** Points that some Rips scale refuses: the pipeline makes them dead letters, so they are in no window. */
import type { NativeAddon, NativeRips } from '../native.js'
import { reachOf } from '../scales/filtration.js'

/**
 * One number a point, not 0 where a metric refuses it; `null` when all are welcome. The scales are asked one by one, in
 * engines just large enough to exist. O(values x scales).
 *
 * @param values Row-major, `points x channels`.
 */
export function misfitPoints(
  addon: NativeAddon,
  values: Float64Array,
  channels: number,
  scales: readonly NativeRips[]
): Uint8Array | null {
  const refused = scales.flatMap((rips) => refusals(addon, values, channels, rips) ?? [])
  return refused.length === 0
    ? null
    : refused.reduce((misfits, codes) => misfits.map((code, point) => (code === 0 ? codes[point]! : code)))
}

function refusals(
  addon: NativeAddon,
  values: Float64Array,
  channels: number,
  rips: NativeRips
): Uint8Array | null {
  const count = reachOf(rips) + 1
  const stream = addon.streamCreate({
    dimension: channels,
    capacity: count,
    timestamps: false,
    logPositions: false
  })
  try {
    const engine = addon.engineCreate(stream, {
      filtration: 'rips',
      rips,
      window: { count },
      slide: { byHand: true },
      snapshotEvery: 0
    })
    try {
      return addon.streamRefusals(stream, values)
    } finally {
      addon.engineRelease(engine)
    }
  } finally {
    addon.streamRelease(stream)
  }
}
