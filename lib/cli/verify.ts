/** `verify`: the incremental diagram of every window of a file against an independent batch computation. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import ms from 'ms'
import { openCsv } from '../adapters/csv-file.js'
import { readSeries, type SeriesOfFile } from '../adapters/csv-series.js'
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
  const { config, read } = await readFile(path, options, terminal)
  const ordered = needsOrder(config)
  const fit = read.series.map((series) => fitting(addon, series, config))
  const parts = fit.map(({ series }) => (ordered ? inOrder(series) : { series, dropped: 0 }))
  const series = parts.map((part) => part.series)
  series.forEach((one) => checkCapacity(one, config))
  const rejected = new Map(read.rejected)
  const count = (reason: RejectReason, points: number): void => {
    if (points > 0) rejected.set(reason, (rejected.get(reason) ?? 0) + points)
  }
  for (const one of fit) one.rejected.forEach((points, reason) => count(reason, points))
  for (const { dropped } of parts) count('timestamp_backwards', dropped)
  await write(terminal.stderr, rejectedText(read.rows, rejected))
  if (series.length === 0)
    throw new TdaError('FILE', `${path === '-' ? 'stdin' : path} has no points to verify`)
  const scales = scalesToCheck(config, options.every)
  const results = await check(series, scales, terminal, addon)
  await write(terminal.stdout, report(results))
  return results.some(({ mismatches }) => mismatches > 0) ? EXIT.wrong : EXIT.done
}

async function readFile(
  path: string,
  options: VerifyOptions,
  terminal: Terminal
): Promise<{ config: Config; read: SeriesOfFile }> {
  if (options.config !== undefined && options.column !== undefined) {
    throw new TdaError(
      'USAGE',
      '--column and --config exclude each other: the configuration names the channels'
    )
  }
  const given = options.config === undefined ? null : await loadConfig(options.config, 'file')
  const opened = await openCsv(path, terminal.stdin)
  const { file, config } =
    given === null ? await defaults(opened, options.column) : { file: opened, config: given }
  const bar = progressBar(terminal, 'reading', file.bytes)
  try {
    return { config, read: await readSeries(file, config, () => bar.update(file.bytesRead())) }
  } finally {
    bar.stop()
  }
}

async function defaults(
  opened: Awaited<ReturnType<typeof openCsv>>,
  wanted: string | undefined
): Promise<{ file: typeof opened; config: Config }> {
  const { file, column } = await chooseColumn(opened, wanted)
  const scales = DEFAULT_WINDOWS.map((window) => ({ name: String(window), window, filtration: 'sublevel' }))
  return { file, config: validateConfig({ input: { channels: [column] }, scales }) }
}

async function check(
  ...[series, scales, terminal, addon]: [
    Parameters<typeof checkAll>[1],
    Parameters<typeof checkAll>[2],
    Terminal,
    NativeAddon
  ]
): Promise<CheckedScale[]> {
  const points = series.reduce((sum, { count }) => sum + count, 0)
  const bar = progressBar(terminal, 'verifying', points * scales.length)
  const results: CheckedScale[] = []
  try {
    const progress = async (done: number): Promise<void> => {
      bar.update(done)
      await nextTurn()
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
