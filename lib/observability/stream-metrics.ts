/**
 * Series of single streams, for those of `metrics.streams` alone: labels of every stream there is would grow without
 * bound. At most streams x scales x 3 series a metric.
 */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { ScaleTotals, StreamTotals } from './pipeline-metrics.js'

export class StreamMetrics {
  readonly #points: Counter
  readonly #windowPoints: Gauge
  readonly #pairs: Gauge
  #watched: ReadonlySet<string> = new Set()
  /** Streams that are held, and the scales they have series for. */
  readonly #known = new Map<string, readonly string[]>()

  constructor(registry: Registry) {
    const registers = [registry]
    this.#points = new Counter({
      name: 'tda_stream_points_total',
      help: 'Points of a watched stream appended to its windows, those replayed for a restore excluded.',
      labelNames: ['stream'],
      registers
    })
    this.#windowPoints = new Gauge({
      name: 'tda_stream_window_points',
      help: 'Points in a window of a watched stream.',
      labelNames: ['stream', 'scale'],
      registers
    })
    this.#pairs = new Gauge({
      name: 'tda_stream_diagram_pairs',
      help: 'Pairs in a diagram of a watched stream.',
      labelNames: ['stream', 'scale', 'dimension'],
      registers
    })
  }

  get watched(): ReadonlySet<string> {
    return this.#watched
  }

  /** Watches these and no other; series of the others go. */
  watch(streams: readonly string[]): void {
    const before = this.#watched
    this.#watched = new Set(streams)
    for (const stream of before) {
      if (this.#watched.has(stream)) continue
      this.#forget(stream)
      this.#points.remove({ stream })
    }
    for (const stream of this.#watched) this.#points.inc({ stream }, 0)
  }

  appended(stream: string, count: number): void {
    if (this.#watched.has(stream)) this.#points.inc({ stream }, count)
  }

  /** `null`: held elsewhere. The counter stays, as counters do; the gauges go. */
  set(stream: string, totals: StreamTotals | null): void {
    if (!this.#watched.has(stream)) return
    if (totals === null) {
      this.#forget(stream)
      return
    }
    for (const [scale, ofScale] of totals.scales) {
      this.#windowPoints.set({ stream, scale }, ofScale.points)
      byDimension(ofScale).forEach((count, dimension) => this.#pairs.set({ stream, scale, dimension }, count))
    }
    this.#known.set(stream, [...totals.scales.keys()])
  }

  #forget(stream: string): void {
    for (const scale of this.#known.get(stream) ?? []) {
      this.#windowPoints.remove({ stream, scale })
      for (const dimension of [0, 1, 2]) this.#pairs.remove({ stream, scale, dimension })
    }
    this.#known.delete(stream)
  }
}

/** Pairs of dimension 0, 1 and 2. */
export function byDimension({ pairs, loops, voids }: ScaleTotals): readonly [number, number, number] {
  return [pairs - loops - voids, loops, voids]
}
