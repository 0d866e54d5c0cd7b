/** The gauges of the streams held: one short native call for each ring and engine, no lock. */
import type { Config } from '../config/schema.js'
import type { EngineCounters } from '../native.js'
import type { StreamEntry } from '../scales/stream-entry.js'
import type { StreamTable } from '../scales/stream-table.js'
import type { PipelineMetrics, ScaleTotals, StreamTotals } from '../observability/pipeline-metrics.js'

type Writable<T> = { -readonly [Name in keyof T]: T[Name] }
/** Sums while they are made. */
type Sums = Writable<Omit<ScaleTotals, 'counters'>> & { readonly counters: Writable<EngineCounters> }

/** Bytes the rings and engines of all streams hold. */
export function nativeBytes(streams: Pick<StreamTable, 'entries'>): number {
  let bytes = 0
  for (const entry of streams.entries()) bytes += entry.bytes()
  return bytes
}

export function sampleStreams(
  metrics: PipelineMetrics,
  config: Pick<Config, 'scales'>,
  streams: Pick<StreamTable, 'size' | 'entries' | 'released'>
): void {
  const totals = config.scales.map((_, scale) => {
    const total = nothing()
    addCounters(total.counters, streams.released(scale))
    return total
  })
  const watched = new Map<string, StreamEntry[]>([...metrics.streamsWatched].map((stream) => [stream, []]))
  let ringBytes = 0
  for (const entry of streams.entries()) {
    ringBytes += entry.ringState().bytes
    for (const [scale, total] of totals.entries()) add(total, entry, scale)
    watched.get(entry.stream)?.push(entry)
  }
  metrics.streams(streams.size)
  metrics.ringBytes(ringBytes)
  for (const [scale, { name }] of config.scales.entries()) metrics.scale(name, totals[scale]!)
  for (const [stream, entries] of watched) metrics.stream(stream, totalsOf(entries, config))
}

/** The same stream in several partitions counts as one. */
function totalsOf(entries: readonly StreamEntry[], { scales }: Pick<Config, 'scales'>): StreamTotals | null {
  if (entries.length === 0) return null
  const ofScales = scales.map(({ name }, scale) => {
    const total = nothing()
    for (const entry of entries) add(total, entry, scale)
    return [name, total] as const
  })
  return { scales: new Map(ofScales) }
}

function nothing(): Sums {
  const counters = { columns: 0, pivots: 0, edits: 0, arenaBytes: 0 }
  return { points: 0, pairs: 0, loops: 0, voids: 0, bytes: 0, counters }
}

function add(total: Sums, entry: StreamEntry, scale: number): void {
  const state = entry.engineState(scale)
  total.points += state.next - state.first
  total.pairs += state.pairs
  total.loops += state.loops
  total.voids += state.voids
  total.bytes += state.bytes
  addCounters(total.counters, state.counters)
}

function addCounters(total: Writable<EngineCounters>, one: EngineCounters): void {
  total.columns += one.columns
  total.pivots += one.pivots
  total.edits += one.edits
  total.arenaBytes += one.arenaBytes
}
