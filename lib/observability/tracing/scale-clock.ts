/**
 * Times the parts of one task in a worker, scale by scale. A task holds the engines of many streams, so a scale is one
 * span from its first engine to its last, with the time that was its own beside it; never a span an engine.
 * Workers only measure: the SDK (200 MB, a second to load) stays on the main thread, which makes spans of it.
 */
import { threadId } from 'node:worker_threads'
import type { WorkerSpan } from './pipeline-tracer.js'
import type { TraceContext } from './trace-context.js'

interface Timed {
  readonly startMs: number
  endMs: number
  busyMs: number
  engines: number
}

/** REQUIRES: `start` once, then `updated` and `encoded` for each engine. Cost: two clock readings an engine. */
export class ScaleClock {
  readonly #parent: TraceContext
  readonly #now: () => number
  /** From the clock to the epoch, read once: spans of one task do not move against each other. */
  readonly #epochMs: number
  readonly #update = new Map<number, Timed>()
  readonly #encode = new Map<number, Timed>()
  #markMs = 0

  constructor(parent: TraceContext, now = (): number => performance.now(), epochNow = Date.now) {
    this.#parent = parent
    this.#now = now
    this.#epochMs = epochNow() - now()
  }

  start(): void {
    this.#markMs = this.#now()
  }

  updated(scale: number): void {
    this.#add(this.#update, scale)
  }

  encoded(scale: number): void {
    this.#add(this.#encode, scale)
  }

  spans(): WorkerSpan[] {
    return [...this.#spans('update', this.#update), ...this.#spans('encode', this.#encode)]
  }

  #add(step: Map<number, Timed>, scale: number): void {
    const startMs = this.#markMs
    const endMs = (this.#markMs = this.#now())
    let timed = step.get(scale)
    if (timed === undefined) step.set(scale, (timed = { startMs, endMs, busyMs: 0, engines: 0 }))
    timed.endMs = endMs
    timed.busyMs += endMs - startMs
    timed.engines += 1
  }

  #spans(step: WorkerSpan['step'], timed: ReadonlyMap<number, Timed>): WorkerSpan[] {
    return Array.from(timed, ([scale, { startMs, endMs, busyMs, engines }]) => ({
      parent: this.#parent,
      step,
      scale,
      startMs: this.#epochMs + startMs,
      endMs: this.#epochMs + endMs,
      busyMs,
      engines,
      worker: threadId
    }))
  }
}
