/** What a run costs: processor time and memory of this process and of others by their ids, and how late its event loop is. */
import { monitorEventLoopDelay, performance, type IntervalHistogram } from 'node:perf_hooks'
import pidusage from 'pidusage'

const SAMPLE_MS = 1000
const LOOP_RESOLUTION_MS = 5
const MIB = 1 << 20

/** Of one process. Processors: 1 is one core busy all the time. */
export interface ProcessFigures {
  readonly cpuMean: number
  readonly cpuMax: number
  readonly rssMiBFirst: number
  readonly rssMiBMax: number
  readonly rssMiBLast: number
}

/** What a run cost, sampled once a second. */
export interface ResourceFigures {
  readonly self: ProcessFigures
  /** How much later than asked timers fired, in ms. */
  readonly eventLoopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number }
  /** By the name given; `null` for a process that was not there. */
  readonly processes: Readonly<Record<string, ProcessFigures | null>>
}

/** Samples once a second between `start` and `stop`; memory O(1). */
export class ResourceTracker {
  readonly #self = new Samples()
  readonly #others: ReadonlyMap<string, { readonly pid: number; readonly samples: Samples }>
  readonly #loop: IntervalHistogram = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  #timer: NodeJS.Timeout | undefined
  #cpu = process.cpuUsage()
  #at = performance.now()
  #asking: Promise<void> = Promise.resolve()

  /** Process ids by the names to report them under. */
  constructor(pids: Readonly<Record<string, number>>) {
    this.#others = new Map(Object.entries(pids).map(([name, pid]) => [name, { pid, samples: new Samples() }]))
  }

  start(): void {
    this.#cpu = process.cpuUsage()
    this.#at = performance.now()
    this.#self.memory(process.memoryUsage.rss())
    this.#loop.enable()
    this.#asking = this.#askOthers(false) // processor time counts from here
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#loop.disable()
    this.#sample()
    await this.#asking
    pidusage.clear()
  }

  /** Bytes resident now. */
  rss(): number {
    return process.memoryUsage.rss()
  }

  figures(): ResourceFigures {
    const ms = (ns: number): number => Math.max(0, ns / 1e6 - LOOP_RESOLUTION_MS)
    const { max } = this.#loop
    return {
      self: this.#self.figures()!,
      eventLoopDelayMs: {
        p50: ms(this.#loop.percentile(50)),
        p99: ms(this.#loop.percentile(99)),
        max: ms(max)
      },
      processes: Object.fromEntries([...this.#others].map(([name, { samples }]) => [name, samples.figures()]))
    }
  }

  #sample(): void {
    const { user, system } = process.cpuUsage(this.#cpu)
    const now = performance.now()
    if (now - this.#at >= 1) this.#self.processor((user + system) / 1000 / (now - this.#at), now - this.#at)
    this.#cpu = process.cpuUsage()
    this.#at = now
    this.#self.memory(process.memoryUsage.rss())
    this.#asking = this.#asking.then(() => this.#askOthers(true))
  }

  async #askOthers(withProcessor: boolean): Promise<void> {
    for (const { pid, samples } of this.#others.values()) {
      try {
        const { cpu, memory, elapsed } = await pidusage(pid)
        samples.memory(memory)
        if (withProcessor) samples.processor(cpu / 100, Math.min(elapsed, SAMPLE_MS))
      } catch {
        // It has ended: what was seen of it stays.
      }
    }
  }
}

/** Running figures of one process. */
class Samples {
  #busyMs = 0
  #ms = 0
  #cpuMax = 0
  #rssFirst: number | null = null
  #rssMax = 0
  #rssLast = 0

  processor(cores: number, ms: number): void {
    this.#busyMs += cores * ms
    this.#ms += ms
    this.#cpuMax = Math.max(this.#cpuMax, cores)
  }

  memory(bytes: number): void {
    this.#rssFirst ??= bytes
    this.#rssMax = Math.max(this.#rssMax, bytes)
    this.#rssLast = bytes
  }

  figures(): ProcessFigures | null {
    if (this.#rssFirst === null) return null
    return {
      cpuMean: this.#ms === 0 ? 0 : this.#busyMs / this.#ms,
      cpuMax: this.#cpuMax,
      rssMiBFirst: this.#rssFirst / MIB,
      rssMiBMax: this.#rssMax / MIB,
      rssMiBLast: this.#rssLast / MIB
    }
  }
}
