/** The gauges of the streams held: one short native call for each ring and engine, no lock. */
import type { Config } from '../config/schema.js'
import type { StreamTable } from '../scales/stream-table.js'
import type { PipelineMetrics } from './pipeline-metrics.js'

/** Bytes the rings and engines of all streams hold. */
export function nativeBytes(streams: Pick<StreamTable, 'entries'>): number {
  let bytes = 0
  for (const entry of streams.entries()) bytes += entry.bytes()
  return bytes
}

export function sampleStreams(
  metrics: PipelineMetrics,
  config: Pick<Config, 'scales'>,
  streams: Pick<StreamTable, 'size' | 'entries'>
): void {
  const totals = config.scales.map(() => ({ points: 0, pairs: 0, bytes: 0 }))
  let ringBytes = 0
  for (const entry of streams.entries()) {
    ringBytes += entry.ringState().bytes
    for (const [scale, total] of totals.entries()) {
      const state = entry.engineState(scale)
      total.points += state.next - state.first
      total.pairs += state.pairs
      total.bytes += state.bytes
    }
  }
  metrics.streams(streams.size)
  metrics.ringBytes(ringBytes)
  for (const [scale, { name }] of config.scales.entries()) metrics.scale(name, totals[scale]!)
}
