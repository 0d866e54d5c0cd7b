/**
 * The typed face of the native addon, and the only file that loads it, on the first call of {@link nativeAddon}:
 * importing this file loads nothing. Everything numeric happens behind it, on the thread that calls. Handles are
 * process-wide: a stream created here can be advanced in any worker thread, and lives until it is released, whichever
 * thread created it.
 *
 * Arrays come and go as typed arrays; their layouts are those of `native/diagram/update.h`, restated in
 * {@link EMISSION} and {@link changeStride}. A failed call throws a {@link TdaError} whose `code` is one of
 * `native/base/status.h`.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { TdaError } from './errors.js'

declare const streamBrand: unique symbol
declare const engineBrand: unique symbol
declare const windowBrand: unique symbol
declare const batchBrand: unique symbol
/** A shared point ring of one stream, in native memory. */
export type StreamHandle = number & { readonly [streamBrand]: true }
/** One engine: one stream at one scale. */
export type EngineHandle = number & { readonly [engineBrand]: true }
/** A window over a stream without an engine. */
export type WindowHandle = number & { readonly [windowBrand]: true }
/** One batch computation: persistence of a whole cloud. */
export type BatchHandle = number & { readonly [batchBrand]: true }

/** The most recent `count` points, or the points of (newest - spanMs, newest]. Exactly one is given. */
export type NativeWindow = { readonly count: number } | { readonly spanMs: number }
/**
 * An update every `count` points of the stream, or at every epoch-aligned multiple of `everyMs`, or only when
 * `engineUpdate` asks for it.
 */
export type NativeSlide =
  { readonly count: number } | { readonly everyMs: number } | { readonly byHand: true }

/** What a scale computes: the level sets of one channel, or the Vietoris-Rips complex of a cloud. */
export type NativeFiltration = SeriesFiltrationConfig | RipsFiltrationConfig

export interface SeriesFiltrationConfig {
  readonly filtration: 'sublevel' | 'superlevel'
  /** Which of the stream's channels, from 0. */
  readonly channel: number
}

export interface RipsFiltrationConfig {
  readonly filtration: 'rips'
  readonly rips: NativeRips
}

/** How distances of points are formed; see native/rips/metric.h. */
export const METRICS = ['euclidean', 'manhattan', 'chebyshev', 'cosine', 'correlation'] as const
/** Name of a metric; the last two are angles: vectors without a direction are refused. */
export type Metric = (typeof METRICS)[number]

export interface NativeRips {
  /** Which of the stream's channels make up a point, from 0. */
  readonly channels: Uint32Array
  /**
   * A cloud point is made of the samples i, i - delay, ... (`dimension` of them, all in the window), for each arrival
   * number i that is a multiple of `stride`. `null`: every sample is a point.
   */
  readonly embedding: { readonly dimension: number; readonly delay: number; readonly stride: number } | null
  readonly metric: Metric
  /** Factors of the coordinates, channel by channel of the newest sample, then of the next; `null`: none. */
  readonly weights: Float64Array | null
  /** H2 (2) is computed from scratch at every emission, for at most 5792 points. */
  readonly maxDimension: 0 | 1 | 2
  /** Longest edge that enters; what is alive there has death Infinity. */
  readonly threshold: number
  /** Most samples in a window by time: the stream refuses a point beyond. Ignored for a window by count. */
  readonly pointsMax: number
}

export type NativeEngineConfig = NativeFiltration & {
  readonly window: NativeWindow
  readonly slide: NativeSlide
  /** A snapshot goes with every so many-th update; 0 = never. */
  readonly snapshotEvery: number
  /** With those whose sequence number and this make a multiple of `snapshotEvery`. Default 0. */
  readonly snapshotPhase?: number
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
export const RIPS_LAYOUT: ChangeLayout = { birthPoints: 3, deathPoints: 4 }
export function layoutOf(filtration: NativeFiltration['filtration']): ChangeLayout {
  return filtration === 'rips' ? RIPS_LAYOUT : SERIES_LAYOUT
}
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

/** What the messages of an update say besides its rows. */
export interface NativeUpdateContext {
  /** `"stream":"...","scale":"...","sequence":`, as JSON has it. */
  readonly names: string
  readonly partition: number
  readonly layout: ChangeLayout
  /** Longest message in bytes of UTF-8. */
  readonly maxBytes: number
  /** The stream began before the oldest record retained: messages say so until the window is full. */
  readonly rebuilt: boolean
  /** Whether the stream has event time: if not, the window's timestamps are `null`. */
  readonly eventTime: boolean
}

/** Messages, one after the other. */
export interface EncodedMessages {
  /** The JSON of all of them, UTF-8, without separators. */
  readonly bytes: Uint8Array
  /** Bytes of each message. */
  readonly lengths: Uint32Array
  /** Arrival number of the point that made each message due; the same for every batching of the points. */
  readonly dueAt: Float64Array
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

/** Where an engine stood at its last emission; zeros before its first one. Part of its {@link EngineState}. */
export interface EngineResume {
  /** Arrival numbers [first, emitted) were its window. */
  readonly first: number
  readonly emitted: number
  readonly sequence: number
  /** The next emission carries a snapshot, whatever `snapshotEvery` says and whether or not it is discarded. */
  readonly snapshotDue: boolean
}

export interface EngineState {
  /** Arrival numbers [first, next) make up the engine's window now. */
  readonly first: number
  readonly next: number
  /** Oldest arrival number the engine still needs: where the window of its last emission began. */
  readonly held: number
  /** `next` at the last emission. */
  readonly emitted: number
  readonly sequence: number
  /** In the diagram at the last emission. */
  readonly pairs: number
  /** Of `pairs`, those of dimension 1. */
  readonly loops: number
  /** And of dimension 2. */
  readonly voids: number
  /** Without the ring, which the stream accounts for. */
  readonly bytes: number
  /** The next emission carries a snapshot, whatever `snapshotEvery` says. */
  readonly snapshotDue: boolean
  readonly counters: EngineCounters
}

/** What an engine has done since it was created (native/engine/counters.h). */
export interface EngineCounters {
  /** Columns that were reduced; for series, minima that entered. */
  readonly columns: number
  /** Pivots walked while reducing; for series, minima popped off a stack. */
  readonly pivots: number
  /** Pairs added, moved or removed, emission by emission. */
  readonly edits: number
  /** Bytes the diagram is kept in now, without the pairs reported. */
  readonly arenaBytes: number
}

/** What a batch computation starts from; `numbers` are coordinates point by point, or distances. */
export type NativeBatchInput =
  | {
      readonly kind: 'points'
      readonly numbers: Float64Array
      readonly dimension: number
      readonly metric: Metric
      /** One factor for each coordinate; `null`: all 1. */
      readonly weights: Float64Array | null
    }
  | { readonly kind: 'lower' | 'full'; readonly numbers: Float64Array }
  | {
      readonly kind: 'sparse'
      readonly points: number
      readonly rows: Uint32Array
      readonly columns: Uint32Array
      readonly numbers: Float64Array
    }

export interface NativeBatchOptions {
  /** 0 to 16. */
  readonly maxDimension: number
  /** A prime up to 32 749. */
  readonly modulus: number
  readonly threshold: number
  readonly threads: number
  readonly representatives: boolean
  readonly memoryMaxBytes: number
}

/** Layout: native/rips/batch.h. */
export interface NativeBatchResult {
  /**
   * 8 numbers a pair: dimension, birth, death (Infinity: alive at the threshold), where its birth and its death simplex
   * begin in `vertices`, begin and end of its cocycle in `coefficients`, begin of that cocycle in `cocycleVertices`.
   */
  readonly pairs: Float64Array
  /** Simplices, largest vertex first. */
  readonly vertices: Uint32Array
  readonly coefficients: Uint32Array
  readonly cocycleVertices: Uint32Array
  /** The smaller of the option and the enclosing radius. */
  readonly thresholdUsed: number
}

export interface NativeBatchState {
  readonly dimension: number
  /** Columns of that dimension; 0 while they are being listed. */
  readonly columns: number
  readonly columnsDone: number
  /** What it takes whatever the data, and what it can take at worst. */
  readonly leastBytes: number
  readonly mostBytes: number
}

export interface NativeAddon {
  /**
   * Creates a ring of at most `capacity` points (up to 2^30). Grows in blocks up to it. An engine needs its points from
   * the start of the window of its last emission on, so `capacity` = the largest window + its slide + the backlog that
   * may wait. With `unorderedTimestamps` timestamps may go back, and windows and slides by time are refused.
   */
  streamCreate(options: {
    dimension: number
    capacity: number
    timestamps: boolean
    unorderedTimestamps?: boolean
    logPositions: boolean
    /** Arrival number of the first point to come, where earlier ones were in another process. Default 0. */
    first?: number
  }): StreamHandle
  /**
   * Appends all points or, when it throws, none. One writer a stream; may run while workers advance its engines.
   * With `logPositions`, offsets and indices name each point. Timestamps must not go back where `timestamps` is on.
   * Returns the arrival number the next point gets. Arrays over shared memory are refused.
   */
  streamAppend(
    stream: StreamHandle,
    values: Float64Array,
    timestamps: Float64Array | null,
    offsets: Float64Array | null,
    indices: Uint32Array | null
  ): number
  /**
   * What the stream's Rips engines say of each point by itself, without appending: `null` when all are welcome, else one
   * number a point, 0 or 1 + the index of the code in `NATIVE_ERROR_CODES` (DISTANCE_OVERFLOW; NON_FINITE_POINT for a
   * point without a direction). streamAppend refuses such points.
   */
  streamRefusals(stream: StreamHandle, values: Float64Array): Uint8Array | null
  streamRead(stream: StreamHandle, first: number, end: number): PointColumns
  streamState(stream: StreamHandle): StreamState
  streamRelease(stream: StreamHandle): void

  windowCreate(stream: StreamHandle, window: NativeWindow): WindowHandle
  /**
   * Lets points before arrival number `until` enter, and those before `first` leave whatever the window says (default
   * 0); returns [first, next) of the window. Evicted points stay readable until the next call. WINDOW_EMPTY when
   * `first` is beyond `until`.
   */
  windowAdvance(window: WindowHandle, until: number, first?: number): readonly [first: number, next: number]
  /**
   * streamAppend and windowAdvance in one call, for a stream without log positions. Returns how many points left, and
   * copies their values (row-major, oldest first) to `evicted`, and their timestamps, as far as there is room in both;
   * all stay readable until the next call.
   */
  windowPush(
    window: WindowHandle,
    values: Float64Array,
    timestamps: Float64Array | null,
    evicted: Float64Array,
    evictedTimestamps: Float64Array | null
  ): number
  /**
   * windowPush of one value, for a stream of dimension 1 without timestamps and log positions: returns the value that
   * left, or NaN.
   */
  windowPushOne(window: WindowHandle, value: number): number
  windowRelease(window: WindowHandle): void

  /**
   * With `resume` it goes on for an engine of another process, over a stream that gets the points from `resume.first` on:
   * what it emits after `resume.emitted` is what the other one would have emitted, bit by bit. Until it is there it is
   * silent. INVALID_ARGUMENT for numbers that no emission can have left.
   */
  engineCreate(stream: StreamHandle, config: NativeEngineConfig, resume?: EngineResume): EngineHandle
  /**
   * Advances to arrival number `until` on the calling thread and returns the emissions that fell due, in order.
   * `discard` counts them without returning them (replay). Throws ENGINE_BUSY when another thread is in it. What is
   * returned grows with the emissions due, so it is the caller who bounds `until`. When a thread is terminated in the
   * call, the engine has moved on and the updates are lost: rebuild it.
   */
  engineAdvance(engine: EngineHandle, until: number, discard: boolean): AdvanceResult
  /**
   * Advances to `until`, drops the window's points before arrival number `first`, emits one update and returns its
   * change rows. Only for an engine with slide `{ byHand: true }`. WINDOW_EMPTY when `first` is beyond `until`.
   */
  engineUpdate(engine: EngineHandle, until: number, first: number): Float64Array
  /**
   * Takes one point out of the window wherever it stands, or gives it other values (one a channel); emits one update and
   * returns its change rows. A point keeps its number: a removed one is back where it was when it is moved, as long as
   * an older one is there. For an engine by hand over a Rips cloud without an embedding, else INVALID_ARGUMENT.
   * POINT_NOT_RETAINED for a point that is not there; engineMove also WRONG_DIMENSION and what streamAppend says of a point.
   */
  engineRemove(engine: EngineHandle, point: number): Float64Array
  engineMove(engine: EngineHandle, point: number, values: Float64Array): Float64Array
  /** The next emission carries a snapshot, whatever `snapshotEvery` says. */
  engineRequestSnapshot(engine: EngineHandle): void
  /** The diagram at the engine's position: rows of kind added, by dimension, then birth position. */
  engineDiagram(engine: EngineHandle): Float64Array
  engineState(engine: EngineHandle): EngineState
  engineRelease(engine: EngineHandle): void

  /**
   * Numbers out of JSON records, one after the other in `bytes`, each from its start on for its length (0 or less: left
   * out): of the fields `names` (1 to 64), `names.length` a record. `taken` is 1 where a record is one flat object with a
   * number in each of them, 0 where only JSON.parse can tell (native/records/flat_json.h).
   */
  flatJson(
    bytes: Uint8Array,
    starts: Uint32Array,
    lengths: Int32Array,
    names: readonly string[]
  ): { readonly numbers: Float64Array; readonly taken: Uint8Array }
  /**
   * The JSON of an advance's updates and snapshots (native/diagram/update_json.h). INVALID_ARGUMENT for rows that no
   * advance gives.
   */
  updateJson(result: AdvanceResult, context: NativeUpdateContext): EncodedMessages

  /** Takes a copy of the input; nothing is computed yet. INVALID_ARGUMENT for options out of range. */
  batchCreate(input: NativeBatchInput, options: NativeBatchOptions): BatchHandle
  /**
   * Persistence of the whole cloud, on the calling thread, once (ENGINE_BUSY the second time). INVALID_ARGUMENT,
   * NON_FINITE_POINT, WRONG_DIMENSION and DISTANCE_OVERFLOW name what is wrong with the input; MEMORY_LIMIT, CANCELLED.
   */
  batchRun(batch: BatchHandle): NativeBatchResult
  /** How far it is; from any thread, like batchCancel. */
  batchState(batch: BatchHandle): NativeBatchState
  /** A run under way, or to come, ends with CANCELLED. */
  batchCancel(batch: BatchHandle): void
  /** Cancels as well. */
  batchRelease(batch: BatchHandle): void

  /**
   * The independent batch computation (union-find over the sorted values, no code shared with the engines) of one
   * series. Rows as in engineDiagram with positions 0, 1, 2, ... as offsets.
   */
  seriesBatchDiagram(values: Float64Array, filtration: 'sublevel' | 'superlevel'): Float64Array

  /** Mutual information in bits of the series and itself later, for delay 0 to `delayMax` (native/series/embedding.h). */
  embeddingDelay(values: Float64Array, delayMax: number): Float64Array
  /** For 1 to `dimensionMax` coordinates: share of false nearest neighbours, Cao's E1 and E2; 3 numbers each. */
  embeddingDimension(values: Float64Array, delay: number, dimensionMax: number): Float64Array

  /**
   * Bytes that an engine with a Rips filtration takes at most for a cloud of so many points and coordinates
   * (native/rips/rips_window.h, `predict_bytes`).
   */
  ripsPredictBytes(points: number, coordinates: number, maxDimension: 0 | 1 | 2): number

  /** Instruction set that the Rips kernels use on this machine. */
  kernelTarget(): 'baseline' | 'avx2' | 'avx512'

  /** Streams, windows, engines and batch computations of this process that have not been released. */
  liveHandles(): number
}

/** What the addon has besides: it builds its errors with the class it is given, once per thread. */
interface LoadedAddon extends NativeAddon {
  useErrorClass(errorClass: typeof TdaError): void
}

let loaded: LoadedAddon | undefined

/**
 * The addon, loaded on the first call in each thread: the local build, else a prebuilt binary of this platform.
 *
 * @throws TdaError ADDON_UNAVAILABLE when there is none or it does not load.
 */
export function nativeAddon(): NativeAddon {
  loaded ??= load()
  return loaded
}

/** Where the addon may lie, best first: the local build, then a prebuild of this platform. */
function candidates(): string[] {
  const root = new URL('../../', import.meta.url)
  const { platform, arch } = process
  return ['build/Release/streaming_tda.node', `prebuilds/${platform}-${arch}/streaming_tda.node`].map(
    (path) => fileURLToPath(new URL(path, root))
  )
}

function load(): LoadedAddon {
  const paths = candidates()
  const path = paths.find((candidate) => existsSync(candidate))
  if (path === undefined) {
    throw new TdaError(
      'ADDON_UNAVAILABLE',
      `the native addon is not built: none of ${paths.join(', ')} exists. ` +
        'Run "npx cmake-js compile" in the package (needs CMake and a C++20 compiler).'
    )
  }
  try {
    const addon = createRequire(import.meta.url)(path) as LoadedAddon
    addon.useErrorClass(TdaError)
    return addon
  } catch (cause) {
    throw new TdaError(
      'ADDON_UNAVAILABLE',
      `the native addon ${path} does not load: ${String(cause)}. ` +
        'Run "npx cmake-js rebuild" in the package, with the Node that runs it.',
      { cause }
    )
  }
}
