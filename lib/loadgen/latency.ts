/** A histogram of latencies: 1 us to an hour, three digits, 25 ns to record one. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

const HIGHEST_US = 3_600_000_000

/** Percentiles of a latency, in ms, to three digits. */
export interface LatencyFigures {
  /** How many there were. */
  readonly count: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

export class Latencies {
  readonly #us: RecordableHistogram = createHistogram({ lowest: 1, highest: HIGHEST_US, figures: 3 })
  #count = 0

  record(ms: number): void {
    this.#us.record(Math.min(HIGHEST_US, Math.max(1, Math.round(ms * 1000))))
    this.#count++
  }

  /** In ms; `null` when nothing was recorded. */
  figures(): LatencyFigures | null {
    if (this.#count === 0) return null
    const at = (percentile: number): number => this.#us.percentile(percentile) / 1000
    return {
      count: this.#count,
      p50: at(50),
      p95: at(95),
      p99: at(99),
      p999: at(99.9),
      max: this.#us.max / 1000
    }
  }
}
