/**
 * What a window's diagram should be, computed anew from its points alone: the dull twins of the engines, one for each
 * kind of filtration. Both give every pair with the simplices of its birth and death.
 */
import type { NativeAddon, NativeFiltration } from '../native.js'
import { RipsTwin } from './rips-twin.js'
import { SeriesTwin } from './series-twin.js'
import type { TwinSeries, WindowTwin } from './twin.js'

export function windowTwin(addon: NativeAddon, series: TwinSeries, filtration: NativeFiltration): WindowTwin {
  return filtration.filtration === 'rips'
    ? new RipsTwin(addon, series, filtration.rips)
    : new SeriesTwin(addon, series, filtration)
}
