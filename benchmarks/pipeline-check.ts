/** Whether the diagrams built from published updates are those of their windows: what `bench pipeline` and `kafka` verify. */
import { nativeAddon } from '../lib/native.js'
import type { DiagramReplica } from '../lib/publishers/diagram-replica.js'
import { BenchmarkMismatch } from './report.js'
import { pairValues } from './row-replica.js'

/** What a stream was sent. */
export interface SentSeries {
  readonly points: number
  /** Points between two updates. */
  readonly slide: number
  readonly valueAt: (index: number) => number
}

export function expectDiagrams(replicas: readonly DiagramReplica[], expected: number): void {
  if (replicas.length === expected) return
  throw new BenchmarkMismatch(`${replicas.length} diagrams were published, expected ${expected}`)
}

/**
 * Compares births and deaths of the newest update with batch; the values of `noise` differ, so they name their points.
 * The scale's name ends with its window.
 */
export function expectWindow(replica: DiagramReplica, sent: SentSeries): Float64Array {
  const window = Number(replica.scale?.split('-')[1])
  const emitted = sent.points - (sent.points % sent.slide)
  const points = Math.min(window, emitted)
  const series = Float64Array.from({ length: points }, (_, i) => sent.valueAt(emitted - points + i))
  const expected = pairValues(nativeAddon().seriesBatchDiagram(series, 'sublevel'))
  const found = Float64Array.from(
    replica
      .pairs()
      .map(({ birth, death }) => [birth, death ?? Infinity] as const)
      .sort(([a], [b]) => a - b)
      .flat()
  )
  if (found.length !== expected.length || found.some((value, i) => value !== expected[i])) {
    throw new BenchmarkMismatch(`the diagram of ${replica.stream} ${replica.scale} differs from batch`)
  }
  return found
}
