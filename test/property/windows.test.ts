/** Windows of the library against plain arrays. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { MultiScaleWindows } from '../../lib/scales/multi-scale-windows.js'
import type { PointRows } from '../../lib/scales/point-rows.js'
import { SlidingWindow } from '../../lib/scales/sliding-window.js'

const value = fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0)
const step =
  (dimension: number) =>
  (points: fc.Arbitrary<number>): fc.Arbitrary<number[]> =>
    points.chain((count) => fc.array(value, { minLength: count * dimension, maxLength: count * dimension }))

interface TwinPoint {
  readonly values: readonly number[]
  readonly timestamp: number | null
}

/** A window as anyone would write it. */
class TwinWindow {
  points: TwinPoint[] = []
  readonly #keeps: (point: TwinPoint, at: number, points: readonly TwinPoint[]) => boolean

  constructor(length: { readonly count: number } | { readonly spanMs: number }) {
    this.#keeps =
      'count' in length
        ? (_, at, points) => at >= points.length - length.count
        : ({ timestamp }, _, points) => (timestamp ?? 0) > (points.at(-1)?.timestamp ?? 0) - length.spanMs
  }

  add(points: readonly TwinPoint[]): TwinPoint[] {
    const all = [...this.points, ...points]
    this.points = all.filter(this.#keeps)
    return all.slice(0, all.length - this.points.length)
  }

  slide(count: number): TwinPoint[] {
    return this.points.splice(0, count)
  }
}

function plain(rows: PointRows): TwinPoint[] {
  return [...rows].map(({ values, timestamp }) => ({ values, timestamp }))
}

function cut(
  values: readonly number[],
  dimension: number,
  timestamps: readonly number[] | null
): TwinPoint[] {
  return Array.from({ length: values.length / dimension }, (_, at) => ({
    values: values.slice(at * dimension, (at + 1) * dimension),
    timestamp: timestamps?.[at] ?? null
  }))
}

test('oracle: a window by count equals an array, single points, batches and slides mixed', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 3 }),
      fc.array(fc.oneof(step(3)(fc.integer({ min: 0, max: 15 })), fc.integer({ min: 0, max: 5 })), {
        maxLength: 30
      }),
      (count, dimension, steps) => {
        using window = new SlidingWindow({ count, dimension })
        const twin = new TwinWindow({ count })
        for (const step of steps) {
          if (typeof step === 'number') {
            const dropped = Math.min(step, window.size)
            expect(plain(window.slide(dropped))).toEqual(twin.slide(dropped))
          } else {
            const values = step.slice(0, Math.floor(step.length / dimension) * dimension)
            const points = cut(values, dimension, null)
            const single = points.length === 1 ? points[0] : undefined
            const evicted =
              single === undefined
                ? window.addPoints(values)
                : window.addPoint(dimension === 1 ? (single.values[0] ?? NaN) : single.values)
            expect(plain(evicted)).toEqual(twin.add(points))
          }
          expect(window.size).toBe(twin.points.length)
        }
        expect(plain(window.getPoints())).toEqual(twin.points)
        const [first, next] = window.bounds
        expect([...window.getPoints()].map(({ number }) => number)).toEqual(
          Array.from({ length: next - first }, (_, at) => first + at)
        )
      }
    ),
    { numRuns: 300 }
  )
})

const stamped = fc.array(fc.tuple(value, fc.integer({ min: 0, max: 9 })), { maxLength: 12 })

test('oracle: a window by time equals an array', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.array(stamped, { maxLength: 20 }), (spanMs, batches) => {
      using window = new SlidingWindow({ spanMs, pointsMax: 300 })
      const twin = new TwinWindow({ spanMs })
      let now = -20
      for (const batch of batches) {
        const values = batch.map(([number]) => number)
        const timestamps = batch.map(([, later]) => (now += later))
        const [one] = values
        const evicted =
          values.length === 1 ? window.addPoint(one ?? NaN, now) : window.addPoints(values, timestamps)
        expect(plain(evicted)).toEqual(twin.add(cut(values, 1, timestamps)))
      }
      expect(plain(window.getPoints())).toEqual(twin.points)
    }),
    { numRuns: 300 }
  )
})

test('oracle: several windows over one ring equal several arrays', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 30 }),
      fc.array(stamped, { maxLength: 20 }),
      (short, long, spanMs, batches) => {
        using windows = new MultiScaleWindows({
          windows: { short: { count: short }, long: { count: long }, time: { spanMs, pointsMax: 300 } }
        })
        const twins = new Map([
          ['short', new TwinWindow({ count: short })],
          ['long', new TwinWindow({ count: long })],
          ['time', new TwinWindow({ spanMs })]
        ])
        let now = 0
        for (const batch of batches) {
          const values = batch.map(([number]) => number)
          const timestamps = batch.map(([, later]) => (now += later))
          const evicted = windows.addPoints(values, timestamps)
          for (const [scale, twin] of twins) {
            const left = evicted.get(scale)
            expect(left && plain(left)).toEqual(twin.add(cut(values, 1, timestamps)))
            expect(windows.size(scale)).toBe(twin.points.length)
          }
        }
        for (const [scale, twin] of twins) expect(plain(windows.getPoints(scale))).toEqual(twin.points)
      }
    ),
    { numRuns: 200 }
  )
})

test('law: a batch longer than a piece gives what its points one by one give', () => {
  const values = Float64Array.from({ length: 10_000 }, (_, at) => at)
  for (const count of [1, 4095, 4096, 4097, 9_999, 20_000]) {
    using whole = new SlidingWindow({ count })
    using single = new SlidingWindow({ count })
    const evicted = whole.addPoints(values)
    const ones = Array.from(values).flatMap((number) => Array.from(single.addPoint(number).values))
    expect(Array.from(evicted.values)).toEqual(ones)
    expect(whole.getPoints().values).toEqual(single.getPoints().values)
  }
})
