/**
 * Series of single streams, for those of `metrics.streams` alone: labels of every stream there is would grow without
 * bound. At most streams x scales x 3 series a metric.
 */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { ScaleTotals, StreamTotals } from '../pipeline/pipeline-metrics.js'

export class StreamMetrics {
  readonly #points: Counter
  readonly #windowPoints: Gauge
  readonly #pairs: Gauge
  #watched: readonly string[] = []
  /** Points of each stream as last counted, and the scales it has series for. */
  readonly #known = new Map<string, { points: number; scales: ReadonlySet<string> }>()

  constructor(registry: Registry) {
    const registers = [registry]
    this.#points = new Counter({
      name: 'tda_stream_points_total',
      help: 'Points of a watched stream appended to its windows, replayed ones included.',
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

  get watched(): readonly string[] {
    return this.#watched
  }

  /** Watches these and no other; series of the others go. */
  watch(streams: readonly string[]): void {
    this.#watched = [...new Set(streams)]
    for (const stream of this.#known.keys()) {
      if (this.#watched.includes(stream)) continue
      this.#forget(stream)
      this.#points.remove({ stream })
      this.#known.delete(stream)
    }
    for (const stream of this.#watched) this.#points.inc({ stream }, 0)
  }

  /** `null`: held elsewhere. The counter stays, as counters do; the gauges go. */
  set(stream: string, totals: StreamTotals | null): void {
    if (!this.#watched.includes(stream)) return
    if (totals === null) {
      this.#forget(stream)
      this.#known.delete(stream)
      return
    }
    // A stream that came back counts from 0 again.
    const before = this.#known.get(stream)?.points ?? 0
    this.#points.inc({ stream }, totals.points >= before ? totals.points - before : totals.points)
    for (const [scale, ofScale] of totals.scales) {
      this.#windowPoints.set({ stream, scale }, ofScale.points)
      byDimension(ofScale).forEach((count, dimension) => this.#pairs.set({ stream, scale, dimension }, count))
    }
    this.#known.set(stream, { points: totals.points, scales: new Set(totals.scales.keys()) })
  }

  #forget(stream: string): void {
    for (const scale of this.#known.get(stream)?.scales ?? []) {
      this.#windowPoints.remove({ stream, scale })
      for (const dimension of [0, 1, 2]) this.#pairs.remove({ stream, scale, dimension })
    }
  }
}

/** Pairs of dimension 0, 1 and 2. */
export function byDimension({ pairs, loops, voids }: ScaleTotals): readonly [number, number, number] {
  return [pairs - loops - voids, loops, voids]
}
