/**
 * What a benchmark says. Field names are stable: they are documented in docs/benchmarks.md, and scripts compare them
 * between machines and commits.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os'

/** Figures a case may have. Absent means: does not apply. */
export interface Figures {
  readonly nsPerPoint?: number
  readonly pointsPerSecond?: number
  readonly recordsPerSecond?: number
  readonly bytesPerPoint?: number
  readonly p50Ns?: number
  readonly p95Ns?: number
  readonly p99Ns?: number
  readonly lagSlope?: number
  readonly lagMax?: number
  readonly sentLateMs?: number
  readonly daemonCores?: number
  readonly producerCores?: number
  readonly brokerCores?: number
  readonly producedP50Ms?: number
  readonly producedP99Ms?: number
  readonly endToEndP50Ms?: number
  readonly endToEndP99Ms?: number
  readonly meanMs?: number
  readonly p50Ms?: number
  readonly p90Ms?: number
  readonly p99Ms?: number
  readonly maxMs?: number
  readonly cpuMeanMs?: number
  readonly columns?: number
  readonly pivots?: number
  readonly pairsChanged?: number
  readonly bytes?: number
  readonly ripserMs?: number
  readonly ripserCpuMs?: number
  readonly giottoMs?: number
  readonly giottoCpuMs?: number
  readonly ratio?: number
  readonly cpuRatio?: number
  readonly cpuNsPerRecordOff?: number
  readonly cpuNsPerRecord?: number
  readonly overheadPercent?: number
  readonly overheadLowPercent?: number
  readonly overheadHighPercent?: number
}

export interface BenchmarkResult extends Figures {
  readonly suite: string
  readonly case: string
  readonly params: Readonly<Record<string, string | number | boolean>>
  /** How many timed samples the figures come from. */
  readonly repetitions: number
  /** Of the verified results; equal wherever code, case and params are. */
  readonly checksum: string
}

/** A result that is not what the independent computation says. The run ends with exit code 1. */
export class BenchmarkMismatch extends Error {}

/** One JSON object, one line. */
export function jsonLine(result: BenchmarkResult): string {
  const { suite, case: name, params, repetitions, checksum, ...figures } = result
  return JSON.stringify({
    suite,
    case: name,
    params,
    machine: machine(),
    versions: versions(),
    repetitions,
    ...figures,
    checksum
  })
}

const compact = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 4 })
const UNITS: Readonly<Record<keyof Figures, string>> = {
  pointsPerSecond: 'points/s',
  recordsPerSecond: 'records/s',
  nsPerPoint: 'ns/point',
  bytesPerPoint: 'bytes/point',
  p50Ns: 'ns p50',
  p95Ns: 'ns p95',
  p99Ns: 'ns p99',
  lagSlope: 'records/s lag growth',
  lagMax: 'records lag at most',
  sentLateMs: 'ms sent late at most',
  daemonCores: 'cores daemon',
  producerCores: 'cores producer',
  brokerCores: 'cores broker',
  producedP50Ms: 'ms until produced p50',
  producedP99Ms: 'ms until produced p99',
  endToEndP50Ms: 'ms end to end p50',
  endToEndP99Ms: 'ms end to end p99',
  meanMs: 'ms mean',
  p50Ms: 'ms p50',
  p90Ms: 'ms p90',
  p99Ms: 'ms p99',
  maxMs: 'ms at most',
  cpuMeanMs: 'ms mean CPU',
  columns: 'columns',
  pivots: 'pivots',
  pairsChanged: 'pairs changed',
  bytes: 'bytes',
  ripserMs: 'ms Ripser',
  ripserCpuMs: 'ms Ripser CPU',
  giottoMs: 'ms giotto-ph',
  giottoCpuMs: 'ms giotto-ph CPU',
  ratio: 'times faster than Ripser',
  cpuRatio: 'times less CPU',
  cpuNsPerRecordOff: 'ns CPU/record without',
  cpuNsPerRecord: 'ns CPU/record with',
  overheadPercent: '% more CPU',
  overheadLowPercent: '% at least',
  overheadHighPercent: '% at most (95 %)'
}

/** One line for people. */
export function textLine(result: BenchmarkResult): string {
  const params = Object.entries(result.params).map(([name, value]) => `${name} ${value}`)
  const figures = Object.entries(UNITS).flatMap(([name, unit]) => {
    const value = result[name as keyof Figures]
    return value === undefined ? [] : [`${compact.format(value)} ${unit}`]
  })
  return `${result.suite} ${result.case} (${params.join(', ')}): ${figures.join(', ')}  [${result.checksum}]`
}

function machine(): Readonly<Record<string, string | number>> {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    os: `${platform()} ${release()} ${arch()}`
  }
}

function versions(): Readonly<Record<string, string>> {
  const manifest = new URL('../../package.json', import.meta.url)
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  return { 'streaming-tda': version, node: process.versions.node, v8: process.versions.v8 }
}

/** Hash of numbers in order; 16 hexadecimal digits. */
export class Checksum {
  readonly #hash = createHash('sha256')

  add(values: Float64Array): this {
    this.#hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    return this
  }

  text(): string {
    return this.#hash.copy().digest('hex').slice(0, 16)
  }
}
