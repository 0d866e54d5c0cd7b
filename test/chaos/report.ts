/** The table of a run, as it goes into docs/reliability.md and benchmarks/RESULTS.md. */
import type { FullSpoolResult } from './full-spool.js'
import type { PressureResult } from './memory-pressure.js'
import { FAULT_KINDS } from './plan.js'
import { AVAILABLE_MS, type ChaosResult } from './run.js'

export function reportText(
  result: ChaosResult | null,
  pressure: PressureResult | null,
  spool: FullSpoolResult | null
): string {
  return [
    '| fault | times | recovered after, median | longest |',
    '| --- | --- | --- | --- |',
    ...(result ? faultRows(result) : []),
    ...(pressure ? [row('memory-pressure', [pressure.resumedMs])] : []),
    ...(spool ? [row('full-spool', [spool.recoveredMs])] : []),
    ...(result ? totalRows(result) : [])
  ].join('\n')
}

function faultRows({ injected }: ChaosResult): string[] {
  return FAULT_KINDS.flatMap((kind) => {
    const times = injected.filter((fault) => fault.kind === kind).map(({ recoveredMs }) => recoveredMs)
    if (times.length === 0) return []
    times.sort((a, b) => a - b)
    return [row(kind, times)]
  })
}

function totalRows(result: ChaosResult): string[] {
  const { options, injected } = result
  const totals = {
    seed: options.seed,
    delivery: options.delivery,
    'faults injected': injected.length,
    duration: `${result.seconds.toFixed(0)} s`,
    'records in': result.records,
    'messages out': result.updates,
    'dead letters': result.letters,
    lost: result.lost,
    doubled: result.doubled,
    'daemons that ended by themselves': result.unexpected.length,
    [`availability (update at most ${AVAILABLE_MS / 1000} s old)`]: `${(100 * result.availability).toFixed(2)} %`
  }
  return [
    '',
    '| | |',
    '| --- | --- |',
    ...Object.entries(totals).map(([name, value]) => `| ${name} | ${value} |`),
    ...result.unexpected.map((end) => `| ended by itself | ${end} |`)
  ]
}

/** `times` in order. */
function row(kind: string, times: readonly number[]): string {
  return `| ${kind} | ${times.length} | ${seconds(median(times))} | ${seconds(times.at(-1)!)} |`
}

function median(sorted: readonly number[]): number {
  return sorted[Math.floor((sorted.length - 1) / 2)]!
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
