/**
 * How far the partitions are that are being restored: offsets [from, resume) of each rebuild its windows, and what comes at
 * `resume` is live.
 */
import type { MeshRecord } from '../mesh/event-mesh.js'
import type { StreamTable } from '../scales/stream-table.js'
import type { DetailedLogger } from './pipeline-logger.js'
import type { PipelineMetrics } from '../observability/pipeline-metrics.js'

interface Stretch {
  readonly from: number
  readonly resume: number
}

export interface RestoreProgressOptions {
  readonly streams: StreamTable
  readonly metrics: PipelineMetrics
  readonly logger: DetailedLogger
  /** Told of a partition that is restored, or given up while it was being restored. */
  readonly restored: (partition: number) => void
}

export class RestoreProgress {
  readonly #options: RestoreProgressOptions
  readonly #stretches = new Map<number, Stretch>()
  /** How far a partition was read when its end was seen last. */
  readonly #endSeen = new Map<number, number | null>()

  constructor(options: RestoreProgressOptions) {
    this.#options = options
  }

  get isNone(): boolean {
    return this.#stretches.size === 0
  }

  get partitions(): number[] {
    return [...this.#stretches.keys()]
  }

  /** One line for people, `null` when nothing is being restored. */
  get text(): string | null {
    if (this.isNone) return null
    const { streams } = this.#options
    const parts = [...this.#stretches].map(([partition, { from, resume }]) => {
      const read = Math.min(resume, streams.readUpTo(partition) ?? from) - from
      return `partition ${partition}: ${read} of ${resume - from} records read`
    })
    return `${parts.join(', ')}; ${streams.size} streams`
  }

  has(partition: number): boolean {
    return this.#stretches.has(partition)
  }

  resumeOf(partition: number): number {
    return this.#stretches.get(partition)?.resume ?? 0
  }

  expect(partition: number, stretch: Stretch): void {
    this.#stretches.set(partition, stretch)
  }

  /** The partition is read from this offset on. */
  async begin(partition: number, from: number): Promise<void> {
    const stretch = this.#stretches.get(partition)
    if (stretch) this.#stretches.set(partition, { from, resume: stretch.resume })
    this.#report(partition)
    if (stretch && from >= stretch.resume) await this.#finish(partition)
  }

  /** What comes next of the partition is live. */
  async end(partition: number): Promise<void> {
    if (this.has(partition)) await this.#finish(partition)
  }

  /** These records were taken. */
  async read(records: readonly MeshRecord[]): Promise<void> {
    if (this.isNone) return
    const { streams, metrics } = this.#options
    const replayed = records.reduce((sum, record) => sum + (streams.isLive(record) ? 0 : 1), 0)
    if (replayed > 0) metrics.recordsReplayed(replayed)
    for (const [i, { partition, offset }] of records.entries()) {
      if (records[i + 1]?.partition === partition || !this.has(partition)) continue
      this.#report(partition)
      if (offset + 1 >= this.resumeOf(partition)) await this.#finish(partition)
    }
  }

  /**
   * The record before the committed offset may be gone (compaction, a transaction's marker): then a lag of 0 tells the end.
   * Records may be on their way from the source: `patient` counts it when nothing came from one call to the next.
   */
  async lagged(partition: number, records: number, isIdle: boolean, patient: boolean): Promise<void> {
    if (!this.has(partition)) return
    const read = this.#options.streams.readUpTo(partition)
    const ended = records === 0 && isIdle && (!patient || this.#endSeen.get(partition) === read)
    // While an event is dealt with, records may wait for it that count as read.
    this.#endSeen.set(partition, records === 0 && isIdle ? read : null)
    if (ended) await this.#finish(partition)
  }

  /** The partition is not this member's any more. */
  drop(partition: number): void {
    this.#done(partition)
    this.#options.metrics.restoreProgress(partition, null)
  }

  /** Everything before the committed offset is read. */
  async #finish(partition: number): Promise<void> {
    const { streams, logger } = this.#options
    const { from, resume } = this.#stretches.get(partition)!
    streams.requireMatch(partition)
    await streams.catchUp(partition)
    const fields = {
      partition,
      records: Math.max(0, resume - from),
      streams: streams.entriesOf(partition).size
    }
    logger.info(fields, `partition ${partition} restored`)
    this.#done(partition)
  }

  #done(partition: number): void {
    if (!this.#stretches.delete(partition)) return
    this.#endSeen.delete(partition)
    this.#report(partition)
    this.#options.restored(partition)
  }

  #report(partition: number): void {
    const { from, resume } = this.#stretches.get(partition) ?? { from: 0, resume: 0 }
    const read = Math.min(resume, this.#options.streams.readUpTo(partition) ?? resume)
    this.#options.metrics.restoreProgress(partition, resume > from ? (read - from) / (resume - from) : 1)
  }
}
