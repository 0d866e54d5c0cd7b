/**
 * START HERE (daemon): the life of a record.
 *
 *   source -> decode -> admit -> append -> advance -> deliver: updates, dead letters, state and offsets as one
 *                  \________\____ refused records ______/
 *
 * One pull loop sets the pace: it takes the next batch only when a place in flight is free, so everything behind it is
 * bounded and a slow delivery slows the source. While the worker threads advance one batch, the main thread decodes the
 * next; outcomes are delivered in order (see `ordered-flight.ts`).
 *
 *   (L1) What is committed has its results acknowledged, and its refused records too.
 *   (L2) Keys and values per stream depend on the log and the configuration alone: not on batches, threads or restarts.
 *   (L3) After a failure nothing is published or committed any more; a restart repeats from the committed offsets.
 */
import type { DecodedBatch, RejectedRecord } from '../adapters/decoder.js'
import type { Config } from '../config/schema.js'
import { TdaError } from '../errors.js'
import type {
  AssignedPartition,
  MeshEvent,
  MeshRecord,
  OutgoingRecord,
  Subscription
} from '../mesh/event-mesh.js'
import { noTracer, type BatchTrace, type PipelineTracer } from '../observability/tracing/pipeline-tracer.js'
import { MemoryGate, type MemoryBytes, type MemoryLook } from '../scales/memory-gate.js'
import { resultPlace } from '../publishers/dead-letters.js'
import { planStream, type StreamPlan } from '../scales/scale-plan.js'
import { LogMismatch, StreamTable } from '../scales/stream-table.js'
import type { StreamState } from '../scales/stream-state.js'
import { WorkerPool } from '../scales/worker-pool.js'
import type { Delivery, Outcome } from './delivery.js'
import { nextState, type PipelineSignal, type PipelineState } from './lifecycle.js'
import { OrderedFlight } from './ordered-flight.js'
import { componentLogger, type DetailedLogger } from './pipeline-logger.js'
import { noMetrics, type PipelineMetrics } from '../observability/pipeline-metrics.js'
import { bytesOf } from './record-bytes.js'
import {
  newestOf,
  PipelineReport,
  workerLog,
  type PipelineLogger,
  type PipelineTotals
} from './pipeline-report.js'
import { Restorer, type StateStore } from './restore.js'
import { RestoreProgress } from './restore-progress.js'
import { nativeBytes, sampleStreams } from './sample-streams.js'
import { orderedUpdates } from './updates.js'

export type { PipelineLogger, PipelineTotals } from './pipeline-report.js'

export interface PipelineParts {
  readonly config: Config
  /** Read until it ends or `signal` aborts. The pipeline does not close it. */
  readonly source: Subscription
  readonly decoder: { decode(records: readonly MeshRecord[]): DecodedBatch }
  /** Where results go. The pipeline does not close it. */
  readonly delivery: Delivery
  /** Where the state of streams is read from; without it windows are rebuilt from the oldest record. */
  readonly state?: StateStore
  readonly metrics?: PipelineMetrics
  readonly logger?: PipelineLogger
  readonly tracer?: PipelineTracer
  /** Aborting it drains the pipeline. */
  readonly signal?: AbortSignal
  /**
   * Where memory is this short, no stream is new (see `memory-gate.ts`). Default: no such limit, so that results depend on
   * the log and the configuration alone (L2), as a replay's must.
   */
  readonly memoryLimits?: MemoryBytes
}

/**
 * One run from a source to where results go. `createDaemon` makes it; its state and totals may be read at any time.
 *
 * @example
 * const scales = [{ name: 'short', window: 64, filtration: 'sublevel' }]
 * const config = validateConfig({ input: { topic: 'points', channels: ['x'] }, scales })
 * const mesh = new InProcessEventMesh()
 * const stop = new AbortController()
 * const { pipeline, run } = await createDaemon(config, { mesh, signal: stop.signal, http: false })
 * console.log(pipeline.state.kind, pipeline.totals) // starting { records: 0, points: 0, rejected: 0, updates: 0 }
 * stop.abort()
 * await run()
 * await mesh.close()
 */
export class Pipeline {
  readonly #config: Config
  readonly #source: Subscription
  readonly #decoder: PipelineParts['decoder']
  readonly #delivery: Delivery
  readonly #metrics: PipelineMetrics
  readonly #logger: DetailedLogger
  readonly #tracer: PipelineTracer
  readonly #signal: AbortSignal | undefined
  readonly #plan: StreamPlan
  readonly #pool: WorkerPool
  readonly #streams: StreamTable
  readonly #memory: MemoryGate | null
  readonly #flight: OrderedFlight
  /** Stops the source: on a drain and on a failure. */
  readonly #stop = new AbortController()
  readonly #report: PipelineReport
  readonly #restorer: Restorer | null
  readonly #restoring: RestoreProgress
  /** An event is being dealt with: streams change. */
  #handling = false
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
    this.#delivery = parts.delivery
    this.#metrics = parts.metrics ?? noMetrics
    this.#logger = componentLogger(parts.logger, 'pipeline')
    this.#tracer = parts.tracer ?? noTracer
    this.#signal = parts.signal
    this.#plan = planStream(config)
    const scales = this.#plan.scales.map(({ name }) => name)
    this.#report = new PipelineReport({ metrics: this.#metrics, logger: parts.logger, scales })
    this.#pool = new WorkerPool({
      workers: config.pipeline.workers,
      scales: this.#plan.scales.map(({ name, layout }) => ({ name, layout })),
      maxBytes: config.publish.maxBytes,
      eventTime: this.#plan.eventTime,
      log: workerLog(parts.logger)
    })
    const used = (): MemoryBytes => ({
      native: nativeBytes(this.#streams),
      resident: process.memoryUsage.rss()
    })
    const changed = (open: boolean, look: MemoryLook): void => this.#report.memory(open, look)
    this.#memory = parts.memoryLimits ? new MemoryGate(parts.memoryLimits, used, changed) : null
    this.#streams = new StreamTable(config, this.#plan, this.#pool, this.#memory)
    this.#restorer = parts.state ? new Restorer(config, this.#streams, parts.state, this.#logger) : null
    this.#restoring = new RestoreProgress({
      streams: this.#streams,
      metrics: this.#metrics,
      logger: this.#logger,
      restored: (partition) => {
        this.#restorer?.restored(partition)
        this.#apply({ kind: 'restored', partition })
      }
    })
    this.#flight = new OrderedFlight(config.pipeline.batchesInFlight, (error) => void this.#fail(error))
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

  /** Looks at memory, so that a change is seen without a new stream: every so often. O(streams x scales), no I/O. */
  sampleMemory(): void {
    if (this.#memory) this.#metrics.memoryRatio(this.#memory.look().ratio)
  }

  /**
   * Sets the gauges of the lag: every so often, because the source has to ask for it.
   * @throws BROKER when it gets no answer; then there is no lag to be seen, instead of an old one.
   */
  async sampleLag(): Promise<void> {
    let lag: ReadonlyMap<number, number>
    try {
      lag = await this.#report.watched('source', this.#source.lag())
    } catch (error) {
      for (const partition of this.#lagging) this.#metrics.consumerLag(partition, null)
      this.#lagging = new Set()
      throw error
    }
    for (const partition of this.#lagging) if (!lag.has(partition)) this.#metrics.consumerLag(partition, null)
    for (const [partition, records] of lag) this.#metrics.consumerLag(partition, records)
    this.#lagging = new Set(lag.keys())
    for (const [partition, records] of lag) {
      const told = this.#restoring.lagged(partition, records, !this.#handling, this.#restorer !== null)
      await told
        .catch((error: unknown) => this.#explain(error))
        .catch((error: unknown) => void this.#fail(error))
    }
  }

  /** Writes a checkpoint when one is due and no record comes that would; every so often. @throws BROKER without an answer */
  async keepState(): Promise<void> {
    if (!this.#restorer || this.#state.kind !== 'running') return
    try {
      if (this.#restorer.isDue() && !this.#handling && this.#flight.depth === 0) this.#checkpoint()
    } catch (error) {
      void this.#fail(error)
    }
    await this.#restorer.refresh()
  }

  /** How far a restore is, for people; `null` when none is under way. */
  get restoreText(): string | null {
    return this.#restoring.text
  }

  /** The topic does not take these. Who follows their stream and scale has missed one: a snapshot comes next. */
  omitted(updates: ReadonlySet<OutgoingRecord>): void {
    for (const { value } of updates) {
      const { partition, stream, scale } = resultPlace(value)
      this.#streams.requestSnapshot(partition, stream, scale)
    }
    this.#report.omitted(updates)
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
      const delivered = this.#report.watched('deliver', this.#delivery.failed)
      await Promise.race([
        this.#report.watched(
          'source',
          this.#pull().catch((error: unknown) => this.#explain(error))
        ),
        failed,
        delivered
      ])
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
      this.#handling = true
      switch (event.kind) {
        case 'assigned':
          await this.#assign(event)
          break
        case 'records':
          await this.#receive(event.records)
          break
        case 'revoked':
          await this.#settle()
          this.#checkpoint(event.partitions)
          await this.#settle()
          await this.#release(event.partitions)
          event.done()
          break
      }
      this.#handling = false
    }
    await this.#settle()
    this.#checkpoint()
    await this.#settle()
  }

  /** Writes a checkpoint where one is due before these records; a restore that ends among them may make it due. */
  async #receive(records: readonly MeshRecord[]): Promise<void> {
    const isFirstLive = (record: MeshRecord): boolean =>
      this.#restoring.has(record.partition) && this.#streams.isLive(record)
    const live = this.#restoring.isNone ? -1 : records.findIndex(isFirstLive)
    if (live >= 0) {
      if (live > 0) await this.#receive(records.slice(0, live))
      await this.#restoring.end(records[live]!.partition)
      return this.#receive(records.slice(live))
    }
    if (this.#restorer?.isDue()) {
      await this.#flight.settled()
      this.#checkpoint()
    }
    await this.#take(records)
  }

  /** The life of a batch. One that may bring more results than memory allows is taken in halves. */
  async #take(records: readonly MeshRecord[]): Promise<void> {
    const arrivedMs = performance.now()
    const decoded = this.#decoder.decode(records)
    if (records.length > 1 && !this.#streams.isAffordable(records, decoded.points)) {
      const half = records.length >>> 1
      await this.#take(records.slice(0, half))
      return this.#take(records.slice(half))
    }
    const isLive = (record: MeshRecord): boolean => this.#streams.isLive(record)
    const trace = this.#tracer.batch({ records, decoded, arrivedMs, isLive })
    await this.#flight.slot()
    const gaps = this.#streams.follow(records)
    const { slices, refused, backwards } = this.#streams.admit(decoded)
    const rounds: Promise<OutgoingRecord[]>[] = []
    for (const round of this.#streams.rounds(slices)) {
      const jobs = await this.#report.watched('advance', this.#streams.append(round))
      const answers = trace.advance(jobs.length, (traced) => this.#streams.advance(round, jobs, traced))
      const advanced = this.#report.advanced(jobs, answers)
      const results = advanced.then((messages) => orderedUpdates(jobs, messages))
      results.catch(() => {}) // Told by the flight, which waits for all of them.
      rounds.push(results)
    }
    const letters = [...decoded.rejected, ...refused].filter(({ record }) => isLive(record)).map(detached)
    const next = this.#streams.nextOffsets(records)
    const newest = newestOf(records, this.#restoring.isNone ? undefined : isLive)
    const computed = this.#report.computed(arrivedMs, Promise.all(rounds))
    // Asked beside the computation, and waited for before anything of this batch goes out.
    const retained = gaps.length > 0 ? this.#restorer?.requireRetained(gaps) : undefined
    this.#flight.add(Promise.all([computed, retained]), ([updates]) =>
      this.#deliver({ updates: updates.flat(), letters, state: [], next }, trace, arrivedMs, newest)
    )
    trace.inside(() => this.#report.taken(records, slices, backwards))
    await this.#restoring.read(records)
  }

  async #deliver(
    outcome: Outcome,
    trace: BatchTrace,
    arrivedMs: number,
    newest: ReadonlyMap<number, number>
  ): Promise<void> {
    const { letters, state, next } = outcome
    const updates = trace.delivering(outcome.updates, letters.length)
    const startedMs = performance.now()
    const report = (omitted: ReadonlySet<OutgoingRecord>): void => {
      if (omitted.size > 0) this.omitted(omitted)
      const published = omitted.size > 0 ? updates.filter((update) => !omitted.has(update)) : updates
      if (published.length > 0) this.#report.published(published, startedMs)
      if (letters.length > 0) this.#report.rejected(letters)
      this.#report.finished(arrivedMs, newest, trace.traceId)
    }
    const out = (omitted: ReadonlySet<OutgoingRecord> = new Set()): void => {
      trace.inside(() => report(omitted))
      trace.finished()
    }
    const lost = (): void => trace.finished()
    // Of a batch that was only replayed nothing is left.
    if (updates.length + letters.length + state.length + next.size === 0) out()
    else await this.#report.watched('deliver', this.#delivery.deliver({ ...outcome, updates }, out, lost))
  }

  async #assign({ partitions, startAt }: Extract<MeshEvent, { kind: 'assigned' }>): Promise<void> {
    for (const partition of partitions) this.#warnOfLoss(partition)
    this.#metrics.rebalanced('assigned')
    this.#logger.info({ partitions }, 'partitions assigned')
    for (const { partition, low, resume, committed } of partitions) {
      const mayHaveState = this.#restorer !== null && committed !== null
      if (resume > low || mayHaveState) this.#restoring.expect(partition, { from: low, resume })
    }
    this.#apply({ kind: 'assigned', restoring: this.#restoring.partitions })
    for (const partition of partitions) {
      const start = startAt && (await this.#restorer?.start(partition))
      const { state, from } = start ?? { state: null, from: partition.low }
      startAt?.(partition.partition, from)
      this.#streams.assign(partition, state, from)
      if (state) await this.#load(partition.partition, state.streams)
      await this.#restoring.begin(partition.partition, from)
    }
  }

  /** Stored points go through the engines like any others, and nothing of it goes out. */
  async #load(partition: number, streams: readonly StreamState[]): Promise<void> {
    for (const round of this.#streams.rounds(this.#streams.storedSlices(partition, streams))) {
      const jobs = await this.#streams.append(round)
      await this.#streams.advance(round, jobs)
    }
  }

  #warnOfLoss({ partition, low, committed }: AssignedPartition): void {
    const lost = committed === null ? 0 : low - committed
    if (lost <= 0) return
    const message = `retention removed ${lost} records before they were read; let the input topic keep them for longer`
    this.#logger.warn({ partition, low, committed }, message)
  }

  /** REQUIRES: the flight is settled, and no event is half dealt with. */
  #checkpoint(partitions: readonly number[] = this.#streams.partitions()): void {
    const outcome = this.#restorer?.checkpoint(partitions, this.#restoring)
    if (!outcome) return
    const out = (): void => this.#metrics.checkpointed(outcome.state.length, bytesOf(outcome.state))
    this.#flight.add(Promise.resolve(), () => this.#delivery.deliver(outcome, out))
  }

  /** A log that is not what a state speaks of ends the pipeline, with what there is to do about it. */
  async #explain(cause: unknown): Promise<never> {
    if (!(cause instanceof LogMismatch) || !this.#restorer) throw cause
    const resume = this.#restoring.resumeOf(cause.partition)
    const { error, last } = this.#restorer.mismatch(cause, resume)
    if (last) {
      await this.#flight.settled()
      await this.#delivery.deliver(last, () => {})
      await this.#delivery.settle()
    }
    throw error
  }

  /** Everything read so far is published and committed. */
  async #settle(): Promise<void> {
    await this.#flight.settled()
    await this.#delivery.settle()
  }

  async #release(partitions: readonly number[]): Promise<void> {
    this.#delivery.released(partitions)
    for (const partition of partitions) {
      this.#restorer?.release(partition)
      await this.#streams.release(partition)
      this.#metrics.partitionConsumed(partition, null)
      this.#restoring.drop(partition)
    }
    this.#metrics.rebalanced('revoked')
    this.#logger.info({ partitions }, 'partitions revoked')
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
    this.#logger.error({ code: error.code, err: error }, error.message)
    this.#stop.abort()
    this.#rejectRun(error)
    return error
  }

  #apply(signal: PipelineSignal): void {
    const before = this.#state.kind
    this.#state = nextState(this.#state, signal)
    if (this.#state.kind === before) return
    this.#metrics.state(this.#state.kind)
    this.#logger.info({ state: this.#state.kind, before }, `pipeline ${this.#state.kind}`)
  }
}

/** A refused record without the batch it came in, which its letter would hold as long as brokers are away. */
function detached({ record, ...why }: RejectedRecord): RejectedRecord {
  const { topic, partition, offset, timestamp, headers } = record
  const copy = (bytes: Uint8Array | null): Uint8Array | null => bytes && Buffer.from(bytes)
  const rest = headers === undefined ? {} : { headers }
  return {
    ...why,
    record: { topic, partition, offset, timestamp, ...rest, key: copy(record.key), value: copy(record.value) }
  }
}
