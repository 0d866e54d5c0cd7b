/**
 * The dull twin of the pipeline for one stream: for each update that is due, the window as a plain list and its diagram
 * by the independent batch computation.
 */
import { nativeAddon } from '../../lib/native.js'

export interface NaivePoint {
  readonly offset: number
  readonly index: number
  readonly value: number
  readonly timestamp: number | null
}

export interface NaiveScale {
  readonly filtration: 'sublevel' | 'superlevel'
  readonly window: { readonly count: number } | { readonly spanMs: number }
  readonly slide: { readonly count: number } | { readonly spanMs: number }
}

export interface NaiveUpdate {
  readonly sequence: number
  readonly window: readonly NaivePoint[]
  readonly boundary: number | null
  /** `birth death birthOffset.index deathOffset.index` of each pair, sorted. */
  readonly pairs: readonly string[]
}

export function naiveUpdates(points: readonly NaivePoint[], scale: NaiveScale): NaiveUpdate[] {
  const updates: NaiveUpdate[] = []
  const emit = (end: number, boundary: number | null): void => {
    const window = windowOf(points.slice(0, end), scale.window)
    updates.push({
      sequence: updates.length + 1,
      window,
      boundary,
      pairs: naivePairs(window, scale.filtration)
    })
  }
  const { slide } = scale
  points.forEach(({ timestamp }, i) => {
    if ('count' in slide) {
      if ((i + 1) % slide.count === 0) emit(i + 1, null)
    } else if (i > 0) {
      const boundary = Math.ceil(points[i - 1]!.timestamp! / slide.spanMs) * slide.spanMs
      if (timestamp! > boundary) emit(i, boundary)
    }
  })
  return updates
}

function windowOf(points: readonly NaivePoint[], window: NaiveScale['window']): readonly NaivePoint[] {
  if ('count' in window) return points.slice(-window.count)
  const newest = points.at(-1)!.timestamp!
  return points.filter(({ timestamp }) => timestamp! > newest - window.spanMs)
}

function naivePairs(window: readonly NaivePoint[], filtration: NaiveScale['filtration']): string[] {
  const rows = nativeAddon().seriesBatchDiagram(
    Float64Array.from(window, ({ value }) => value),
    filtration
  )
  const pairs: string[] = []
  const name = (position: number): string =>
    position < 0 ? '-' : `${window[position]!.offset}.${window[position]!.index}`
  for (let at = 0; at < rows.length; at += 8) {
    const death = rows[at + 3] === Infinity ? null : rows[at + 3]
    pairs.push(`${rows[at + 2]} ${death} ${name(rows[at + 4]!)} ${name(rows[at + 6]!)}`)
  }
  return pairs.sort()
}
