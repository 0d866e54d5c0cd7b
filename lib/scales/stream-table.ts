/**
 * The streams this process holds, by partition and name: created with their first point, freed when their partition is
 * given up. Decides what may enter (`admit`), cuts it into rounds that fit memory (`rounds`), and appends them.
 *
 *   decoded batch -> admit: slices, refused records -> rounds -> append: jobs for the worker pool
 *
 *   (T1) No entry is made beyond `streams.max`, but for streams that go on from their state.
 *   (T2) A record is taken or refused whole, also when its points belong to several streams.
 *   (T3) While memory is short no stream is new: only those that rebuild windows of before come in, and those held go on.
 *   (T4) Of a partition that goes on from its state, only its streams exist before the position of that state.
 *   (T5) A round brings at most `slicePointsMax` points of one stream, and about `ROUND_BYTES_MAX` of JSON.
 */
import type { DecodedBatch, RejectedRecord, StreamPoints } from '../adapters/decoder.js'
import type { Config } from '../config/schema.js'
import { TdaError } from '../errors.js'
import type { AssignedPartition, MeshRecord } from '../mesh/event-mesh.js'
import { nativeAddon, type EngineCounters } from '../native.js'
import type { RoundTrace } from '../observability/tracing/pipeline-tracer.js'
import { Admission, countSlide, slideCounts, type Refusal, type SlideCount } from './admission.js'
import { keptRows, refuseRecords, stepsBack, type Part, type Rows } from './batch-admission.js'
import type { MemoryGate } from './memory-gate.js'
import type { StreamPlan } from './scale-plan.js'
import { firstFrom, jsonBytesPerPoint, StreamEntry, type StreamSlice } from './stream-entry.js'
import type { PartitionState, StreamState } from './stream-state.js'
import type { JobMessages, PoolJob, WorkerPool } from './worker-pool.js'

const ROUND_BYTES_MAX = 32 * 1024 * 1024
/** JSON of one outcome: what goes out in one piece and is in memory until it is out. */
const OUTCOME_BYTES_MAX = 2 * ROUND_BYTES_MAX

export interface AdmittedBatch {
  readonly slices: readonly StreamSlice[]
  readonly refused: readonly RejectedRecord[]
  /** Points whose timestamp went back and that were taken all the same. */
  readonly backwards: number
}

/** Offsets [from, to) of a partition that brought no record. */
export interface Gap {
  readonly partition: number
  readonly from: number
  readonly to: number
}

interface Partition extends AssignedPartition {
  readonly entries: Map<string, StreamEntry>
  /** What its streams go on from; `null`: its oldest record. */
  readonly known: Pick<PartitionState, 'position' | 'truncated' | 'refused'> | null
  /** The offset after the last record read. */
  read: number
}

export class StreamTable {
  readonly #plan: StreamPlan
  readonly #pool: WorkerPool
  readonly #memory: Pick<MemoryGate, 'admits'> | null
  readonly #streamsMax: number
  readonly #mixedRecords: boolean
  readonly #partitions = new Map<number, Partition>()
  readonly #slides = new Map<StreamEntry, readonly SlideCount[]>()
  #size = 0
  #released: readonly EngineCounters[]

  /** Without `memory`, only `streams.max` limits the streams. */
  constructor(
    config: Config,
    plan: StreamPlan,
    pool: WorkerPool,
    memory: Pick<MemoryGate, 'admits'> | null = null
  ) {
    this.#plan = plan
    this.#pool = pool
    this.#memory = memory
    this.#streamsMax = config.streams.max
    this.#released = plan.scales.map(() => ({ columns: 0, pivots: 0, edits: 0, arenaBytes: 0 }))
    this.#mixedRecords = config.input.stream.from === 'field'
  }

  /** Streams held. */
  get size(): number {
    return this.#size
  }

  /** What the engines of a scale had done that are not held any more: counters must not go back with a partition. */
  released(scale: number): EngineCounters {
    return this.#released[scale]!
  }

  *entries(): Generator<StreamEntry> {
    for (const { entries } of this.#partitions.values()) yield* entries.values()
  }

  /** Numbers of the partitions held. */
  partitions(): number[] {
    return [...this.#partitions.keys()]
  }

  /** Streams of a partition, by name; empty while it is not assigned. */
  entriesOf(partition: number): ReadonlyMap<string, StreamEntry> {
    return this.#partitions.get(partition)?.entries ?? new Map()
  }

  /** The offset after the last record read of a partition; `null` while it is not assigned. */
  readUpTo(partition: number): number | null {
    return this.#partitions.get(partition)?.read ?? null
  }

  /** Whether streams that begin in a partition may have begun before its oldest record. */
  isTruncated(partition: number): boolean {
    const held = this.#partitions.get(partition)
    return held !== undefined && (held.known?.truncated ?? held.low > 0)
  }

  /**
   * Takes a partition, whose records follow from offset `from` on. With `state` its streams are there at once, and their
   * stored points are what `storedSlices` gives.
   *
   * @throws MEMORY_LIMIT when there is no memory for them.
   */
  assign(partition: AssignedPartition, state: PartitionState | null = null, from = partition.low): void {
    const entries = new Map<string, StreamEntry>()
    this.#partitions.set(partition.partition, { ...partition, entries, known: state, read: from })
    for (const stream of state?.streams ?? []) this.#add(partition.partition, stream.stream, stream)
  }

  /** The points that streams of a state bring along, to be appended before any record of the partition. */
  *storedSlices(partition: number, streams: readonly StreamState[]): Generator<StreamSlice> {
    const { entries } = this.#partitions.get(partition)!
    for (const { stream, first, next, replay, stored } of streams) {
      const entry = entries.get(stream)!
      const end = replay?.arrival ?? next
      for (let at = first; at < end;) {
        const points = stored.find(({ from, to }) => from <= at && at < to)!
        const to = Math.min(points.to, end)
        const { values, timestamps, offsets, indices } = points.read()
        const whole = { entry, count: points.to - points.from, values, timestamps, replay: true }
        const slice = cut(
          { ...whole, offsets: offsets!, indices: indices! },
          at - points.from,
          to - points.from
        )
        for (const timestamp of slice.timestamps ?? []) countSlide(this.#slides.get(entry)!, timestamp)
        yield slice
        at = to
      }
    }
  }

  /** To be called when the records before the position of its state are read. @throws LogMismatch */
  requireMatch(partition: number): void {
    for (const entry of this.entriesOf(partition).values()) requireMatch(entry, null)
  }

  /** Frees the streams of a partition. REQUIRES: nothing of it in flight. */
  async release(partition: number): Promise<void> {
    const held = this.#partitions.get(partition)
    if (!held) return
    await this.#pool.idle()
    this.#partitions.delete(partition)
    for (const entry of held.entries.values()) {
      this.#released = this.#released.map((before, scale) => {
        const { columns, pivots, edits } = entry.engineState(scale).counters
        return {
          columns: before.columns + columns,
          pivots: before.pivots + pivots,
          edits: before.edits + edits,
          arenaBytes: 0
        }
      })
      entry.release()
      this.#slides.delete(entry)
      this.#size -= 1
    }
  }

  async close(): Promise<void> {
    for (const partition of this.partitions()) await this.release(partition)
  }

  /** Whether a record comes after what the group has committed: only then it is answered for. */
  isLive(record: MeshRecord): boolean {
    return record.offset >= (this.#partitions.get(record.partition)?.resume ?? 0)
  }

  /**
   * Notes how far each partition is read. Answers what the log has skipped: markers of transactions, what compaction took, or
   * records that retention removed before they were read.
   *
   * @throws TdaError BROKER when a log goes back, because its topic was made anew or cut: windows would mix two logs.
   */
  follow(records: readonly MeshRecord[]): Gap[] {
    const gaps: Gap[] = []
    for (let i = 0; i < records.length; i++) {
      const { topic, partition, offset } = records[i]!
      const held = this.#partitions.get(partition)
      if (!held) continue
      if (offset < held.read) {
        const what = `"${topic}"/${partition} goes back from offset ${held.read} to ${offset}`
        throw new TdaError(
          'BROKER',
          `${what}: the topic was made anew or cut; restart, and windows are rebuilt from it`
        )
      }
      if (offset > held.read) gaps.push({ partition, from: held.read, to: offset })
      held.read = offset + 1
    }
    return gaps
  }

  /**
   * Decides which records enter; creates the streams they need. O(1) a point.
   * @throws LogMismatch when the records a state speaks of are not what they were; nothing has been appended.
   */
  admit(batch: DecodedBatch): AdmittedBatch {
    const nowMs = performance.now()
    const parts = batch.streams.flatMap((points) => this.#parts(points, nowMs))
    // Only where the fields of a record name its streams can one record be in several.
    const mixed = this.#mixedRecords && hasSeveralPoints(batch)
    const refused = refuseRecords(parts, mixed)
    let backwards = 0
    const slices = parts.flatMap((part) => {
      if (!part.entry) return []
      const kept = keptRows(part)
      requireMatch(part.entry, kept.offsets)
      if (!this.#plan.ordered) backwards += stepsBack(kept.timestamps, part.entry.newestTimestamp)
      return this.#cutAtResume(part.entry, kept)
    })
    return { slices, refused, backwards }
  }

  /** Whether what these records bring may be in memory at once, as far as it can be foretold. */
  isAffordable(records: readonly MeshRecord[], points: number): boolean {
    if (points * jsonBytesPerPoint(this.#plan.scales, () => 1) <= OUTCOME_BYTES_MAX) return true
    return !records.some((record) => this.isLive(record)) // A replay brings nothing.
  }

  /** Cuts slices into rounds, each of which is appended and advanced as one. */
  *rounds(slices: Iterable<StreamSlice>): Generator<StreamSlice[]> {
    let round: StreamSlice[] = []
    let points = new Map<StreamEntry, number>()
    let bytes = 0
    for (const slice of slices) {
      for (let rest: StreamSlice | null = slice; rest && rest.count > 0;) {
        const { entry } = rest
        const taken = points.get(entry) ?? 0
        const room = Math.min(rest.count, entry.slicePointsMax - taken)
        const affordable = Math.floor(((ROUND_BYTES_MAX - bytes) / entry.bytesOf(rest.count)) * rest.count)
        // One point may be more than there is room for: then it is a round alone, and the one after it waits.
        const count = Math.min(room, Math.max(round.length === 0 ? 1 : 0, affordable))
        if (count > 0) {
          round.push(cut(rest, 0, count))
          points.set(entry, taken + count)
          bytes += rest.replay ? 0 : entry.bytesOf(count)
        }
        rest = count < rest.count ? cut(rest, count, rest.count) : null
        if (!rest) continue
        yield round
        round = []
        points = new Map()
        bytes = 0
      }
    }
    if (round.length > 0) yield round
  }

  /** Appends a round to the rings, waiting for room where the engines lag. Returns the jobs that have become due. */
  async append(round: readonly StreamSlice[]): Promise<PoolJob[]> {
    const jobs: PoolJob[] = []
    for (const slice of round) {
      await slice.entry.appendable(slice.count)
      slice.entry.append(slice, jobs)
    }
    return jobs
  }

  /** Runs the jobs of a round that was appended. Results are in the order of the jobs. */
  advance(
    round: readonly StreamSlice[],
    jobs: readonly PoolJob[],
    trace?: RoundTrace
  ): Promise<JobMessages[]> {
    const results = this.#pool.advance(jobs, trace)
    for (const { entry } of round) entry.underWay(results)
    return results
  }

  /** At the end of a restore: advances the engines of streams without live points, so that what they show is right. */
  async catchUp(partition: number): Promise<void> {
    const jobs: PoolJob[] = []
    const held = this.#partitions.get(partition)
    if (!held) return
    held.read = Math.max(held.read, held.resume) // what is between is no record
    const entries = [...held.entries.values()]
    for (const entry of entries) entry.catchUp(jobs)
    const results = this.#pool.advance(jobs)
    for (const entry of entries) entry.underWay(results)
    await results
  }

  /** The next update of a stream and scale carries a snapshot; nothing happens where the stream is not held. */
  requestSnapshot(partition: number, stream: string, scale: string): void {
    const index = this.#plan.scales.findIndex(({ name }) => name === scale)
    this.#partitions.get(partition)?.entries.get(stream)?.requestSnapshot(index)
  }

  /** The offset after the last record of each partition, where it is beyond what the group has committed. */
  nextOffsets(records: readonly MeshRecord[]): Map<number, number> {
    const next = new Map<number, number>()
    for (let i = 0; i < records.length; i++) {
      const { partition, offset } = records[i]!
      // Only the last of a run of one partition matters; partitions come in runs.
      if (records[i + 1]?.partition === partition) continue
      if (offset >= (this.#partitions.get(partition)?.resume ?? 0)) next.set(partition, offset + 1)
    }
    return next
  }

  #parts(decoded: StreamPoints, nowMs: number): Part[] {
    const { partition, stream, offsets } = decoded
    const held = this.#partitions.get(partition)
    if (!held) throw new Error(`records of partition ${partition}, which is not assigned`)
    const begins = held.entries.has(stream) ? 0 : firstFrom(offsets, held.known?.position ?? 0)
    if (begins === 0) return [this.#part(decoded, held, nowMs)]
    // T4: what came before was refused then.
    const before: Part = {
      points: rowsTo(decoded, begins),
      entry: null,
      barred: tooMany(stream),
      admission: null,
      misfits: null,
      refused: null
    }
    return begins === decoded.count ? [before] : [before, this.#part(rowsFrom(decoded, begins), held, nowMs)]
  }

  #part(decoded: StreamPoints, held: Partition, nowMs: number): Part {
    const { entry, barred } = this.#entry(decoded, held)
    const points = entry ? rowsFrom(decoded, entry.firstRow(decoded)) : decoded
    if (entry && points.count > 0 && points.offsets.at(-1)! >= entry.kept.position) entry.kept.touch(nowMs)
    const { ordered, scales } = this.#plan
    const admission =
      entry && ordered && points.timestamps
        ? new Admission(entry, points.timestamps, scales, this.#slides.get(entry)!)
        : null
    const misfits =
      entry && this.#plan.gated ? nativeAddon().streamRefusals(entry.handle, points.values) : null
    return { points, entry, barred, admission, misfits, refused: null }
  }

  #entry({ partition, stream, offsets }: StreamPoints, held: Partition): Pick<Part, 'entry' | 'barred'> {
    const known = held.entries.get(stream)
    if (known) return { entry: known, barred: null }
    const barred = this.#barred(stream, offsets[0]! < held.resume)
    return barred ? { entry: null, barred } : { entry: this.#add(partition, stream, null), barred: null }
  }

  #add(partition: number, stream: string, state: StreamState | null): StreamEntry {
    const { entries, known } = this.#partitions.get(partition)!
    // Whatever the group has committed, or its first start would put out other bytes than its repetition.
    const origin = { truncated: this.isTruncated(partition), known, state }
    const entry = new StreamEntry(partition, stream, origin, this.#plan, this.#pool)
    entries.set(stream, entry)
    this.#slides.set(entry, slideCounts(this.#plan.scales))
    this.#size += 1
    return entry
  }

  #barred(stream: string, replay: boolean): Refusal | null {
    if (this.#size >= this.#streamsMax) return tooMany(stream)
    if (replay || !this.#memory || this.#memory.admits()) return null
    const message = `stream "${stream}" would be new, and memory is short; raise its limit or add a daemon`
    return { reason: 'memory_pressure', message }
  }

  #cutAtResume(entry: StreamEntry, rows: Rows): StreamSlice[] {
    const { resume } = this.#partitions.get(entry.partition)!
    const { offsets } = rows
    let border = 0
    if (offsets.length > 0 && offsets[0]! < resume) {
      border = offsets.findIndex((offset) => offset >= resume)
      if (border < 0) border = offsets.length
    }
    const whole = { entry, count: offsets.length, ...rows, replay: false }
    return [{ ...cut(whole, 0, border), replay: true }, cut(whole, border, offsets.length)].filter(
      ({ count }) => count > 0
    )
  }
}

/** The log no longer brings a stream what its state says it brought. */
export class LogMismatch extends Error {
  readonly partition: number

  constructor(partition: number, message: string) {
    super(message)
    this.partition = partition
  }
}

function requireMatch(entry: StreamEntry, offsets: Float64Array | null): void {
  const wrong = entry.countGiven(offsets)
  if (wrong !== null) throw new LogMismatch(entry.partition, wrong)
}

function cut(slice: StreamSlice, from: number, to: number): StreamSlice {
  if (from === 0 && to === slice.count) return slice
  const { values, timestamps, offsets, indices, count } = slice
  const channels = values.length / count
  return {
    ...slice,
    count: to - from,
    values: values.subarray(from * channels, to * channels),
    timestamps: timestamps && timestamps.subarray(from, to),
    offsets: offsets.subarray(from, to),
    indices: indices.subarray(from, to)
  }
}

function tooMany(stream: string): Refusal {
  return {
    reason: 'too_many_streams',
    message: `stream "${stream}" would be one more than streams.max allows`
  }
}

function rowsFrom(points: StreamPoints, from: number): StreamPoints {
  return from === 0 ? points : rows(points, from, points.count)
}

function rowsTo(points: StreamPoints, to: number): StreamPoints {
  return rows(points, 0, to)
}

/** The rows [from, to) of a stream. */
function rows(points: StreamPoints, from: number, to: number): StreamPoints {
  const { values, timestamps, offsets, indices, records, count } = points
  return {
    ...points,
    count: to - from,
    values: values.subarray((from * values.length) / count, (to * values.length) / count),
    timestamps: timestamps && timestamps.subarray(from, to),
    offsets: offsets.subarray(from, to),
    indices: indices.subarray(from, to),
    records: records.slice(from, to)
  }
}

function hasSeveralPoints(batch: DecodedBatch): boolean {
  return batch.streams.some(({ indices }) => indices.some((index) => index > 0))
}
