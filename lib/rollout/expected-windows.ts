/**
 * Which updates are due and which window each one shows, straight from the definitions (SPEC: window, slide) over all
 * points of a stream at once. The dull twin of `native/engine`: no state, no batches, no ring.
 */
import type { NativeSlide, NativeWindow } from '../native.js'

/** A window as point numbers of its stream, both ends inclusive. */
export interface ExpectedWindow {
  readonly first: number
  readonly last: number
  readonly full: boolean
  /** The boundary this update stands for; `null` with a slide by count. */
  readonly boundary: number | null
}

/**
 * The windows of all updates of a stream of `count` points, in order. `timestamps` (ascending) are needed where window or
 * slide is a duration. O(1) a point.
 */
export function* expectedWindows(
  count: number,
  timestamps: Float64Array | null,
  window: NativeWindow,
  slide: Exclude<NativeSlide, { readonly byHand: true }>
): Generator<ExpectedWindow, void, undefined> {
  const time = (point: number): number => {
    if (timestamps === null) throw new TypeError('a window or slide by time over points without timestamps')
    return timestamps[point]!
  }
  let first = 0
  for (let last = 0; last < count; last++) {
    const boundary = 'everyMs' in slide ? Math.ceil(time(last) / slide.everyMs) * slide.everyMs + 0 : null
    if ('spanMs' in window) while (time(first) <= time(last) - window.spanMs) first++
    else first = Math.max(0, last + 1 - window.count)
    const due =
      'everyMs' in slide ? last + 1 < count && time(last + 1) > boundary! : (last + 1) % slide.count === 0
    const full = 'spanMs' in window ? first > 0 : last + 1 - first === window.count
    if (due) yield { first, last, full, boundary }
  }
}
