import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { NativeWindow } from '../../../lib/native.js'
import { expectedWindows } from '../../../lib/rollout/expected-windows.js'

const times = fc
  .array(fc.integer({ min: -20, max: 60 }), { maxLength: 30 })
  .map((list) => Float64Array.from(list.sort((a, b) => a - b)))
const window: fc.Arbitrary<NativeWindow> = fc.oneof(
  fc.integer({ min: 1, max: 8 }).map((count) => ({ count })),
  fc.integer({ min: 1, max: 25 }).map((spanMs) => ({ spanMs }))
)

/** The window that ends with point `last`, by looking at every point. */
function naive(timestamps: Float64Array, last: number, one: NativeWindow): { first: number; full: boolean } {
  const inside = Array.from({ length: last + 1 }, (_, point) => point).filter((point) => {
    return 'count' in one ? point > last - one.count : timestamps[point]! > timestamps[last]! - one.spanMs
  })
  return { first: inside[0]!, full: 'count' in one ? inside.length === one.count : inside.length <= last }
}

test('oracle_windows: with a slide by count, the window at every n-th point', () => {
  fc.assert(
    fc.property(times, window, fc.integer({ min: 1, max: 5 }), (timestamps, one, count) => {
      const expected = Array.from(timestamps.keys())
        .filter((last) => (last + 1) % count === 0)
        .map((last) => ({ ...naive(timestamps, last, one), last, boundary: null }))
      expect([...expectedWindows(timestamps.length, timestamps, one, { count })]).toEqual(expected)
    })
  )
})

test('oracle_windows: with a slide by time, every boundary that a later point has passed and that saw a new point', () => {
  fc.assert(
    fc.property(times, window, fc.integer({ min: 1, max: 9 }), (timestamps, one, everyMs) => {
      const newest = timestamps.at(-1) ?? 0
      const expected = []
      for (let boundary = -100 * everyMs; boundary < newest; boundary += everyMs) {
        const upTo = timestamps.filter((time) => time <= boundary).length
        const before = timestamps.filter((time) => time <= boundary - everyMs).length
        if (upTo > before)
          expected.push({ ...naive(timestamps, upTo - 1, one), last: upTo - 1, boundary: boundary + 0 })
      }
      expect([...expectedWindows(timestamps.length, timestamps, one, { everyMs })]).toEqual(expected)
    })
  )
})

test('time without timestamps is a mistake of the caller', () => {
  expect(() => [...expectedWindows(1, null, { spanMs: 5 }, { count: 1 })]).toThrow('without timestamps')
})
