/**
 * What is computed of a window, as users of the library say it, and as the engines want it. Pure.
 *
 *   series   sublevel or superlevel sets of one channel: H0, pairs of samples
 *   rips     Vietoris-Rips complex of a point cloud: H0 and H1, pairs of an edge and a triangle
 */
import { TdaError } from '../errors.js'
import type { Metric, NativeFiltration, NativeRips } from '../native.js'

/** Which level sets grow: {f <= t} with rising t, or {f >= t} with falling t. */
export type SeriesFiltration = 'sublevel' | 'superlevel'

/** Level sets of one channel: H0 of the series, pairs of samples, values in the unit of the channel. */
export interface SeriesOptions {
  readonly filtration: SeriesFiltration
  /** The channel whose values make up the series, from 0. Default 0. */
  readonly channel?: number
}

/** A delay embedding: point i is (x[i], x[i - delay], x[i - 2 delay], ...), where all of these lie in the window. */
export interface DelayEmbedding {
  /** Samples that make up a point, at least 1. */
  readonly dimension: number
  /** Samples between two of them, at least 1. Default 1. */
  readonly delay?: number | undefined
  /** Only points whose arrival number is a multiple of this. Default 1. */
  readonly stride?: number | undefined
}

/** The Vietoris-Rips complex of a cloud of points: a simplex enters at its longest edge, in the unit of the metric. */
export interface RipsOptions {
  readonly filtration: 'rips'
  /** The channels that make up a point of the cloud, from 0. Default: all; with `embedding` the one that is embedded, 0. */
  readonly channels?: readonly number[]
  /** The cloud is the delay embedding of one channel. Default: every sample is a point. */
  readonly embedding?: DelayEmbedding
  /** Default `euclidean`. Lengths are stored as float: a sample above 8.5e37 (weighted) is refused. */
  readonly metric?: Metric
  /** Factors of the coordinates, at least 0; for example 1 / standard deviation of each channel. Default: none. */
  readonly weights?: readonly number[]
  /** Highest homology dimension. Default 1. */
  readonly maxDimension?: 0 | 1 | 2
  /** Longest edge that enters the complex; what is alive there is essential. Default: none. */
  readonly threshold?: number
}

/** What is computed of a window: level sets of a series, or a point cloud. */
export type FiltrationOptions = SeriesOptions | RipsOptions

/**
 * @param dimension Channels of a point of the stream.
 * @param pointsMax Most samples of a window by time.
 * @throws TdaError INVALID_ARGUMENT for an embedding of more than one channel; the engine refuses the rest.
 */
export function nativeFiltration(
  options: FiltrationOptions,
  dimension: number,
  pointsMax: number
): NativeFiltration {
  if (options.filtration !== 'rips') return { filtration: options.filtration, channel: options.channel ?? 0 }
  const { embedding, weights } = options
  const all = embedding === undefined ? Array.from({ length: dimension }, (_, channel) => channel) : [0]
  const channels = options.channels ?? all
  if (embedding !== undefined && channels.length !== 1) {
    const message = `channels: a delay embedding is of one channel, ${channels.length} are given`
    throw new TdaError('INVALID_ARGUMENT', message)
  }
  const rips: NativeRips = {
    channels: Uint32Array.from(channels),
    embedding:
      embedding === undefined
        ? null
        : { dimension: embedding.dimension, delay: embedding.delay ?? 1, stride: embedding.stride ?? 1 },
    metric: options.metric ?? 'euclidean',
    weights: weights === undefined ? null : Float64Array.from(weights),
    maxDimension: options.maxDimension ?? 1,
    threshold: options.threshold ?? Infinity,
    pointsMax
  }
  return { filtration: 'rips', rips }
}

/** Samples that lie between the oldest and the newest of one cloud point. */
export function reachOf({ embedding }: Pick<NativeRips, 'embedding'>): number {
  return embedding === null ? 0 : (embedding.dimension - 1) * embedding.delay
}

/** Coordinates of a cloud point. */
export function coordinatesOf({ channels, embedding }: Pick<NativeRips, 'channels' | 'embedding'>): number {
  return channels.length * (embedding?.dimension ?? 1)
}

/** Cloud points among so many consecutive samples, at most. */
export function cloudPointsMax(rips: Pick<NativeRips, 'embedding'>, samples: number): number {
  return Math.max(0, Math.ceil((samples - reachOf(rips)) / (rips.embedding?.stride ?? 1)))
}
