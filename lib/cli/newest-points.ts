/** The diagram of the newest points of one series, kept by an engine while points come in. */
import type { StreamPoints } from '../adapters/decoder.js'
import type { DiagramSnapshot, PointNumber } from '../diagram.js'
import { SERIES_LAYOUT, type EngineHandle, type NativeAddon, type StreamHandle } from '../native.js'
import { pairsOf } from '../publishers/diagram-rows.js'

export interface NewestPointsOptions {
  readonly filtration: 'sublevel' | 'superlevel'
  /** Points in the window. */
  readonly count: number
  /** Points in one call of `take`. */
  readonly batchMax: number
}

/** Native memory until `close`: about 60 bytes for each point of the window, at worst. */
export class NewestPoints {
  readonly #addon: NativeAddon
  readonly #count: number
  readonly #stream: StreamHandle
  readonly #engine: EngineHandle
  #points = 0

  constructor(addon: NativeAddon, { filtration, count, batchMax }: NewestPointsOptions) {
    this.#addon = addon
    this.#count = count
    const capacity = count + batchMax
    this.#stream = addon.streamCreate({ dimension: 1, capacity, timestamps: false, logPositions: true })
    const config = {
      filtration,
      channel: 0,
      window: { count },
      slide: { byHand: true },
      snapshotEvery: 0
    } as const
    this.#engine = addon.engineCreate(this.#stream, config)
  }

  /** Points taken so far, those that left the window included. */
  get points(): number {
    return this.#points
  }

  take({ values, offsets, indices }: StreamPoints): void {
    this.#points = this.#addon.streamAppend(this.#stream, values, null, offsets, indices)
    this.#addon.engineUpdate(this.#engine, this.#points, Math.max(0, this.#points - this.#count))
  }

  /** The diagram now. REQUIRES: at least one point. O(pairs + points of the window). */
  snapshot(stream: string, scale: string): DiagramSnapshot {
    const first = Math.max(0, this.#points - this.#count)
    const { offsets, indices } = this.#addon.streamRead(this.#stream, first, this.#points)
    const at = (point: number): PointNumber => [offsets![point]!, indices![point]!]
    const pairs = pairsOf(this.#addon.engineDiagram(this.#engine), SERIES_LAYOUT)
    const points = this.#points - first
    return {
      type: 'snapshot',
      stream,
      scale,
      sequence: 1,
      partition: 0,
      window: {
        points,
        full: points === this.#count,
        first: at(0),
        last: at(points - 1),
        firstTimestamp: null,
        lastTimestamp: null
      },
      pairs,
      features: { pairs: pairs.length }
    }
  }

  close(): void {
    this.#addon.engineRelease(this.#engine)
    this.#addon.streamRelease(this.#stream)
  }
}
