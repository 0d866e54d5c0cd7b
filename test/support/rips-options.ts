import type { NativeRips } from '../../lib/native.js'

/** A Rips filtration of the cloud of the first two channels, up to loops, without a threshold. */
export function ripsOptions(options: Partial<NativeRips> = {}): NativeRips {
  return {
    channels: Uint32Array.of(0, 1),
    embedding: null,
    metric: 'euclidean',
    weights: null,
    maxDimension: 1,
    threshold: Infinity,
    pointsMax: 0,
    ...options
  }
}
