/** `verify`: the incremental diagram of every window of a file against an independent batch computation. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import ms from 'ms'
import { withCsv, type CsvFile } from '../adapters/csv-file.js'
import { readSeries, type FileSeries, type SeriesOfFile } from '../adapters/csv-series.js'
import type { RejectReason } from '../adapters/decoder.js'
import { chooseColumn } from '../adapters/numeric-column.js'
import { loadConfig, validateConfig } from '../config/load.js'
import type { Config } from '../config/schema.js'
import { TdaError } from '../errors.js'
import type { NativeAddon, NativeSlide, NativeWindow } from '../native.js'
import {
  checkAll,
  checkCapacity,
  fitting,
  inOrder,
  needsOrder,
  scalesToCheck,
  type CheckedScale
} from '../rollout/file-check.js'
import type { ScaleToCheck } from '../rollout/window-check.js'
import { EXIT, type ExitCode } from './exit-codes.js'
import { rejectedText } from './rejected-text.js'
import { progressBar, tableText, write, type Terminal } from './terminal.js'

export interface VerifyOptions {
  readonly config?: string
  readonly column?: string
  /** Check the window at every so many-th point. */
  readonly every: number
}

/** Windows checked when there is no configuration. */
const DEFAULT_WINDOWS = [64, 512, 4096]

/** Prints a line for each stream and scale, and the sum. Answers 1 when any window differs. */
export async function verify(
  path: string,
  options: VerifyOptions,
  terminal: Terminal,
  addon: NativeAddon
): Promise<ExitCode> {
  const { config, read } = await readPoints(path, options, terminal)
  const { series, rejected } = pointsToCheck(config, read, addon)
  await write(terminal.stderr, rejectedText(read.rows, rejected))
  if (series.length === 0) {
    throw new TdaError('FILE', `${path === '-' ? 'stdin' : path} has no points to verify`)
  }
  const results = await check({ series, scales: scalesToCheck(config, options.every), terminal, addon })
  await write(terminal.stdout, report(results))
  return results.some(({ mismatches }) => mismatches > 0) ? EXIT.wrong : EXIT.done
}

async function readPoints(
  path: string,
  options: VerifyOptions,
  terminal: Terminal
): Promise<{ config: Config; read: SeriesOfFile }> {
  if (options.config !== undefined && options.column !== undefined) {
    throw new TdaError(
      'USAGE',
      '--column and --config exclude each other: a configuration names its channels'
    )
  }
  const given = options.config === undefined ? null : await loadConfig(options.config, 'file')
  return withCsv(path, terminal.stdin, async (opened) => {
    const { file, config } =
      given === null ? await defaults(opened, options.column) : { file: opened, config: given }
    const bar = progressBar(terminal, 'reading', file.bytes)
    try {
      return { config, read: await readSeries(file, config, () => bar.update(file.bytesRead())) }
    } finally {
      bar.stop()
    }
  })
}

async function defaults(
  opened: CsvFile,
  wanted: string | undefined
): Promise<{ file: CsvFile; config: Config }> {
  const { file, column } = await chooseColumn(opened, wanted)
  const scales = DEFAULT_WINDOWS.map((window) => ({ name: String(window), window, filtration: 'sublevel' }))
  return { file, config: validateConfig({ input: { channels: [column] }, scales }) }
}

/** What the pipeline would take: without the points that go back in time where time matters. */
function pointsToCheck(
  config: Config,
  read: SeriesOfFile,
  addon: NativeAddon
): Pick<SeriesOfFile, 'series' | 'rejected'> {
  const rejected = new Map(read.rejected)
  const count = (reason: RejectReason, points: number): void => {
    if (points > 0) rejected.set(reason, (rejected.get(reason) ?? 0) + points)
  }
  const ordered = needsOrder(config)
  const series = read.series.map((one) => {
    const fit = fitting(addon, one, config)
    fit.rejected.forEach((points, reason) => count(reason, points))
    if (!ordered) return fit.series
    const { series: kept, dropped } = inOrder(fit.series)
    count('timestamp_backwards', dropped)
    checkCapacity(kept, config)
    return kept
  })
  return { series, rejected }
}

interface Work {
  readonly series: readonly FileSeries[]
  readonly scales: readonly ScaleToCheck[]
  readonly terminal: Terminal
  readonly addon: NativeAddon
}

async function check({ series, scales, terminal, addon }: Work): Promise<CheckedScale[]> {
  const points = series.reduce((sum, { count }) => sum + count, 0)
  const bar = progressBar(terminal, 'verifying', points * scales.length)
  const results: CheckedScale[] = []
  try {
    const progress = async (done: number): Promise<void> => {
      bar.update(done)
      await nextTurn() // the bar is drawn by a timer
    }
    for await (const result of checkAll(addon, series, scales, progress)) results.push(result)
  } finally {
    bar.stop()
  }
  return results
}

function report(results: readonly CheckedScale[]): string {
  const rows = results.map(({ stream, scale, windows, mismatches, seconds }) => {
    const { name, filtration, window, slide } = scale
    return [
      stream,
      name,
      filtration,
      sizeText(window),
      slideText(slide),
      windows,
      mismatches,
      Number(seconds.toFixed(2))
    ]
  })
  const table = tableText(
    ['stream', 'scale', 'filtration', 'window', 'every', 'windows', 'mismatches', 'seconds'],
    rows
  )
  const examples = results.flatMap((result) => result.examples)
  const lines = examples.map(
    (one) => `mismatch: stream "${one.stream}", scale "${one.scale}", update ${one.sequence}: ${one.message}`
  )
  const sum = (pick: (result: CheckedScale) => number): number =>
    results.reduce((total, result) => total + pick(result), 0)
  const totals = `${sum(({ windows }) => windows)} windows checked, ${sum(({ mismatches }) => mismatches)} mismatches, ${sum(({ seconds }) => seconds).toFixed(1)} s`
  return [table, ...lines, totals, ''].join('\n')
}

function sizeText(window: NativeWindow): string {
  return 'count' in window ? pointsText(window.count) : ms(window.spanMs)
}

function slideText(slide: Exclude<NativeSlide, { readonly byHand: true }>): string {
  return 'count' in slide ? pointsText(slide.count) : ms(slide.everyMs)
}

function pointsText(count: number): string {
  return count === 1 ? '1 point' : `${count} points`
}
