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
import { crc32 } from 'node:zlib'
import type { Config, ScaleConfig } from '../config/schema.js'
import { TdaError } from '../errors.js'
import { layoutOf, type ChangeLayout, type NativeEngineConfig, type NativeFiltration } from '../native.js'
import { cloudPointsMax, nativeFiltration, type FiltrationOptions } from './filtration.js'

const BACKLOG_POINTS_MIN = 4_096
const BACKLOG_POINTS_MAX = 16_384
/** Every point gives birth to a component, and about every second edge of the relative neighbourhood graph to a loop. */
const RIPS_PAIRS_A_POINT = 2

export interface ScalePlan {
  readonly name: string
  readonly engine: NativeEngineConfig
  readonly layout: ChangeLayout
  /** Pairs a diagram can have, roughly. */
  readonly pairsMax: number
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
  /** Some scale is a Rips scale, whose metric refuses some points. */
  readonly gated: boolean
  readonly scales: readonly ScalePlan[]
  readonly ringCapacity: number
  /** Points that may wait in a ring for the slowest engine. */
  readonly backlogPointsMax: number
}

/**
 * Where in their count the snapshots of a stream and scale come: streams that take turns would otherwise all be due at once,
 * and what is large would wait behind what is large.
 */
export function snapshotPhase(stream: string, { name, engine }: Pick<ScalePlan, 'name' | 'engine'>): number {
  return engine.snapshotEvery === 0 ? 0 : crc32(`${name} ${stream}`) % engine.snapshotEvery
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
    gated: scales.some(({ engine }) => engine.filtration === 'rips'),
    scales,
    ringCapacity: retained + backlogPointsMax,
    backlogPointsMax
  }
}

function planScale(scale: ScaleConfig, config: Config): ScalePlan {
  const { name, window, slide, pointsMax } = scale
  const filtration = scaleFiltration(scale, config.input.channels)
  const windowPointsMax = 'count' in window ? window.count : pointsMax
  return {
    name,
    engine: {
      ...filtration,
      window: 'count' in window ? { count: window.count } : { spanMs: window.spanMs },
      slide: 'count' in slide ? { count: slide.count } : { everyMs: slide.spanMs },
      snapshotEvery: config.publish.snapshotEvery
    },
    layout: layoutOf(filtration.filtration),
    pairsMax:
      filtration.filtration === 'rips'
        ? RIPS_PAIRS_A_POINT * cloudPointsMax(filtration.rips, windowPointsMax)
        : windowPointsMax / 2,
    windowPointsMax,
    slidePointsMax: 'count' in slide ? slide.count : pointsMax
  }
}

/**
 * What the engine of a scale computes. Channels are given by name, from the list of the stream's channels.
 *
 * @throws CONFIG_INVALID when there is no such channel.
 */
export function scaleFiltration(scale: ScaleConfig, channels: readonly string[]): NativeFiltration {
  const place = (channel: string): number => {
    const at = channels.indexOf(channel)
    if (at >= 0) return at
    const where = `scales, "${scale.name}"`
    throw new TdaError(
      'CONFIG_INVALID',
      `${where}: expected one of ${channels.join(', ')}, found ${channel === '' ? 'nothing' : channel}`
    )
  }
  const single = (): number =>
    scale.channel === undefined && channels.length === 1 ? 0 : place(scale.channel ?? '')
  const { filtration } = scale
  const options: FiltrationOptions =
    filtration === 'rips' ? ripsOptions(scale, single, place) : { filtration, channel: single() }
  return nativeFiltration(options, channels.length, scale.pointsMax)
}

function ripsOptions(
  { channels, embedding, metric, weights, maxDimension, threshold }: ScaleConfig,
  single: () => number,
  place: (channel: string) => number
): FiltrationOptions {
  const chosen = embedding === undefined ? channels?.map(place) : [single()]
  return {
    filtration: 'rips',
    ...(chosen && { channels: chosen }),
    ...(embedding && { embedding }),
    ...(metric && { metric }),
    ...(weights && { weights }),
    ...(maxDimension !== undefined && { maxDimension }),
    ...(threshold !== undefined && { threshold })
  }
}
