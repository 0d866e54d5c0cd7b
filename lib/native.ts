/**
 * The typed face of the native addon, and the only file that loads it. Everything numeric happens behind it, on the
 * thread that calls. Handles are process-wide: a stream created here can be advanced in any worker thread.
 *
 * Arrays come and go as typed arrays; their layouts are those of `native/diagram/update.h`, restated in
 * {@link EMISSION} and {@link changeStride}. A failed call throws a {@link TdaError} whose `code` is one of
 * `native/base/status.h`.
 */
import type { TdaError } from './errors.js'

declare const streamBrand: unique symbol
declare const engineBrand: unique symbol
declare const windowBrand: unique symbol
/** A shared point ring of one stream, in native memory. */
export type StreamHandle = number & { readonly [streamBrand]: true }
/** One engine: one stream at one scale. */
export type EngineHandle = number & { readonly [engineBrand]: true }
/** A window over a stream without an engine. */
export type WindowHandle = number & { readonly [windowBrand]: true }

/** The most recent `count` points, or the points of (newest - spanMs, newest]. Exactly one is given. */
export type NativeWindow = { readonly count: number } | { readonly spanMs: number }
/** An update every `count` points of the stream, or at every epoch-aligned multiple of `everyMs`. */
export type NativeSlide = { readonly count: number } | { readonly everyMs: number }

export interface NativeEngineConfig {
  readonly filtration: 'sublevel' | 'superlevel'
  /** Which of the stream's channels, from 0. */
  readonly channel: number
  readonly window: NativeWindow
  readonly slide: NativeSlide
  /** A snapshot goes with every so many-th update; 0 = never. */
  readonly snapshotEvery: number
}

/** Field numbers of one emission row. Mirrors `EmissionField` in native/diagram/update.h; a test compares them. */
export const EMISSION = {
  sequence: 0,
  boundaryMs: 1,
  points: 2,
  full: 3,
  firstOffset: 4,
  firstIndex: 5,
  firstTimestamp: 6,
  lastOffset: 7,
  lastIndex: 8,
  lastTimestamp: 9,
  lastArrival: 10,
  pairs: 11,
  changesEnd: 12,
  snapshotEnd: 13,
  stride: 14
} as const

/** kind, dimension, birth, death, then (offset, index) per birth point and per death point. */
export interface ChangeLayout {
  readonly birthPoints: number
  readonly deathPoints: number
}
export const SERIES_LAYOUT: ChangeLayout = { birthPoints: 1, deathPoints: 1 }
export function changeStride(layout: ChangeLayout): number {
  return 4 + 2 * (layout.birthPoints + layout.deathPoints)
}
export const CHANGE_KIND = { removed: 0, added: 1, moved: 2 } as const

export interface AdvanceResult {
  /** Rows of {@link EMISSION}.stride numbers, oldest first; empty when no emission was due. */
  readonly emissions: Float64Array
  /** Change rows of all emissions, one after the other. */
  readonly changes: Float64Array
  /** Diagram rows of the emissions that carry a snapshot. */
  readonly snapshots: Float64Array
}

export interface PointColumns {
  /** Row-major, `points x dimension`. */
  readonly values: Float64Array
  readonly timestamps: Float64Array | null
  readonly offsets: Float64Array | null
  readonly indices: Uint32Array | null
}

export interface StreamState {
  /** Oldest arrival number still readable. */
  readonly first: number
  /** Arrival number the next point gets. */
  readonly next: number
  readonly capacity: number
  readonly bytes: number
}

export interface EngineState {
  /** Arrival numbers [first, next) make up the engine's window now. */
  readonly first: number
  readonly next: number
  readonly sequence: number
  readonly pairs: number
  readonly bytes: number
}

export interface NativeAddon {
  /** Creates a ring of at most `capacity` points. Grows in blocks up to it. */
  streamCreate(options: {
    dimension: number
    capacity: number
    timestamps: boolean
    logPositions: boolean
  }): StreamHandle
  /**
   * Appends all points or, when it throws, none. One writer a stream; may run while workers advance its engines.
   * With `logPositions`, offsets and indices name each point. Timestamps must not go back where `timestamps` is on.
   */
  streamAppend(
    stream: StreamHandle,
    values: Float64Array,
    timestamps: Float64Array | null,
    offsets: Float64Array | null,
    indices: Uint32Array | null
  ): number
  streamRead(stream: StreamHandle, first: number, end: number): PointColumns
  streamState(stream: StreamHandle): StreamState
  streamRelease(stream: StreamHandle): void

  windowCreate(stream: StreamHandle, window: NativeWindow): WindowHandle
  /** Lets points up to arrival number `until` enter; returns [first, next) of the window. Evicted points stay readable until the next call. */
  windowAdvance(window: WindowHandle, until: number): readonly [first: number, next: number]
  windowRelease(window: WindowHandle): void

  engineCreate(stream: StreamHandle, config: NativeEngineConfig): EngineHandle
  /**
   * Advances to arrival number `until` on the calling thread and returns the emissions that fell due, in order.
   * `discard` counts them without returning them (replay). Throws ENGINE_BUSY when another thread is in it.
   */
  engineAdvance(engine: EngineHandle, until: number, discard: boolean): AdvanceResult
  /** The next emission carries a snapshot, whatever `snapshotEvery` says. */
  engineRequestSnapshot(engine: EngineHandle): void
  /** The diagram at the engine's position: rows of kind added, by dimension, then birth position. */
  engineDiagram(engine: EngineHandle): Float64Array
  engineState(engine: EngineHandle): EngineState
  engineRelease(engine: EngineHandle): void

  /**
   * The independent batch computation (union-find over the sorted values, no code shared with the engines) of one
   * series. Rows as in engineDiagram with positions 0, 1, 2, ... as offsets.
   */
  seriesBatchDiagram(values: Float64Array, filtration: 'sublevel' | 'superlevel'): Float64Array
}

export type NativeError = TdaError
