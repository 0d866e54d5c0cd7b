/** What two scrapes of a daemon say about it, in numbers: what `top --json` prints and the screen shows. */
import { conditions, type Condition } from './conditions.js'
import { histogramQuantile, type Exposition, type Labels } from './exposition-reader.js'
import type { Scrape } from './scrape.js'

export interface Quantiles {
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
}

export interface ScaleFigures {
  readonly scale: string
  readonly points: number
  /** Pairs by dimension. */
  readonly pairs: readonly number[]
  readonly bytes: number
  readonly updatesPerSecond: number | null
}

export interface StreamFigures {
  readonly stream: string
  readonly pointsPerSecond: number | null
  readonly scales: readonly {
    readonly scale: string
    readonly points: number
    readonly pairs: readonly number[]
  }[]
}

export interface DaemonFigures {
  readonly url: string
  /** Why it does not answer; the rest is then empty. */
  readonly away: string | null
  readonly version: string | null
  readonly state: string | null
  /** Rates and quantiles are of the time between the two scrapes; `null` when there is no earlier one. */
  readonly recordsPerSecond: number | null
  readonly pointsPerSecond: number | null
  readonly updatesPerSecond: number | null
  readonly rejectedPerSecond: number | null
  readonly lag: number | null
  readonly lagByPartition: Readonly<Record<string, number>>
  readonly compute: Quantiles | null
  readonly endToEnd: Quantiles | null
  readonly workerUtilisation: number | null
  readonly memoryRatio: number | null
  readonly residentBytes: number | null
  readonly streams: number | null
  readonly scales: readonly ScaleFigures[]
  /** Those of `metrics.streams`. */
  readonly watched: readonly StreamFigures[]
  readonly warnings: readonly Condition[]
}

const AWAY: Omit<DaemonFigures, 'url' | 'away' | 'warnings'> = {
  version: null,
  state: null,
  recordsPerSecond: null,
  pointsPerSecond: null,
  updatesPerSecond: null,
  rejectedPerSecond: null,
  lag: null,
  lagByPartition: {},
  compute: null,
  endToEnd: null,
  workerUtilisation: null,
  memoryRatio: null,
  residentBytes: null,
  streams: null,
  scales: [],
  watched: []
}

/** `before`: an earlier scrape of the same address, or nothing. */
export function daemonFigures(now: Scrape, before?: Scrape): DaemonFigures {
  const { url, exposition: read } = now
  if (read === null) {
    const text = now.away ?? 'does not answer'
    return { url, away: text, ...AWAY, warnings: [{ alert: 'TdaDaemonDown', text }] }
  }
  const earlier = sameProcess(read, before?.exposition)
  const seconds = before === undefined ? 0 : (now.atMs - before.atMs) / 1000
  const rate = (name: string, labels: Labels = {}): number | null => {
    if (earlier === undefined || seconds <= 0) return null
    return Math.max(0, (read.value(name, labels) ?? 0) - (earlier.value(name, labels) ?? 0)) / seconds
  }
  const gauge = (name: string): number | null => read.value(name) ?? null
  const states = read.samples('tda_pipeline_state').filter(({ value }) => value === 1)
  const lag = read
    .samples('tda_consumer_lag_records')
    .map(({ labels, value }): readonly [string, number] => [labels['partition'] ?? '', value])
  return {
    url,
    away: null,
    version: read.samples('tda_build_info')[0]?.labels['version'] ?? null,
    state: states[0]?.labels['state'] ?? null,
    recordsPerSecond: rate('tda_records_consumed_total'),
    pointsPerSecond: rate('tda_points_processed_total'),
    updatesPerSecond: rate('tda_updates_published_total'),
    rejectedPerSecond: rate('tda_records_rejected_total'),
    lag: gauge('tda_consumer_lag_records'),
    lagByPartition: Object.fromEntries(lag),
    compute: quantiles(read, 'tda_compute_latency_seconds', earlier),
    endToEnd: quantiles(read, 'tda_end_to_end_latency_seconds', earlier),
    workerUtilisation: gauge('tda_worker_utilisation_ratio'),
    memoryRatio: gauge('tda_memory_limit_ratio'),
    residentBytes: gauge('process_resident_memory_bytes'),
    streams: gauge('tda_streams'),
    scales: read.labelValues('tda_window_points', 'scale').map((scale) => ({
      scale,
      points: read.value('tda_window_points', { scale }) ?? 0,
      pairs: pairsOf(read, 'tda_diagram_pairs', { scale }),
      bytes: read.value('tda_window_bytes', { scale }) ?? 0,
      updatesPerSecond: rate('tda_features_extracted_total', { scale })
    })),
    watched: read.labelValues('tda_stream_points_total', 'stream').map((stream) => ({
      stream,
      pointsPerSecond: rate('tda_stream_points_total', { stream }),
      scales: read.labelValues('tda_stream_window_points', 'scale').flatMap((scale) => {
        const points = read.value('tda_stream_window_points', { stream, scale })
        return points === undefined
          ? []
          : [{ scale, points, pairs: pairsOf(read, 'tda_stream_diagram_pairs', { stream, scale }) }]
      })
    })),
    warnings: conditions(read, earlier)
  }
}

/** A daemon that was started anew in between counts from 0. */
function sameProcess(now: Exposition, before: Exposition | null | undefined): Exposition | undefined {
  const started = 'process_start_time_seconds'
  return before && before.value(started) === now.value(started) ? before : undefined
}

function pairsOf(read: Exposition, name: string, labels: Labels): number[] {
  return [0, 1, 2].map((dimension) => read.value(name, { ...labels, dimension: String(dimension) }) ?? 0)
}

function quantiles(read: Exposition, name: string, since: Exposition | undefined): Quantiles | null {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((quantile) => histogramQuantile(read, name, quantile, since))
  if (p50 === undefined || p95 === undefined || p99 === undefined) return null
  return { p50Ms: 1000 * p50, p95Ms: 1000 * p95, p99Ms: 1000 * p99 }
}
