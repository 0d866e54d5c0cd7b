/**
 * The windows of every stream as of an offset of each partition, and what a daemon needs to go on from there.
 *
 *   state, where it is not beyond the target ─▶ records up to the target ─▶ a snapshot of each stream and scale
 *                                                                        ─▶ state at the target
 *
 * A snapshot is that of the last update before the target: it has its sequence, so the updates that follow apply to it.
 */
import { createDecoder } from '../adapters/decoder.js'
import type { Config } from '../config/schema.js'
import type { AssignedPartition, EventMesh, OutgoingRecord } from '../mesh/event-mesh.js'
import { changeStride, EMISSION, layoutOf, nativeAddon, type EngineResume } from '../native.js'
import { encodeAdvance } from '../publishers/update-encoder.js'
import { planStream, type ScalePlan, type StreamPlan } from '../scales/scale-plan.js'
import type { StreamEntry } from '../scales/stream-entry.js'
import { LogMismatch, StreamTable } from '../scales/stream-table.js'
import { WorkerPool } from '../scales/worker-pool.js'
import type { Outcome } from './delivery.js'
import type { PipelineLogger } from './pipeline-report.js'
import { bytesOf } from './record-bytes.js'
import { meshStateStore, Restorer } from './restore.js'

/** What a restore of one partition is about. */
export interface RestoreTarget {
  readonly partition: number
  /** Oldest offset retained, and the next one to be given. */
  readonly low: number
  readonly high: number
  /** Everything before this offset is in. */
  readonly offset: number
}

export interface PointInTimeOptions {
  readonly config: Config
  readonly mesh: EventMesh
  readonly group: string
  readonly logger?: PipelineLogger
  /** Told of every batch read. */
  readonly onRecords?: (records: number) => void
}

/** Of one partition. */
export interface RestoreTotals {
  readonly streams: number
  readonly records: number
  readonly snapshots: number
}

/** Snapshots in one outcome, in bytes of JSON. */
const OUTCOME_BYTES_MAX = 8 * 1024 * 1024

export class PointInTime {
  readonly #options: PointInTimeOptions
  readonly #plan: StreamPlan
  readonly #pool: WorkerPool
  readonly #streams: StreamTable
  readonly #restorer: Restorer

  constructor(options: PointInTimeOptions) {
    const { config, mesh, group, logger } = options
    this.#options = options
    this.#plan = planStream(config)
    this.#pool = new WorkerPool({
      workers: config.pipeline.workers,
      scales: this.#plan.scales.map(({ name, layout }) => ({ name, layout })),
      maxBytes: config.publish.maxBytes,
      eventTime: this.#plan.eventTime
    })
    this.#streams = new StreamTable(config, this.#plan, this.#pool)
    this.#restorer = new Restorer(config, this.#streams, meshStateStore(mesh, config, group), logger)
  }

  /**
   * Rebuilds the windows of one partition and lets go of them. `take` gets the snapshots in pieces, then the state; each
   * names the target as the next offset.
   *
   * @throws STATE_LOST when the log does not reach back far enough and `state.onLoss` is `refuse`, or is not the log that
   * its state speaks of.
   */
  async restore(target: RestoreTarget, take: (outcome: Outcome) => Promise<void>): Promise<RestoreTotals> {
    const { partition, low, offset } = target
    const assigned: AssignedPartition = { partition, low, resume: offset, committed: offset }
    const { state, from } = await this.#restorer.start(assigned)
    this.#streams.assign(assigned, state, from)
    try {
      for (const round of this.#streams.rounds(this.#streams.storedSlices(partition, state?.streams ?? []))) {
        await this.#advance(round)
      }
      const records = await this.#read(target, from)
      this.#streams.requireMatch(partition)
      await this.#streams.catchUp(partition)
      const entries = this.#streams.entriesOf(partition)
      const next = new Map([[partition, offset]])
      let updates: OutgoingRecord[] = []
      let snapshots = 0
      for (const entry of entries.values()) {
        for (const update of this.#snapshots(entry)) updates.push(update)
        if (bytesOf(updates) < OUTCOME_BYTES_MAX) continue
        await take({ updates, letters: [], state: [], next })
        snapshots += updates.length
        updates = []
      }
      await take({ updates, letters: [], state: this.#restorer.rewrite(partition), next })
      return { streams: entries.size, records, snapshots: snapshots + updates.length }
    } catch (error) {
      if (!(error instanceof LogMismatch)) throw error
      const advice =
        'Start its daemon once with state.onLoss: rebuild-from-earliest, which removes that state'
      throw this.#restorer.mismatchError(error, advice)
    } finally {
      this.#restorer.release(partition)
      await this.#streams.release(partition)
    }
  }

  async close(): Promise<void> {
    await this.#pool.close()
    await this.#streams.close()
  }

  async #read({ partition, offset: end }: RestoreTarget, from: number): Promise<number> {
    const { mesh, config, onRecords } = this.#options
    const decoder = createDecoder(config)
    let records = 0
    if (from >= end) return records
    for await (const batch of mesh.readPartition(config.input.topic, partition, { from })) {
      const wanted = batch.filter(({ offset }) => offset < end)
      this.#streams.follow(wanted)
      const { slices } = this.#streams.admit(decoder.decode(wanted))
      for (const round of this.#streams.rounds(slices)) await this.#advance(round)
      records += wanted.length
      onRecords?.(wanted.length)
      if (wanted.length < batch.length) break
    }
    return records
  }

  async #advance(round: Parameters<StreamTable['append']>[0]): Promise<void> {
    const jobs = await this.#streams.append(round)
    await this.#streams.advance(round, jobs)
  }

  #snapshots(entry: StreamEntry): OutgoingRecord[] {
    return entry.resumes().flatMap((resume, i) => {
      if (resume.sequence === 0) return [] // Nothing was ever said of it.
      return this.#snapshot(entry, this.#plan.scales[i]!, resume).map((value) => ({
        key: entry.stream,
        value
      }))
    })
  }

  /** An engine of its own goes to where the last update was. */
  #snapshot(entry: StreamEntry, plan: ScalePlan, resume: EngineResume): string[] {
    const addon = nativeAddon()
    const { eventTime, ordered, channels } = this.#plan
    const { first, emitted, sequence } = resume
    const { values, timestamps, offsets, indices } = entry.points(first, emitted)
    const count = emitted - first
    const capacity = plan.windowPointsMax + plan.slidePointsMax
    const ring = addon.streamCreate({
      dimension: channels,
      capacity,
      timestamps: eventTime,
      unorderedTimestamps: eventTime && !ordered,
      logPositions: true,
      first
    })
    const engine = addon.engineCreate(ring, plan.engine, resume)
    try {
      addon.streamAppend(ring, values, timestamps, offsets, indices)
      addon.engineAdvance(engine, emitted, true)
      const snapshots = addon.engineDiagram(engine)
      const layout = layoutOf(plan.engine.filtration)
      const rows = snapshots.length / changeStride(layout)
      const { window } = plan.engine
      const full = 'count' in window ? count === window.count : first > 0
      const emission = new Float64Array(EMISSION.stride)
      emission[EMISSION.sequence] = sequence
      emission[EMISSION.boundaryMs] = NaN
      emission[EMISSION.points] = count
      emission[EMISSION.full] = full ? 1 : 0
      emission[EMISSION.firstOffset] = offsets![0]!
      emission[EMISSION.firstIndex] = indices![0]!
      emission[EMISSION.firstTimestamp] = timestamps?.[0] ?? NaN
      emission[EMISSION.lastOffset] = offsets![count - 1]!
      emission[EMISSION.lastIndex] = indices![count - 1]!
      emission[EMISSION.lastTimestamp] = timestamps?.[count - 1] ?? NaN
      emission[EMISSION.lastArrival] = emitted - 1
      emission[EMISSION.pairs] = rows
      emission[EMISSION.snapshotEnd] = rows
      const messages = encodeAdvance(
        { emissions: emission, changes: new Float64Array(0), snapshots },
        {
          stream: entry.stream,
          scale: plan.name,
          partition: entry.partition,
          layout,
          maxBytes: this.#options.config.publish.maxBytes,
          rebuilt: entry.truncated && !full,
          eventTime
        }
      )
      return messages.slice(1) // The first is an update without changes.
    } finally {
      addon.engineRelease(engine)
      addon.streamRelease(ring)
    }
  }
}
