/**
 * One stream at all its scales, seen from the main thread: the shared ring it appends to, and when each engine has to be
 * advanced.
 *
 *   arrival numbers   ...... completed ...... dispatched ...... next
 *                            workers are here   given to them    appended
 *
 *   (S1) completed <= dispatched <= next for every engine, and next - completed <= backlogPointsMax (`appendable`).
 *   (S2) Every update due by a point is dispatched in the round that appends the point.
 *   (S3) Points before the group's committed offset (a replay) are dispatched with `discard`, later ones without.
 *   (S4) A stream that goes on from its state takes no point twice: stored ones first, then those of the log from
 *        `replay` on.
 *
 * Cost: O(scales) a batch of points, not a point.
 */
import { nativeAddon } from '../native.js'
import type { EngineHandle, EngineResume, EngineState, PointColumns, StreamHandle } from '../native.js'
import type { StreamState as RingState } from '../native.js'
import { Kept } from './kept.js'
import { snapshotPhase, type ScalePlan, type StreamPlan } from './scale-plan.js'
import type { PartitionState, PointPlace, StreamState } from './stream-state.js'
import type { PoolJob, WorkerPool } from './worker-pool.js'

/** JSON of a pair and of an update without pairs in bytes, and the pairs one point changes; rough, for bounding memory. */
const PAIR_BYTES = 110
const RIPS_PAIR_BYTES = 170
const UPDATE_BYTES = 400
const SERIES_CHANGES = 3
const RIPS_CHANGES = 20

/** Points of one stream, cut so that they are all before, or all from, the committed offset on. */
export interface StreamSlice {
  readonly entry: StreamEntry
  readonly count: number
  readonly values: Float64Array
  readonly timestamps: Float64Array | null
  readonly offsets: Float64Array
  readonly indices: Uint32Array
  /** Before the committed offset: the points only rebuild windows. */
  readonly replay: boolean
}

interface Engine {
  readonly handle: EngineHandle
  readonly plan: ScalePlan
  readonly scale: number
  readonly lane: number
  dispatched: number
  completed: number
  /** With a slide by time: the boundary the newest dispatched point waits for. */
  boundary: number
}

/** What is known of a stream when its entry is made. */
export interface Origin {
  /** It may have begun before the oldest record retained. */
  readonly truncated: boolean
  /** What is known of its partition, when it goes on from there; `null`: it is read from its oldest record. */
  readonly known: Pick<PartitionState, 'position' | 'refused'> | null
  /** Where it stood; `null`: it begins now. */
  readonly state: StreamState | null
}

const NEVER_EMITTED = { first: 0, emitted: 0, sequence: 0 } as const

export class StreamEntry {
  readonly partition: number
  readonly stream: string
  /** The stream may have begun before the oldest record retained. */
  readonly truncated: boolean
  readonly handle: StreamHandle
  readonly kept: Kept
  /** Newest timestamp appended; -Infinity before the first. */
  newestTimestamp = -Infinity
  readonly #plan: StreamPlan
  readonly #pool: WorkerPool
  readonly #engines: Engine[] = []
  #next = 0
  #live = false
  /** Updates begin with a snapshot once they are published. */
  #announces: boolean
  /** The first point to be taken from the log; `null`: any. */
  readonly #replay: PointPlace | null
  /** Arrival number that the points of its state, stored and repeated, have reached. */
  #given: number
  /** What `#given` has to come to; `null`: it did. */
  #expected: number | null
  /** Settles when all that is under way has: rounds of other lanes may overtake each other. */
  #settled: Promise<unknown> = Promise.resolve()

  /**
   * @param origin What is known of its past, and `state` to go on from.
   * @throws MEMORY_LIMIT when there is no memory for it; nothing is left behind.
   */
  constructor(partition: number, stream: string, origin: Origin, plan: StreamPlan, pool: WorkerPool) {
    const { state, known } = origin
    this.partition = partition
    this.stream = stream
    this.truncated = state?.truncated ?? origin.truncated
    this.kept = new Kept(state, known)
    this.#plan = plan
    this.#pool = pool
    this.#announces = this.truncated && known === null
    this.#replay = state?.replay ?? null
    this.#expected = state?.next ?? null
    this.#next = state?.first ?? 0
    this.#given = state ? (state.replay?.arrival ?? state.next) : 0
    const { channels, ringCapacity, eventTime, ordered } = plan
    this.handle = nativeAddon().streamCreate({
      dimension: channels,
      capacity: ringCapacity,
      timestamps: eventTime,
      unorderedTimestamps: eventTime && !ordered,
      logPositions: true,
      first: this.#next
    })
    try {
      // Where the past is known, a stream that begins goes public with its first point, whether or not that is repeated.
      const fresh = known ? { ...NEVER_EMITTED, snapshotDue: this.truncated } : undefined
      plan.scales.forEach((scale, index) => this.#addEngine(scale, index, state?.engines[index] ?? fresh))
    } catch (error) {
      this.release()
      throw error
    }
  }

  #addEngine(plan: ScalePlan, scale: number, resume: EngineResume | undefined): void {
    const engine = { ...plan.engine, snapshotPhase: snapshotPhase(this.stream, plan) }
    const handle = nativeAddon().engineCreate(this.handle, engine, resume)
    const lane = this.#pool.join()
    const at = resume?.first ?? 0
    this.#engines.push({ handle, plan, scale, lane, dispatched: at, completed: at, boundary: -Infinity })
  }

  /** Rows before this one are no business of this stream: they were before its oldest point, or are stored. */
  firstRow({ offsets, indices }: Pick<StreamSlice, 'offsets' | 'indices'>): number {
    const start = this.#replay
    if (start === null) return this.kept.position > 0 ? firstFrom(offsets, this.kept.position) : 0
    let row = firstFrom(offsets, start.offset)
    while (row < offsets.length && offsets[row] === start.offset && indices[row]! < start.index) row += 1
    return row
  }

  /**
   * Notes which of the points that enter were in the stream before. Answers what is wrong when new ones follow, or the
   * log has been read (`null`), and there were not as many as the first time; else null.
   */
  countGiven(offsets: Float64Array | null): string | null {
    if (this.#expected === null) return null
    const { position } = this.kept
    if (offsets) this.#given += firstFrom(offsets, position)
    if (offsets && !(offsets.length > 0 && offsets.at(-1)! >= position)) return null
    if (this.#given !== this.#expected) {
      return `stream "${this.stream}" has ${this.#given} points before offset ${position} where it had ${this.#expected}`
    }
    this.#expected = null
    return null
  }

  /** Engines as a checkpoint has them. REQUIRES: every update due is out of the engines. */
  resumes(): EngineResume[] {
    return this.#engines.map(({ handle }) => {
      const { held, emitted, sequence, snapshotDue } = nativeAddon().engineState(handle)
      const due = snapshotDue || (this.#announces && !this.#live)
      return sequence === 0
        ? { ...NEVER_EMITTED, snapshotDue: due }
        : { first: held, emitted, sequence, snapshotDue: due }
    })
  }

  /** Copies points [from, to) out of the ring. REQUIRES: they are held. */
  points(from: number, to: number): PointColumns {
    return nativeAddon().streamRead(this.handle, from, to)
  }

  /** Points that fit into so many bytes when stored; at least one. */
  chunkPoints(bytes: number): number {
    return Math.max(1, Math.floor(bytes / (8 * this.#plan.channels + 20)))
  }

  /** Where a point lies in the log. REQUIRES: it is held. */
  placeOf(arrival: number): PointPlace {
    const { offsets, indices } = this.points(arrival, arrival + 1)
    return { arrival, offset: offsets![0]!, index: indices![0]! }
  }

  /** Arrival number the next point gets. */
  get next(): number {
    return this.#next
  }

  /** Points one round may bring: half the backlog, so that one round can enter while another one is under way. */
  get slicePointsMax(): number {
    return Math.floor(this.#plan.backlogPointsMax / 2)
  }

  /** Resolves when the ring has room for `count` more points. REQUIRES: count <= slicePointsMax. */
  async appendable(count: number): Promise<void> {
    while (this.#next + count - this.#slowest() > this.#plan.backlogPointsMax) await this.#settled
  }

  /** Appends the slice and adds the jobs it makes necessary. REQUIRES: appendable(slice.count). */
  append(slice: StreamSlice, jobs: PoolJob[]): void {
    const { replay, timestamps, count } = slice
    if (!replay && !this.#live) this.#goLive(jobs)
    this.#next = nativeAddon().streamAppend(
      this.handle,
      slice.values,
      timestamps,
      slice.offsets,
      slice.indices
    )
    if (timestamps) this.newestTimestamp = timestamps[count - 1]!
    for (const engine of this.#engines) {
      if ((!replay && this.#isDue(engine)) || this.#next - engine.dispatched >= this.slicePointsMax) {
        this.#dispatch(engine, replay, jobs)
      }
    }
  }

  /** Remembers that jobs given to the pool are under way until `settled`. */
  underWay(settled: Promise<unknown>): void {
    const before = this.#settled
    this.#settled = settled.then(() => before)
    this.#settled.catch(() => {}) // Told to whoever waits for room; the pool tells everybody else.
  }

  /** The next update of a scale carries a snapshot. */
  requestSnapshot(scale: number): void {
    const engine = this.#engines[scale]
    if (engine) nativeAddon().engineRequestSnapshot(engine.handle)
  }

  completed(scale: number, until: number): void {
    this.#engines[scale]!.completed = until
  }

  /** Bytes of JSON the next `count` points may bring, at most roughly. */
  bytesOf(count: number): number {
    const filled = ({ windowPointsMax }: ScalePlan): number =>
      Math.min(1, (this.#next + count) / windowPointsMax)
    return jsonBytesPerPoint(this.#plan.scales, filled) * count
  }

  ringState(): RingState {
    return nativeAddon().streamState(this.handle)
  }

  /** Where the engine of a scale stands now; may be behind `next`. */
  engineState(scale: number): EngineState {
    return nativeAddon().engineState(this.#engines[scale]!.handle)
  }

  /** Bytes of native memory its ring and engines hold. O(scales). */
  bytes(): number {
    let bytes = this.ringState().bytes
    for (let scale = 0; scale < this.#engines.length; scale++) bytes += this.engineState(scale).bytes
    return bytes
  }

  /** Frees ring and engines. REQUIRES: nothing under way. */
  release(): void {
    for (const { handle, lane } of this.#engines) {
      nativeAddon().engineRelease(handle)
      this.#pool.leave(lane)
    }
    nativeAddon().streamRelease(this.handle)
  }

  /** Adds the jobs that bring a stream which was only replayed up to its newest point. */
  catchUp(jobs: PoolJob[]): void {
    if (this.#live) return
    for (const engine of this.#engines) {
      if (engine.dispatched < this.#next) this.#dispatch(engine, true, jobs)
    }
  }

  /** From here on updates are published: what was replayed is counted first. */
  #goLive(jobs: PoolJob[]): void {
    this.catchUp(jobs)
    this.#live = true
    if (!this.#announces) return
    for (const { handle } of this.#engines) nativeAddon().engineRequestSnapshot(handle)
  }

  #isDue(engine: Engine): boolean {
    const { slide } = engine.plan.engine
    if ('count' in slide) {
      return Math.floor(this.#next / slide.count) > Math.floor(engine.dispatched / slide.count)
    }
    return this.newestTimestamp > engine.boundary
  }

  #dispatch(engine: Engine, discard: boolean, jobs: PoolJob[]): void {
    engine.dispatched = this.#next
    const { slide } = engine.plan.engine
    if ('everyMs' in slide) {
      engine.boundary = Math.ceil(this.newestTimestamp / slide.everyMs) * slide.everyMs
    }
    jobs.push({
      engine: engine.handle,
      owner: this,
      lane: engine.lane,
      until: this.#next,
      discard,
      rebuilt: this.truncated,
      stream: this.stream,
      partition: this.partition,
      scale: engine.scale
    })
  }

  #slowest(): number {
    let slowest = this.#next
    for (const { completed } of this.#engines) slowest = Math.min(slowest, completed)
    return slowest
  }
}

/** Bytes of JSON a point may bring at all scales, at most roughly; `filled`: which part of its window is. */
export function jsonBytesPerPoint(scales: readonly ScalePlan[], filled: (plan: ScalePlan) => number): number {
  let bytes = 0
  for (const plan of scales) {
    const { slide, snapshotEvery, filtration } = plan.engine
    const rips = filtration === 'rips'
    const pairBytes = rips ? RIPS_PAIR_BYTES : PAIR_BYTES
    const snapshotBytes = snapshotEvery === 0 ? 0 : (filled(plan) * plan.pairsMax * pairBytes) / snapshotEvery
    bytes += (rips ? RIPS_CHANGES : SERIES_CHANGES) * pairBytes
    bytes += (UPDATE_BYTES + snapshotBytes) / ('count' in slide ? slide.count : 1)
  }
  return bytes
}

/** Index of the first offset that is at least `from`. */
export function firstFrom(offsets: Float64Array, from: number): number {
  let row = 0
  while (row < offsets.length && offsets[row]! < from) row += 1
  return row
}
