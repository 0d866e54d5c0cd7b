/** The screen of `top`: daemons, their scales, watched streams, and what is wrong. Text for people; `--json` for programs. */
import { createColors } from 'picocolors'
import { tableText } from '../terminal.js'
import type { DaemonFigures, Quantiles } from './daemon-figures.js'

export interface ScreenOptions {
  readonly colours: boolean
  /** Lines there is room for; more are cut, and said. */
  readonly rows: number
}

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const few = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 })
const count = (value: number | null): string => (value === null ? '-' : whole.format(value))
const rate = (value: number | null): string => (value === null ? '-' : few.format(value))
const percent = (value: number | null): string => (value === null ? '-' : `${Math.round(100 * value)} %`)
const mib = (value: number | null): string => (value === null ? '-' : `${whole.format(value / 2 ** 20)} MiB`)
const latency = (value: Quantiles | null): string =>
  value === null ? '-' : [value.p50Ms, value.p95Ms, value.p99Ms].map((ms) => few.format(ms)).join(' / ')
const pairs = (byDimension: readonly number[]): string => byDimension.map((one) => count(one)).join(' / ')

/** What was found, without a line break at the end. */
export function renderTop(daemons: readonly DaemonFigures[], { colours, rows }: ScreenOptions): string {
  const pc = createColors(colours)
  const lines = [...daemonLines(daemons), '', ...scaleLines(daemons), ...streamLines(daemons)]
  const warnings = daemons.flatMap(({ url, warnings: found }) =>
    found.map(({ alert, text }) => `${url}: ${text}  (${alert})`)
  )
  // What is wrong is said whatever the room.
  const told = warnings.length === 0 ? [pc.green('nothing is wrong')] : warnings.map((line) => pc.red(line))
  const room = Math.max(3, rows - told.length - 1)
  const shown =
    lines.length <= room ? lines : [...lines.slice(0, room - 1), `... ${lines.length - room + 1} more lines`]
  return [...told, '', ...shown].join('\n').trimEnd()
}

function daemonLines(daemons: readonly DaemonFigures[]): string[] {
  const head = [
    'daemon',
    'state',
    'records/s',
    'points/s',
    'updates/s',
    'lag',
    'compute ms 50/95/99',
    'end to end ms',
    'workers',
    'memory',
    'streams'
  ]
  const rows = daemons.map((one) => [
    one.url.replace(/^http:\/\//, ''),
    one.away === null ? (one.state ?? '-') : 'away',
    rate(one.recordsPerSecond),
    rate(one.pointsPerSecond),
    rate(one.updatesPerSecond),
    count(one.lag),
    latency(one.compute),
    latency(one.endToEnd),
    percent(one.workerUtilisation),
    `${mib(one.residentBytes)} ${percent(one.memoryRatio)}`,
    count(one.streams)
  ])
  return tableText(head, rows).split('\n')
}

/** Scales of all daemons together, by name. */
function scaleLines(daemons: readonly DaemonFigures[]): string[] {
  const totals = new Map<string, { points: number; pairs: number[]; bytes: number; updates: number | null }>()
  for (const { scale, points, pairs: found, bytes, updatesPerSecond } of daemons.flatMap(
    ({ scales }) => scales
  )) {
    const total = totals.get(scale) ?? { points: 0, pairs: [0, 0, 0], bytes: 0, updates: null }
    totals.set(scale, {
      points: total.points + points,
      pairs: total.pairs.map((one, dimension) => one + (found[dimension] ?? 0)),
      bytes: total.bytes + bytes,
      updates: updatesPerSecond === null ? total.updates : (total.updates ?? 0) + updatesPerSecond
    })
  }
  if (totals.size === 0) return []
  const rows = [...totals].map(([scale, total]) => [
    scale,
    count(total.points),
    pairs(total.pairs),
    rate(total.updates),
    mib(total.bytes)
  ])
  return tableText(['scale', 'points in windows', 'pairs H0 / H1 / H2', 'updates/s', 'engines'], rows).split(
    '\n'
  )
}

function streamLines(daemons: readonly DaemonFigures[]): string[] {
  const rows = daemons
    .flatMap(({ watched }) => watched)
    .flatMap(({ stream, pointsPerSecond, scales }) =>
      scales.map(({ scale, points, pairs: found }) => [
        stream,
        rate(pointsPerSecond),
        scale,
        count(points),
        pairs(found)
      ])
    )
  if (rows.length === 0) return []
  return [
    '',
    ...tableText(['watched stream', 'points/s', 'scale', 'points', 'pairs H0 / H1 / H2'], rows).split('\n')
  ]
}
