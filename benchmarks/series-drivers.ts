/** The two ways into the series engine that are measured, behind one face. */
import { nativeAddon, type AdvanceResult, type EngineHandle, type StreamHandle } from '../lib/native.js'

/** An update every so many points. */
export const SLIDE = 100

export interface SeriesDriver {
  /** Sees the change rows of each push, for verification. */
  onChanges: ((changes: Float64Array) => void) | undefined
  /** Appends, evicts, takes the updates out; returns how many numbers their changes are. */
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
    this.#stream = this.#addon.streamCreate({ dimension: 1, capacity, timestamps: false, logPositions: false })
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
    const { changes }: AdvanceResult = this.#addon.engineAdvance(this.#engine, next, false)
    this.onChanges?.(changes)
    return changes.length
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
