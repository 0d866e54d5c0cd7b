import { expect, test } from '@jest/globals'
import type { FileSeries } from '../../../lib/adapters/csv-series.js'
import { validateConfig } from '../../../lib/config/load.js'
import { nativeAddon } from '../../../lib/native.js'
import {
  checkAll,
  checkCapacity,
  inOrder,
  needsOrder,
  scalesToCheck
} from '../../../lib/rollout/file-check.js'

const series: FileSeries = {
  stream: 's',
  count: 5,
  channels: 2,
  values: Float64Array.of(1, 10, 2, 20, 3, 30, 4, 40, 5, 50),
  timestamps: Float64Array.of(100, 200, 150, 200, 300),
  offsets: Float64Array.of(0, 1, 2, 3, 4),
  indices: new Uint32Array(5)
}
const config = validateConfig({
  input: { channels: ['a', 'b'], timestamp: { from: 'field', field: 't' } },
  scales: [
    { name: 'count', window: 3, slide: 2, filtration: 'sublevel', channel: 'b' },
    { name: 'time', window: '1s', slide: '100ms', filtration: 'superlevel', channel: 'a', pointsMax: 3 }
  ]
})

test('points whose timestamp goes back are set aside; equal ones stay', () => {
  const { series: ordered, dropped } = inOrder(series)
  expect(dropped).toBe(1)
  expect(ordered).toEqual({
    stream: 's',
    count: 4,
    channels: 2,
    values: Float64Array.of(1, 10, 2, 20, 4, 40, 5, 50),
    timestamps: Float64Array.of(100, 200, 200, 300),
    offsets: Float64Array.of(0, 1, 3, 4),
    indices: new Uint32Array(4)
  })
  expect(inOrder(ordered)).toEqual({ series: ordered, dropped: 0 })
  const timeless = { ...series, timestamps: null }
  expect(inOrder(timeless)).toEqual({ series: timeless, dropped: 0 })
})

test('every window is checked, and the boundaries of slides by time besides', () => {
  expect(scalesToCheck(config, 1)).toMatchObject([
    { name: 'count', channel: 1, window: { count: 3 }, slide: { count: 1 } },
    { name: 'time', channel: 0, window: { spanMs: 1000 }, slide: { count: 1 } },
    { name: 'time', channel: 0, window: { spanMs: 1000 }, slide: { everyMs: 100 } }
  ])
  expect(needsOrder(config)).toBe(true)
  expect(needsOrder({ ...config, scales: config.scales.slice(0, 1) })).toBe(false)
})

test('a window by time with more points than allowed is refused', () => {
  const { series: ordered } = inOrder(series)
  expect(() => checkCapacity(ordered, config)).toThrow(
    'scale "time" of stream "s": a window holds 4 points, more than pointsMax (3); raise it'
  )
  checkCapacity(ordered, { ...config, scales: config.scales.map((scale) => ({ ...scale, pointsMax: 4 })) })
})

test('streams and scales are checked one after the other, with one count of progress', async () => {
  const { series: ordered } = inOrder(series)
  const seen: number[] = []
  const results = []
  const progress = (points: number): Promise<void> => {
    seen.push(points)
    return Promise.resolve()
  }
  for await (const result of checkAll(
    nativeAddon(),
    [ordered, { ...ordered, stream: 'r' }],
    scalesToCheck(config, 2),
    progress
  ))
    results.push(result)
  expect(
    results.map(({ stream, scale, windows, mismatches }) => [stream, scale.name, windows, mismatches])
  ).toEqual([
    ['s', 'count', 2, 0],
    ['s', 'time', 2, 0],
    ['s', 'time', 2, 0],
    ['r', 'count', 2, 0],
    ['r', 'time', 2, 0],
    ['r', 'time', 2, 0]
  ])
  expect(seen).toEqual([4, 8, 12, 16, 20, 24])
})
