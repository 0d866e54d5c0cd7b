/**
 * START HERE (daemon): the life of a record.
 *
 *   source -> decode -> admit -> append -> advance -> publish -> commit
 *                  \________\____ reject ____________/
 *
 * One pull loop sets the pace: it takes the next batch only when a place in flight is free, so everything behind it is
 * bounded and a slow sink slows the source. While the worker threads advance one round, the main thread decodes the
 * next; results are published and committed in order (see `ordered-flight.ts`).
 *
 *   (L1) What is committed has its results acknowledged by the sink, and its refused records too.
 *   (L2) Keys and values per stream depend on the log and the configuration alone: not on batches, threads or restarts.
 *   (L3) After a failure nothing is published or committed any more; a restart repeats from the committed offsets.
 */
import type { DecodedBatch, RejectedRecord } from '../adapters/decoder.js'
import type { Config } from '../config/schema.js'
import { TdaError } from '../errors.js'
import type { AssignedPartition, MeshRecord, OutgoingRecord, Subscription } from '../mesh/event-mesh.js'
import { noTracer, type BatchTrace, type PipelineTracer } from '../observability/tracing/pipeline-tracer.js'
import { planStream, type StreamPlan } from '../scales/scale-plan.js'
import { StreamTable } from '../scales/stream-table.js'
import { WorkerPool } from '../scales/worker-pool.js'
import { Committer } from './committer.js'
import { nextState, type PipelineSignal, type PipelineState } from './lifecycle.js'
import { OrderedFlight } from './ordered-flight.js'
import { noMetrics, type PipelineMetrics } from './pipeline-metrics.js'
import { PipelineReport, type PipelineLogger, type PipelineTotals } from './pipeline-report.js'
import { sampleStreams } from './sample-streams.js'
import type { Sink } from './sink.js'
import { orderedUpdates } from './updates.js'

export type { PipelineLogger, PipelineTotals } from './pipeline-report.js'

export interface PipelineParts {
  readonly config: Config
  /** Read until it ends or `signal` aborts. The pipeline does not close it. */
  readonly source: Subscription
  readonly decoder: { decode(records: readonly MeshRecord[]): DecodedBatch }
  readonly sink: Sink
  readonly metrics?: PipelineMetrics
  readonly logger?: PipelineLogger
  readonly tracer?: PipelineTracer
  /** Aborting it drains the pipeline. */
  readonly signal?: AbortSignal
}

/** One run from a source to a sink. `createDaemon` makes it; its state and totals may be read at any time. */
export class Pipeline {
  readonly #config: Config
  readonly #source: Subscription
  readonly #decoder: PipelineParts['decoder']
  readonly #sink: Sink
  readonly #metrics: PipelineMetrics
  readonly #logger: PipelineLogger | undefined
  readonly #tracer: PipelineTracer
  readonly #signal: AbortSignal | undefined
  readonly #plan: StreamPlan
  readonly #pool: WorkerPool
  readonly #streams: StreamTable
  readonly #flight: OrderedFlight
  readonly #committer: Committer
  /** Stops the source: on a drain and on a failure. */
  readonly #stop = new AbortController()
  readonly #report: PipelineReport
  /** Committed offset of each partition that is being restored. */
  readonly #restoring = new Map<number, number>()
  /** Partitions whose lag was last reported. */
  #lagging: ReadonlySet<number> = new Set()
  #state: PipelineState = { kind: 'starting' }
  #drainTimer: NodeJS.Timeout | undefined
  #rejectRun: (error: TdaError) => void = () => {}

  /** @throws CONFIG_INVALID when scales and channels do not fit together; ADDON_UNAVAILABLE without the native addon. */
  constructor(parts: PipelineParts) {
    const { config, source } = parts
    this.#config = config
    this.#source = source
    this.#decoder = parts.decoder
    this.#sink = parts.sink
    this.#metrics = parts.metrics ?? noMetrics
    this.#logger = parts.logger
    this.#tracer = parts.tracer ?? noTracer
    this.#report = new PipelineReport(this.#metrics, parts.logger)
    this.#signal = parts.signal
    this.#plan = planStream(config)
    this.#pool = new WorkerPool({
      workers: config.pipeline.workers,
      scales: this.#plan.scales.map(({ name, layout }) => ({ name, layout })),
      maxBytes: config.publish.maxBytes,
      eventTime: this.#plan.eventTime
    })
    this.#streams = new StreamTable(config, this.#plan, this.#pool)
    const fail = (error: unknown): void => void this.#fail(error)
    this.#flight = new OrderedFlight(config.pipeline.batchesInFlight, fail)
    const commit: Subscription['commit'] = (next) => this.#tracer.commit(next.size, () => source.commit(next))
    this.#committer = new Committer({ commit }, fail)
  }

  get state(): PipelineState {
    return this.#state
  }

  get totals(): PipelineTotals {
    return this.#report.totals
  }

  /** Sets the gauges this process knows itself: before a scrape. O(streams x scales), no I/O. */
  sample(): void {
    sampleStreams(this.#metrics, this.#config, this.#streams)
    this.#metrics.queueDepth('batches', this.#flight.depth)
    this.#metrics.queueDepth('jobs', this.#pool.jobsInFlight)
    this.#metrics.workerUtilisation(this.#pool.utilisation())
  }

  /**
   * Sets the gauges of the lag: every so often, because the source has to ask for it.
   * @throws BROKER when it gets no answer; then there is no lag to be seen, instead of an old one.
   */
  async sampleLag(): Promise<void> {
    let lag: ReadonlyMap<number, number>
    try {
      lag = await this.#source.lag()
    } catch (error) {
      for (const partition of this.#lagging) this.#metrics.consumerLag(partition, null)
      this.#lagging = new Set()
      throw error
    }
    for (const partition of this.#lagging) if (!lag.has(partition)) this.#metrics.consumerLag(partition, null)
    for (const [partition, records] of lag) this.#metrics.consumerLag(partition, records)
    this.#lagging = new Set(lag.keys())
    // The record before the committed offset may be gone (compaction, a transaction's marker): then the end tells.
    for (const [partition, records] of lag) if (records === 0) this.#restored(partition)
  }

  /**
   * Runs until the source ends or the signal aborts, and what was read is published and committed. Once only.
   *
   * @throws what ended it: an error of source, sink or engines, or CANCELLED when a drain took longer than
   * `shutdown.timeout`. Nothing is published or committed after that.
   */
  async run(): Promise<void> {
    const failed = new Promise<never>((_, reject) => (this.#rejectRun = reject))
    const drain = (): void => this.#drain()
    this.#metrics.state(this.#state.kind)
    this.#signal?.addEventListener('abort', drain, { once: true })
    if (this.#signal?.aborted) drain()
    try {
      await Promise.race([this.#pull(), failed])
      this.#apply({ kind: 'stop', deadlineMs: Date.now() })
      this.#apply({ kind: 'drained' })
    } catch (error) {
      throw this.#fail(error)
    } finally {
      this.#signal?.removeEventListener('abort', drain)
      clearTimeout(this.#drainTimer)
      this.#stop.abort()
      await this.#pool.close()
      await this.#streams.close()
    }
  }

  /** The loop. Assignments, records and revocations come in one order, and are dealt with in it. */
  async #pull(): Promise<void> {
    const { recordsMax, lingerMs } = this.#config.pipeline
    for await (const event of this.#source.events({ recordsMax, lingerMs, signal: this.#stop.signal })) {
      switch (event.kind) {
        case 'assigned':
          this.#assign(event.partitions)
          break
        case 'records':
          await this.#take(event.records)
          break
        case 'revoked':
          await this.#settle()
          await this.#release(event.partitions)
          event.done()
          break
      }
    }
    await this.#settle()
  }

  /** The life of a batch. */
  async #take(records: readonly MeshRecord[]): Promise<void> {
    const arrivedMs = performance.now()
    const trace = this.#tracer.batch(records, (record) => this.#streams.isLive(record))
    this.#streams.follow(records)
    const decoded = trace.decode(() => this.#decoder.decode(records))
    const { slices, refused, backwards } = this.#streams.admit(decoded)
    let rounds = 0
    for (const round of this.#streams.rounds(slices)) {
      await this.#flight.slot()
      const jobs = await this.#streams.append(round)
      const results = trace.advance(jobs.length, (traced) => this.#streams.advance(round, jobs, traced))
      this.#flight.add(results, async () => this.#publish(orderedUpdates(jobs, await results), trace))
      rounds += 1
    }
    const letters = [...decoded.rejected, ...refused].filter(({ record }) => this.#streams.isLive(record))
    const next = this.#streams.nextOffsets(records)
    const newestMs = next.size > 0 ? records.at(-1)!.timestamp : null
    const finish = async (): Promise<void> => {
      if (letters.length > 0) await trace.reject(letters.length, () => this.#reject(letters))
      trace.finished()
      if (next.size > 0) this.#committer.offer(next)
      this.#report.finished(arrivedMs, newestMs)
    }
    if (rounds > 0) this.#flight.behind(finish)
    else {
      // Nothing of the batch enters, but its refused records wait for the sink like any other.
      await this.#flight.slot()
      this.#flight.add(Promise.resolve(), finish)
    }
    const points = slices.reduce((sum, { count }) => sum + count, 0)
    this.#report.taken(records.length, points, backwards)
    if (this.#restoring.size > 0) await this.#noteRestored(records)
  }

  async #publish(updates: readonly OutgoingRecord[], trace: BatchTrace): Promise<void> {
    if (updates.length === 0) return
    const startedMs = performance.now()
    await trace.publish(updates, (traced) => this.#sink.publish(traced))
    this.#report.published(updates, startedMs)
  }

  async #reject(letters: readonly RejectedRecord[]): Promise<void> {
    await this.#sink.reject(letters)
    this.#report.rejected(letters)
  }

  #assign(partitions: readonly AssignedPartition[]): void {
    for (const partition of partitions) {
      this.#streams.assign(partition)
      if (partition.resume > partition.low) this.#restoring.set(partition.partition, partition.resume)
      this.#warnOfLoss(partition)
    }
    this.#logger?.info({ partitions }, 'partitions assigned')
    this.#apply({ kind: 'assigned', restoring: [...this.#restoring.keys()] })
  }

  #warnOfLoss({ partition, low, committed }: AssignedPartition): void {
    const lost = committed === null ? 0 : low - committed
    if (lost <= 0) return
    const message = `retention removed ${lost} records before they were read; let the input topic keep them for longer`
    this.#logger?.warn({ partition, low, committed }, message)
  }

  async #noteRestored(records: readonly MeshRecord[]): Promise<void> {
    for (const { partition, offset } of records) {
      if (offset + 1 < (this.#restoring.get(partition) ?? Infinity)) continue
      await this.#streams.catchUp(partition)
      this.#restored(partition)
    }
  }

  #restored(partition: number): void {
    if (!this.#restoring.delete(partition)) return
    this.#apply({ kind: 'restored', partition })
  }

  /** Everything read so far is published and committed. */
  async #settle(): Promise<void> {
    await this.#flight.settled()
    await this.#committer.flush()
  }

  async #release(partitions: readonly number[]): Promise<void> {
    for (const partition of partitions) {
      await this.#streams.release(partition)
      this.#restored(partition)
    }
    this.#logger?.info({ partitions }, 'partitions revoked')
  }

  #drain(): void {
    const { timeout } = this.#config.shutdown
    this.#apply({ kind: 'stop', deadlineMs: Date.now() + timeout })
    this.#stop.abort()
    this.#drainTimer = setTimeout(() => {
      const message = `the drain did not finish within shutdown.timeout (${timeout} ms); a restart repeats the rest`
      this.#fail(new TdaError('CANCELLED', message))
    }, timeout)
  }

  /** The first failure decides; returns it. */
  #fail(cause: unknown): TdaError {
    if (this.#state.kind === 'failed') return this.#state.cause
    const error =
      cause instanceof TdaError
        ? cause
        : new TdaError('INTERNAL', `the pipeline failed: ${String(cause)}`, { cause })
    this.#apply({ kind: 'error', cause: error })
    this.#metrics.failed(error.code)
    this.#tracer.failed(error)
    this.#logger?.error({ code: error.code, err: error }, error.message)
    this.#stop.abort()
    this.#rejectRun(error)
    return error
  }

  #apply(signal: PipelineSignal): void {
    const before = this.#state.kind
    this.#state = nextState(this.#state, signal)
    if (this.#state.kind === before) return
    this.#metrics.state(this.#state.kind)
    this.#logger?.info({ state: this.#state.kind, before }, `pipeline ${this.#state.kind}`)
  }
}
