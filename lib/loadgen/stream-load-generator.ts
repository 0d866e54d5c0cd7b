/**
 * The load generator: an open loop. Events have intended times that nothing can move; an event that cannot be sent in
 * time is sent late, and its latency counts from the time intended, so what stalls the target cannot hide.
 *
 *   (L1) scheduled = sent + unsent; sent = acknowledged + failed + unconfirmed.
 *   (L2) Memory does not grow with the events: they are made when due, and what is in flight is bounded by the target.
 *   (L3) Records and intended times are functions of the options and the seed.
 */
import { performance } from 'node:perf_hooks'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { TdaError } from '../errors.js'
import type { BulkPublisher } from '../mesh/bulk-publisher.js'
import type { EventMesh } from '../mesh/event-mesh.js'
import { Schedule } from './arrivals.js'
import { Latencies } from './latency.js'
import { MeshTarget } from './mesh-target.js'
import { LOAD_LIMITS, planLoad, type LoadOptions, type LoadPlan } from './options.js'
import { RateAudit } from './rate-audit.js'
import { RecordSource, type LoadRecord } from './records.js'
import { loadReport, type LoadProgress, type LoadReport } from './report.js'
import { ResourceTracker } from './resources.js'

/** Records sent between two looks at the clock. */
const SLICE = 128
/** Sending without a break, before the event loop gets its turn. */
const TURN_MS = 2
/** Longest sleep, so that a stop is noticed. */
const SLEEP_MS_MAX = 50
const PROGRESS_MS = 1000
const DRAIN_MS = 30_000
/** So many seconds of points are made before the first is sent. */
const WARM_UP_S = 0.04

/** Time as the generator sees it; another in tests. */
export interface LoadClock {
  /** Monotonic, in ms. */
  now(): number
  /** Since the epoch, in ms. */
  epoch(): number
  /** At least about `ms`; 0: only lets others run. */
  sleep(ms: number): Promise<void>
}

const SYSTEM_CLOCK: LoadClock = {
  now: () => performance.now(),
  epoch: () => Date.now(),
  sleep: async (ms) => {
    await (ms === 0 ? setImmediate() : setTimeout(Math.max(1, ms)))
  }
}

/** How to send, beside what. */
export interface StreamLoadGeneratorOptions extends LoadOptions {
  /** After the duration: how long to send what is late and to wait for acknowledgements, in ms. Default 30 000. */
  readonly drainMs?: number
  /** Process ids to watch, by the names to report them under. */
  readonly watch?: Readonly<Record<string, number>>
  /** Once a second. */
  readonly onProgress?: (progress: LoadProgress) => void
  /** Default: the system's. */
  readonly clock?: LoadClock
}

/** Where a load goes: a topic of a mesh, which exists or which the mesh creates on use, or a publisher of bulk. */
export type LoadTarget = { readonly mesh: EventMesh; readonly topic: string } | BulkPublisher

/**
 * Sends a seeded load at a stated rate and says what became of it: rate held or not, latency from the intended time,
 * processor time and memory. One run an object.
 *
 * Cost: 2 to 3 us of one core a record of one point, the mesh's own included.
 *
 * @example
 * const mesh = new InProcessEventMesh()
 * const load = new StreamLoadGenerator({ rate: 1000, durationMs: 200, streams: 10 }, { mesh, topic: 'points' })
 * const report = await load.run()
 * console.log(report.sent, report.acknowledged, report.failed) // 200 200 0
 * await mesh.close()
 */
export class StreamLoadGenerator {
  readonly #plan: LoadPlan
  readonly #target: BulkPublisher
  readonly #clock: LoadClock
  readonly #options: StreamLoadGeneratorOptions
  readonly #drainMs: number
  readonly #schedule: Schedule
  /** Walks the schedule as records are acknowledged, where the target only counts them. */
  readonly #settling: Schedule
  readonly #audit: RateAudit
  readonly #resources: ResourceTracker
  readonly #sendDelay = new Latencies()
  readonly #publish = new Latencies()
  #started = false
  #startMs = 0
  #sent = 0
  #bytes = 0
  #acknowledged = 0
  #failed = 0
  #firstFailure: Error | null = null
  /** Made, and refused by a target that was full. */
  #waiting: LoadRecord | null = null
  #nextProgressMs = PROGRESS_MS

  /** @throws INVALID_ARGUMENT naming the option, its bounds and what was found. */
  constructor(options: StreamLoadGeneratorOptions, target: LoadTarget) {
    this.#plan = planLoad(options)
    this.#drainMs = options.drainMs ?? DRAIN_MS
    if (!(this.#drainMs >= 0 && this.#drainMs <= LOAD_LIMITS.drainMs)) {
      const bounds = `from 0 to ${LOAD_LIMITS.drainMs}`
      throw new TdaError('INVALID_ARGUMENT', `load: drainMs: expected ${bounds}, found ${this.#drainMs}`)
    }
    this.#options = options
    this.#clock = options.clock ?? SYSTEM_CLOCK
    this.#target = 'mesh' in target ? new MeshTarget(target.mesh, target.topic) : target
    this.#schedule = new Schedule(this.#plan)
    this.#settling = new Schedule(this.#plan)
    this.#audit = new RateAudit(this.#plan)
    this.#resources = new ResourceTracker(options.watch ?? {})
  }

  /**
   * Sends until the duration is over or the signal aborts, waits for acknowledgements, and reports.
   * @throws INVALID_ARGUMENT on a second call; BROKER when the target refuses to take records at all.
   */
  async run(signal?: AbortSignal): Promise<LoadReport> {
    if (this.#started)
      throw new TdaError('INVALID_ARGUMENT', 'load: run() was called before; make another generator')
    this.#started = true
    this.#target.observe({
      acknowledged: (records, tag) => this.#settled(records, tag),
      failed: (records, cause, tag) => this.#refused(records, cause, tag)
    })
    this.#resources.start()
    const epoch = this.#clock.epoch()
    const source = new RecordSource(this.#plan, this.#plan.startTime ?? epoch)
    warmUp(this.#plan, epoch)
    this.#startMs = this.#clock.now()
    let endMs: number
    let stopped: boolean
    try {
      await this.#send(source, epoch, signal)
      endMs = this.#elapsed()
      stopped = signal?.aborted === true
      this.#audit.advance(endMs)
      const leftMs = Math.max(0, this.#plan.durationMs + this.#drainMs - endMs)
      await this.#target.drain(stopped ? this.#drainMs : leftMs)
    } finally {
      await this.#resources.stop()
    }
    return this.#report(endMs, stopped)
  }

  async #send(source: RecordSource, epoch: number, signal: AbortSignal | undefined): Promise<void> {
    const { durationMs, records } = this.#plan
    let turnMs = 0
    while (signal?.aborted !== true) {
      const elapsed = this.#elapsed()
      this.#audit.advance(elapsed)
      if (elapsed >= this.#nextProgressMs) this.#tellProgress(elapsed)
      const due = this.#schedule.nextMs
      const over = due === Infinity && (elapsed >= durationMs || this.#sent === records)
      if (over || elapsed > durationMs + this.#drainMs) return
      if (due > elapsed) {
        await this.#clock.sleep(Math.min(Math.min(due, durationMs) - elapsed, SLEEP_MS_MAX))
        turnMs = this.#elapsed()
        continue
      }
      const taken = this.#sendDue(source, epoch, elapsed)
      this.#target.flush()
      if (taken && this.#elapsed() - turnMs < TURN_MS) continue
      await this.#clock.sleep(taken ? 0 : 1)
      turnMs = this.#elapsed()
    }
  }

  /** Up to a slice of what is due. False when the target is full. */
  #sendDue(source: RecordSource, epoch: number, elapsed: number): boolean {
    for (let n = 0; n < SLICE; n++) {
      const intended = this.#schedule.nextMs
      if (intended > elapsed) return true
      const record = this.#waiting ?? source.next(intended)
      if (!this.#target.send(record.key, record.value, Math.floor(epoch + intended), intended)) {
        this.#waiting = record
        return false
      }
      this.#waiting = null
      this.#schedule.pass()
      this.#sent++
      this.#bytes += record.value.length
      this.#audit.sent(1)
      this.#sendDelay.record(elapsed - intended)
    }
    return true
  }

  #settled(records: number, tag: number | undefined): void {
    const elapsed = this.#elapsed()
    this.#acknowledged += records
    if (tag !== undefined) {
      this.#publish.record(elapsed - tag)
      return
    }
    for (let n = 0; n < records; n++) {
      this.#publish.record(elapsed - this.#settling.nextMs)
      this.#settling.pass()
    }
  }

  #refused(records: number, cause: Error, tag: number | undefined): void {
    this.#failed += records
    this.#firstFailure ??= cause
    if (tag === undefined) for (let n = 0; n < records; n++) this.#settling.pass()
  }

  #tellProgress(elapsed: number): void {
    this.#nextProgressMs = (Math.floor(elapsed / PROGRESS_MS) + 1) * PROGRESS_MS
    this.#options.onProgress?.({
      elapsedMs: elapsed,
      sent: this.#sent,
      acknowledged: this.#acknowledged,
      failed: this.#failed,
      behindMs: Math.max(0, elapsed - Math.min(elapsed, this.#schedule.nextMs)),
      rssMiB: this.#resources.rss() / 2 ** 20
    })
  }

  #elapsed(): number {
    return this.#clock.now() - this.#startMs
  }

  #report(endMs: number, stopped: boolean): LoadReport {
    const scheduled = this.#audit.scheduledBefore(Math.min(endMs, this.#plan.durationMs))
    return loadReport(this.#plan, {
      target: this.#target,
      seconds: endMs / 1000,
      stopped,
      scheduled: Math.max(scheduled, this.#sent),
      sent: this.#sent,
      acknowledged: this.#acknowledged,
      failed: this.#failed,
      firstFailure: this.#firstFailure,
      bytes: this.#bytes,
      rate: this.#audit.figures(),
      sendDelay: this.#sendDelay.figures(),
      publish: this.#publish.figures(),
      resources: this.#resources
    })
  }
}

/** Makes the first records of the load and lets go of them, so that the first that is sent does not wait for the compiler. */
function warmUp(plan: LoadPlan, epoch: number): void {
  const source = new RecordSource(plan, plan.startTime ?? epoch)
  const schedule = new Schedule(plan)
  const delays = new Latencies()
  for (let n = 0; n < (plan.rate * WARM_UP_S) / plan.pointsPerRecord && schedule.nextMs < Infinity; n++) {
    source.next(schedule.nextMs)
    delays.record(n)
    schedule.pass()
  }
}
