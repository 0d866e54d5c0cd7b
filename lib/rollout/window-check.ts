/**
 * The incremental diagram of every window against an independent batch computation of that window alone.
 *
 *   engine -> encodeAdvance -> JSON.parse -> DiagramReplica     what a consumer of the results has, after each update
 *   expectedWindows -> windowTwin                               what he should have, from the points themselves
 *
 * Equality is exact: window bounds, ids, births, deaths and death points of every pair. Cost per window: the batch computation, for a series of W points O(W log W), and one look-up per pair.
 */
import type { DiagramMessage, DiagramSnapshot, DiagramUpdate, PointNumber } from '../diagram.js'
import {
  layoutOf,
  type EngineHandle,
  type NativeAddon,
  type NativeEngineConfig,
  type NativeSlide,
  type StreamHandle
} from '../native.js'
import { DiagramReplica } from '../publishers/diagram-replica.js'
import { encodeAdvance, type UpdateContext } from '../publishers/update-encoder.js'
import { expectedWindows, type ExpectedWindow } from './expected-windows.js'
import type { WindowTwin } from './twin.js'
import { windowTwin } from './window-twin.js'

/** All points of one stream. */
export interface Series {
  readonly stream: string
  readonly count: number
  readonly channels: number
  /** Row-major, `count x channels`. */
  readonly values: Float64Array
  /** Ascending where a window or slide is a duration; `null` in a series without event time. */
  readonly timestamps: Float64Array | null
  readonly offsets: Float64Array
  readonly indices: Uint32Array
}

export type ScaleToCheck = NativeEngineConfig & {
  readonly name: string
  readonly slide: Exclude<NativeSlide, { readonly byHand: true }>
  /** Messages are cut into parts above this size, as they would be published. */
  readonly maxBytes: number
}

export interface Mismatch {
  readonly stream: string
  readonly scale: string
  /** Sequence number of the update, or of the one that is missing. */
  readonly sequence: number
  readonly message: string
}

export interface CheckResult {
  readonly windows: number
  readonly mismatches: number
  /** The first few of them. */
  readonly examples: readonly Mismatch[]
}

/** Points advanced at a time: what is in memory at once, and how often the caller hears of progress. */
const STEP = 256
/** The same for Rips scales, whose windows take a hundred times as long. */
const RIPS_STEP = 8
const EXAMPLES_MAX = 5

/** Checks one stream at one scale; yields the number of points done every now and then, and returns the result. */
export function* checkWindows(
  addon: NativeAddon,
  series: Series,
  scale: ScaleToCheck
): Generator<number, CheckResult, undefined> {
  if (series.count === 0) return { windows: 0, mismatches: 0, examples: [] }
  const { stream, engine } = createEngine(addon, series, scale)
  try {
    const check = new WindowCheck(addon, series, scale)
    const points = scale.filtration === 'rips' ? RIPS_STEP : STEP
    for (let until = 0; until < series.count;) {
      until = Math.min(series.count, until + points)
      check.take(encodeAdvance(addon.engineAdvance(engine, until, false), check.context))
      yield until
    }
    return check.finish()
  } finally {
    addon.engineRelease(engine)
    addon.streamRelease(stream)
  }
}

function createEngine(
  addon: NativeAddon,
  series: Series,
  scale: ScaleToCheck
): { stream: StreamHandle; engine: EngineHandle } {
  const needed =
    ('count' in scale.window ? scale.window.count : 0) + ('count' in scale.slide ? scale.slide.count : 0)
  const stream = addon.streamCreate({
    dimension: series.channels,
    capacity: Math.max(series.count, needed),
    timestamps: series.timestamps !== null,
    unorderedTimestamps: !('spanMs' in scale.window || 'everyMs' in scale.slide),
    logPositions: true
  })
  try {
    const engine = addon.engineCreate(stream, scale)
    addon.streamAppend(stream, series.values, series.timestamps, series.offsets, series.indices)
    return { stream, engine }
  } catch (error) {
    addon.streamRelease(stream)
    throw error
  }
}

class WindowCheck {
  readonly context: UpdateContext
  readonly #series: Series
  readonly #scale: ScaleToCheck
  readonly #twin: WindowTwin
  readonly #replica = new DiagramReplica()
  /** Snapshots go to a replica of their own, so that they heal nothing. */
  readonly #snapshots = new DiagramReplica()
  readonly #due: Generator<ExpectedWindow, void, undefined>
  #expected: ExpectedWindow | null = null
  #windows = 0
  #mismatches = 0
  readonly #examples: Mismatch[] = []

  constructor(addon: NativeAddon, series: Series, scale: ScaleToCheck) {
    const { stream, count, timestamps } = series
    this.#series = series
    this.#scale = scale
    this.#twin = windowTwin(addon, series, scale)
    this.#due = expectedWindows(count, timestamps, scale.window, scale.slide)
    this.context = {
      stream,
      scale: scale.name,
      partition: 0,
      layout: layoutOf(scale.filtration),
      maxBytes: scale.maxBytes,
      rebuilt: false,
      eventTime: timestamps !== null
    }
  }

  take(texts: readonly string[]): void {
    for (const text of texts) {
      const message = JSON.parse(text) as DiagramMessage
      if (message.type === 'update') this.#takeUpdate(message)
      else this.#takeSnapshot(message)
    }
  }

  finish(): CheckResult {
    for (const { first, last } of this.#due) {
      this.#windows++
      this.#wrong(this.#replica.sequence + 1, `no update for the window of points ${first} to ${last}`)
    }
    return { windows: this.#windows, mismatches: this.#mismatches, examples: this.#examples }
  }

  #takeUpdate(message: DiagramUpdate): void {
    const applied = this.#replica.apply(message)
    if (applied === 'pending') return
    this.#windows++
    const next = this.#due.next()
    if (next.done === true) {
      this.#wrong(message.sequence, 'an update too many')
      return
    }
    this.#expected = next.value
    this.#twin.compute(next.value)
    if (applied !== 'applied') {
      this.#wrong(message.sequence, `the update could not be applied: ${applied}`)
      return
    }
    this.#compare(message, this.#replica)
  }

  #takeSnapshot(message: DiagramSnapshot): void {
    const applied = this.#snapshots.apply(message)
    if (applied === 'pending') return
    if (applied !== 'applied') {
      this.#wrong(message.sequence, `the snapshot could not be applied: ${applied}`)
      return
    }
    this.#compare(message, this.#snapshots)
  }

  #compare(message: DiagramMessage, replica: DiagramReplica): void {
    const difference = this.#boundsDifference(message) ?? this.#twin.difference(replica)
    if (difference !== null) this.#wrong(message.sequence, `${message.type}: ${difference}`)
  }

  #boundsDifference(message: DiagramMessage): string | null {
    const { first, last, full, boundary } = this.#expected!
    const { timestamps } = this.#series
    const expected = {
      points: last + 1 - first,
      full,
      first: this.#position(first),
      last: this.#position(last),
      firstTimestamp: timestamps?.[first] ?? null,
      lastTimestamp: timestamps?.[last] ?? null
    }
    const [wanted, found] = [JSON.stringify(expected), JSON.stringify(message.window)]
    if (wanted !== found) return `window ${found}, expected ${wanted}`
    if (message.type === 'snapshot' || (message.boundaryTimestamp ?? null) === boundary) return null
    return `boundary ${message.boundaryTimestamp}, expected ${boundary}`
  }

  #position(point: number): PointNumber {
    return [this.#series.offsets[point]!, this.#series.indices[point]!]
  }

  #wrong(sequence: number, message: string): void {
    this.#mismatches++
    if (this.#examples.length === EXAMPLES_MAX) return
    this.#examples.push({ stream: this.#series.stream, scale: this.#scale.name, sequence, message })
  }
}
