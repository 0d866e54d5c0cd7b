/**
 * What the configuration of the scales means for rings and engines: native settings, and how many points a stream may
 * have to hold. Pure.
 *
 *   ring   [ points since the window of the last update began | backlog ]
 *            retained                                           backlog
 *
 * An engine can name every point from the start of the window of its last update on (see native/engine/engine.h), so a
 * ring holds the largest window + its slide, and the backlog of points the engines have not reached yet.
 */
import type { Config, ScaleConfig } from '../config/schema.js'
import { TdaError } from '../errors.js'
import type { NativeEngineConfig } from '../native.js'

const BACKLOG_POINTS_MIN = 4_096
const BACKLOG_POINTS_MAX = 16_384

export interface ScalePlan {
  readonly name: string
  readonly engine: NativeEngineConfig
  /** Points a window can hold: the count, or `pointsMax` where it is a span. */
  readonly windowPointsMax: number
  /** Points from one update to the next: the count, or `pointsMax` where the slide is a duration. */
  readonly slidePointsMax: number
}

export interface StreamPlan {
  readonly channels: number
  readonly eventTime: boolean
  /** Some window or slide is a duration, so timestamps must not go back. */
  readonly ordered: boolean
  readonly scales: readonly ScalePlan[]
  readonly ringCapacity: number
  /** Points that may wait in a ring for the slowest engine. */
  readonly backlogPointsMax: number
}

/** @throws CONFIG_INVALID when a scale names a channel that `input.channels` does not have. */
export function planStream(config: Config): StreamPlan {
  const scales = config.scales.map((scale) => planScale(scale, config))
  const retained = Math.max(...scales.map((scale) => scale.windowPointsMax + scale.slidePointsMax))
  const backlogPointsMax = Math.min(BACKLOG_POINTS_MAX, Math.max(BACKLOG_POINTS_MIN, Math.ceil(retained / 4)))
  return {
    channels: config.input.channels.length,
    eventTime: config.input.timestamp.from !== 'none',
    ordered: config.scales.some(({ window, slide }) => 'spanMs' in window || 'spanMs' in slide),
    scales,
    ringCapacity: retained + backlogPointsMax,
    backlogPointsMax
  }
}

function planScale(scale: ScaleConfig, config: Config): ScalePlan {
  const { window, slide, pointsMax } = scale
  const { channels } = config.input
  const channel = scale.channel === undefined ? 0 : channels.indexOf(scale.channel)
  if (channel < 0 || (scale.channel === undefined && channels.length > 1)) {
    throw new TdaError(
      'CONFIG_INVALID',
      `scales, "${scale.name}", channel: expected one of ${channels.join(', ')}, found ${scale.channel ?? 'nothing'}`
    )
  }
  return {
    name: scale.name,
    engine: {
      filtration: scale.filtration,
      channel,
      window: 'count' in window ? { count: window.count } : { spanMs: window.spanMs },
      slide: 'count' in slide ? { count: slide.count } : { everyMs: slide.spanMs },
      snapshotEvery: config.publish.snapshotEvery
    },
    windowPointsMax: 'count' in window ? window.count : pointsMax,
    slidePointsMax: 'count' in slide ? slide.count : pointsMax
  }
}
