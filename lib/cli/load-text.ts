/** How `load` speaks to people: a line that stays up to date, and a summary. */
import { createLogUpdate } from 'log-update'
import type { LatencyFigures } from '../loadgen/latency.js'
import type { LoadProgress, LoadReport } from '../loadgen/report.js'
import type { ProcessFigures } from '../loadgen/resources.js'
import { tableText, type Terminal } from './terminal.js'

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const fine = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 })

/** One line on standard error while it runs, where that is a terminal. */
export class LoadLine {
  readonly #update: ReturnType<typeof createLogUpdate> | null
  #last: LoadProgress | undefined

  constructor({ stderr }: Terminal) {
    this.#update = stderr.isTTY === true ? createLogUpdate(stderr as never) : null
  }

  show(progress: LoadProgress): void {
    const { elapsedMs, sent, acknowledged, failed, behindMs, rssMiB } = progress
    const since = this.#last ?? { elapsedMs: 0, sent: 0 }
    const perSecond = ((sent - since.sent) / Math.max(1, elapsedMs - since.elapsedMs)) * 1000
    this.#last = progress
    const late = behindMs > 100 ? `, ${fine.format(behindMs / 1000)} s behind` : ''
    const bad = failed > 0 ? `, ${whole.format(failed)} failed` : ''
    this.#update?.(
      `${whole.format(elapsedMs / 1000)} s: ${whole.format(perSecond)} events/s, ${whole.format(sent)} sent, ` +
        `${whole.format(sent - acknowledged - failed)} in flight${bad}${late}, ${whole.format(rssMiB)} MiB`
    )
  }

  clear(): void {
    this.#update?.clear()
  }
}

/** The report for people. */
export function loadText(report: LoadReport, endToEnd: LatencyFigures | null): string {
  const lines = [
    `${report.stopped ? 'stopped' : 'done'} after ${fine.format(report.seconds)} s into ${report.target}`,
    `${whole.format(report.sent)} of ${whole.format(report.scheduled)} events sent ` +
      `(${whole.format(report.eventsPerSecond)}/s, ${whole.format(report.points)} points): ` +
      `${whole.format(report.acknowledged)} acknowledged, ${whole.format(report.failed)} failed, ` +
      `${whole.format(report.unconfirmed)} unconfirmed`,
    ...(report.firstFailure === null ? [] : [`first failure: ${report.firstFailure}`]),
    rateText(report),
    latencyTable(report, endToEnd),
    processTable(report)
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function rateText({ held }: LoadReport): string {
  if (held.worst === null) return 'rate: shorter than a second, nothing to compare'
  const { atSeconds, scheduled, sent } = held.worst
  const furthest = `furthest: ${whole.format(sent)} sent of ${whole.format(scheduled)} in the second from ${atSeconds} s`
  if (held.outside === 0) return `rate held: every second within max(1, 1 %) of its schedule; ${furthest}`
  const share = fine.format((100 * held.outside) / held.seconds)
  return `rate NOT held: ${share} % of seconds off by more than max(1, 1 %); ${furthest}`
}

function latencyTable(report: LoadReport, endToEnd: LatencyFigures | null): string {
  const row = (name: string, figures: LatencyFigures | null): string[][] =>
    figures === null
      ? []
      : [
          [
            name,
            ...[figures.p50, figures.p95, figures.p99, figures.p999, figures.max].map((ms) => fine.format(ms))
          ]
        ]
  const { publishLatencyMs: publish } = report
  const within =
    publish !== null && publish.resolutionMs > 1 ? ` (up to ${publish.resolutionMs} ms less)` : ''
  return tableText(
    ['ms from the intended time', 'p50', 'p95', 'p99', 'p99.9', 'max'],
    [
      ...row('sent', report.sendDelayMs),
      ...row(`acknowledged${within}`, publish),
      ...row('update read back', endToEnd)
    ]
  )
}

function processTable({ resources }: LoadReport): string {
  const row = (name: string, figures: ProcessFigures | null): string[] =>
    figures === null
      ? [name, 'not there', '', '', '']
      : [
          name,
          fine.format(figures.cpuMean),
          fine.format(figures.cpuMax),
          whole.format(figures.rssMiBMax),
          whole.format(figures.rssMiBLast)
        ]
  const { p50, p99, max } = resources.eventLoopDelayMs
  const table = tableText(
    ['process', 'cores, mean', 'max', 'MiB, max', 'last'],
    [
      row('load', resources.self),
      ...Object.entries(resources.processes).map(([name, figures]) => row(name, figures))
    ]
  )
  return `${table}\nevent loop late by ${fine.format(p50)} ms (p50), ${fine.format(p99)} (p99), ${fine.format(max)} (max)`
}
