/**
 * Whether brokers answer, judged by the queries of the lag: the only request that is sent regularly whatever the input
 * does. Says so once when they stop and once when they are back.
 */
import type { PipelineLogger } from './pipeline-report.js'

/** Without an answer for so long, brokers count as gone: longer than an election of a leader takes. */
const SILENCE_MS_MAX = 10_000

export class BrokerWatch {
  readonly #logger: PipelineLogger | undefined
  readonly #report: (up: boolean) => void
  #answeredMs: number
  #up = true
  #reason = 'a request is not answered'

  /** `report` is told at once, and of every change. */
  constructor(logger: PipelineLogger | undefined, report: (up: boolean) => void, nowMs = performance.now()) {
    this.#logger = logger
    this.#report = report
    this.#answeredMs = nowMs
    report(true)
  }

  answered(nowMs = performance.now()): void {
    const silentS = Math.round((nowMs - this.#answeredMs) / 1000)
    this.#answeredMs = nowMs
    if (this.#up) return
    this.#up = true
    this.#report(true)
    this.#logger?.info({ silentS }, `brokers answer again, after ${silentS} s`)
  }

  failed(cause: unknown, nowMs = performance.now()): void {
    this.#reason = cause instanceof Error ? cause.message : String(cause)
    this.check(nowMs)
  }

  /** To be called every so often: a request may also hang. */
  check(nowMs = performance.now()): void {
    const text = this.down(nowMs)
    if (!this.#up || text === null) return
    this.#up = false
    this.#report(false)
    this.#logger?.warn({ reason: this.#reason }, `${text}; going on trying`)
  }

  /** One line for people while no broker answers, else null. */
  down(nowMs = performance.now()): string | null {
    const silentMs = nowMs - this.#answeredMs
    return silentMs < SILENCE_MS_MAX ? null : `no broker answers since ${Math.round(silentMs / 1000)} s`
  }
}
