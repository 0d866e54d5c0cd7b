/** What the twins of the engines have in common. */
import type { PersistencePair, PointNumber } from '../diagram.js'
import type { DiagramReplica } from '../publishers/diagram-replica.js'
import type { ExpectedWindow } from './expected-windows.js'

/** The points of one stream, as far as twins look at them. */
export interface TwinSeries {
  readonly count: number
  readonly channels: number
  readonly values: Float64Array
  readonly offsets: Float64Array
  readonly indices: Uint32Array
}

export interface WindowTwin {
  /** Computes the diagram of a window. */
  compute(window: ExpectedWindow): void
  /** In what the replica differs from the diagram computed last; `null` when in nothing. */
  difference(replica: Pick<DiagramReplica, 'size' | 'get'>): string | null
}

/** How birth and death differ, where they do. */
export function valueDifference(
  pair: PersistencePair | undefined,
  id: string,
  birth: number,
  death: number
): string | null {
  if (pair === undefined) return `no pair ${id}`
  const expected = death === Infinity ? null : death
  if (pair.birth === birth && pair.death === expected) return null
  return `pair ${id} is (${pair.birth}, ${pair.death}), expected (${birth}, ${expected})`
}

export function isPoint(
  { offsets, indices }: TwinSeries,
  found: PointNumber | undefined,
  point: number | undefined
): boolean {
  if (point === undefined) return found === undefined
  return found?.[0] === offsets[point] && found?.[1] === indices[point]
}

export function position(
  { offsets, indices }: TwinSeries,
  point: number | undefined
): PointNumber | undefined {
  return point === undefined ? undefined : [offsets[point]!, indices[point]!]
}
