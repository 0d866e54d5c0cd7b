/**
 * The demo's live screen: a pure function from what is known to lines of text that fit the terminal. Everything has a
 * place in 80 x 24; a wider terminal shows more bars, a lower one fewer rows and says so.
 */
import Table from 'cli-table3'
import pc from 'picocolors'
import type { PersistencePair } from '../../diagram.js'
import type { Latency } from './figures.js'

/** One stream at one scale. */
export interface ScreenRow {
  readonly stream: string
  readonly scale: string
  /** Points in the window, and whether it is full. */
  readonly points: number
  readonly full: boolean
  readonly sequence: number
  /** The whole current diagram, by dimension. */
  readonly pairs: readonly PersistencePair[]
}

export interface ScreenState {
  /** Where results are and what the transport is, one line each. */
  readonly where: readonly string[]
  readonly total: number
  readonly published: number
  readonly seen: number
  readonly updates: number
  readonly rejected: number
  readonly pointsPerSecond: number
  readonly latency: Latency
  readonly eventTimeMs: number
  readonly ended: boolean
  readonly rows: readonly ScreenRow[]
}

export interface ScreenSize {
  readonly columns: number
  readonly rows: number
}

const VALUE_WIDTH = 5
const BAR_CELLS = 4
const BAR_GAP = 2
const BAR_WIDTH = VALUE_WIDTH + 1 + BAR_CELLS + 1 + VALUE_WIDTH + BAR_GAP
/** Columns in front of the bars, gaps included. */
const FIXED_WIDTH = 44
const BARS_MAX = 6

const integer = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const count = (value: number): string => integer.format(value)
const milliseconds = (value: number): string => value.toFixed(value < 100 ? 1 : 0)

export function renderScreen(state: ScreenState, size: ScreenSize): string {
  const head = [
    progressLine(state, size.columns),
    figuresLine(state),
    ...state.where.map((line) => pc.dim(line))
  ]
  const foot = state.ended ? 'All readings are in. Ctrl-C ends the demo.' : 'Ctrl-C ends the demo.'
  // The title of the table, the foot, and the line on which the cursor stands.
  const room = Math.max(1, size.rows - head.length - 3)
  const shown = state.rows.length <= room ? state.rows : state.rows.slice(0, room - 1)
  const hidden = state.rows.length - shown.length
  const lines = [...head, ...table(state.rows, shown, size.columns)]
  if (hidden > 0) lines.push(pc.dim(`... ${hidden} more; a higher terminal shows them`))
  return [...lines, pc.dim(foot)].join('\n')
}

function progressLine({ seen, total, eventTimeMs }: ScreenState, columns: number): string {
  const part = total === 0 ? 0 : seen / total
  const time = new Date(eventTimeMs).toISOString().slice(0, 16).replace('T', ' ')
  const text = ` ${(100 * part).toFixed(0).padStart(3)} %  ${count(seen)} of ${count(total)} readings, sensor time ${time}`
  const width = Math.max(4, Math.min(30, columns - text.length - 2))
  const done = Math.round(width * part)
  return pc.green('█'.repeat(done)) + pc.dim('░'.repeat(width - done)) + text
}

function figuresLine(state: ScreenState): string {
  const { p50Ms, p99Ms } = state.latency
  return [
    `${pc.bold(count(state.pointsPerSecond))} points/s`,
    `lag ${pc.bold(count(state.published - state.seen))}`,
    `latency p50 ${pc.bold(milliseconds(p50Ms))} p99 ${pc.bold(milliseconds(p99Ms))} ms`,
    `${pc.bold(count(state.updates))} updates`,
    state.rejected > 0 ? pc.red(`${count(state.rejected)} bad`) : '0 bad'
  ].join('  ')
}

function table(all: readonly ScreenRow[], shown: readonly ScreenRow[], columns: number): string[] {
  const bars = Math.max(1, Math.min(BARS_MAX, Math.floor((columns - FIXED_WIDTH + BAR_GAP) / BAR_WIDTH)))
  const none = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '' }
  const sides = { 'bottom-left': '', 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '' }
  const grid = new Table({
    chars: { ...none, ...sides, right: '', 'right-mid': '', middle: ' ' },
    colAligns: ['left', 'left', 'right', 'right', 'right'],
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] }
  })
  const title = ['stream', 'scale', 'points', 'pairs', 'update', 'largest bars, birth to death']
  grid.push(title.map((text) => pc.underline(text)))
  const longest = longestByChannel(all)
  let previous = ''
  for (const row of shown) {
    const { points, full, pairs, sequence } = row
    const cells = largestBars(pairs, bars).map((pair) => bar(pair, longest.get(channelOf(row)) ?? 0))
    const windowText = full ? count(points) : pc.dim(count(points))
    const name = row.stream === previous ? '' : pc.bold(row.stream)
    grid.push([
      name,
      row.scale,
      windowText,
      count(pairs.length),
      count(sequence),
      cells.join(' '.repeat(BAR_GAP))
    ])
    previous = row.stream
  }
  return grid.toString().split('\n')
}

/**
 * The finite pairs of the highest dimension there is (loops, where there are any) that live longest, longest first.
 * O(pairs x bars).
 */
export function largestBars(pairs: readonly PersistencePair[], limit: number): PersistencePair[] {
  const best: PersistencePair[] = []
  const dimension = pairs.at(-1)?.dimension
  for (const pair of pairs) {
    if (pair.death === null || pair.dimension !== dimension) continue
    const place = best.findIndex((other) => persistence(other) < persistence(pair))
    best.splice(place === -1 ? best.length : place, 0, pair)
    if (best.length > limit) best.pop()
  }
  return best
}

function persistence({ birth, death }: PersistencePair): number {
  return death === null ? Infinity : Math.abs(death - birth)
}

function bar(pair: PersistencePair, longest: number): string {
  const filled = longest === 0 ? 0 : Math.max(1, Math.round((BAR_CELLS * persistence(pair)) / longest))
  const cells = pc.cyan('▇'.repeat(filled)) + ' '.repeat(BAR_CELLS - filled)
  return `${value(pair.birth)} ${cells} ${value(pair.death ?? Infinity)}`
}

/** As many decimals as fit. */
function value(number: number): string {
  const texts = [2, 1, 0].map((decimals) => number.toFixed(decimals))
  return (texts.find((text) => text.length <= VALUE_WIDTH) ?? number.toExponential(0)).padStart(VALUE_WIDTH)
}

/** Bars compare within a channel: temperature and humidity have different units. */
const channelOf = ({ scale }: ScreenRow): string => scale.split('-', 1)[0]!

function longestByChannel(rows: readonly ScreenRow[]): Map<string, number> {
  const longest = new Map<string, number>()
  for (const row of rows) {
    const [first] = largestBars(row.pairs, 1)
    if (first === undefined) continue
    longest.set(channelOf(row), Math.max(longest.get(channelOf(row)) ?? 0, persistence(first)))
  }
  return longest
}
