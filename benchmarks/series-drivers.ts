/** The two ways into the series engine that are measured, behind one face. */
import {
  changeStride,
  nativeAddon,
  SERIES_LAYOUT,
  type EngineHandle,
  type StreamHandle
} from '../lib/native.js'
import { StreamingTdaProcessor } from '../lib/scales/streaming-tda-processor.js'

/** An update every so many points. */
export const SLIDE = 100

export interface SeriesDriver {
  /** Sees the change rows of each push, for verification. */
  onChanges: ((changes: Float64Array) => void) | undefined
  /** Appends, evicts, takes the updates out; returns how many changes they are. */
  push(values: Float64Array): number
  /** Rows of the current diagram. */
  diagram(): Float64Array
  /** Points the window holds. */
  readonly windowPoints: number
  close(): void
}

export class NativeDriver implements SeriesDriver {
  static readonly span = 65_536
  onChanges: ((changes: Float64Array) => void) | undefined
  readonly #addon = nativeAddon()
  readonly #stream: StreamHandle
  readonly #engine: EngineHandle

  constructor(window: number) {
    const capacity = window + SLIDE + NativeDriver.span
    this.#stream = this.#addon.streamCreate({
      dimension: 1,
      capacity,
      timestamps: false,
      logPositions: false
    })
    this.#engine = this.#addon.engineCreate(this.#stream, {
      filtration: 'sublevel',
      channel: 0,
      window: { count: window },
      slide: { count: SLIDE },
      snapshotEvery: 0
    })
  }

  push(values: Float64Array): number {
    const next = this.#addon.streamAppend(this.#stream, values, null, null, null)
    const { changes } = this.#addon.engineAdvance(this.#engine, next, false)
    this.onChanges?.(changes)
    return changes.length / changeStride(SERIES_LAYOUT)
  }

  diagram(): Float64Array {
    return this.#addon.engineDiagram(this.#engine)
  }

  get windowPoints(): number {
    const { first, next } = this.#addon.engineState(this.#engine)
    return next - first
  }

  close(): void {
    this.#addon.engineRelease(this.#engine)
    this.#addon.streamRelease(this.#stream)
  }
}

export class ApiDriver implements SeriesDriver {
  static readonly span = 4096
  onChanges: ((changes: Float64Array) => void) | undefined
  readonly #processor: StreamingTdaProcessor

  constructor(window: number) {
    this.#processor = new StreamingTdaProcessor({
      filtration: 'sublevel',
      window: { count: window },
      slide: { count: SLIDE }
    })
  }

  /** Every update is looked at, as a user would. */
  push(values: Float64Array): number {
    let changes = 0
    for (const update of this.#processor.processPoints(values)) {
      changes += update.changes.length
      this.onChanges?.(update.changes.rows)
    }
    return changes
  }

  diagram(): Float64Array {
    return this.#processor.getCurrentDiagram().rows
  }

  get windowPoints(): number {
    return this.#processor.getStatistics().windowPoints
  }

  close(): void {
    this.#processor.close()
  }
}
