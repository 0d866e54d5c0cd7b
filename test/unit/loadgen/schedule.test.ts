/** The schedule and the records: functions of the options and the seed. */
import { expect, test } from '@jest/globals'
import { createDecoder } from '../../../lib/adapters/decoder.js'
import { validateConfig } from '../../../lib/config/load.js'
import { Schedule } from '../../../lib/loadgen/arrivals.js'
import {
  ARRIVALS,
  LOAD_DATA,
  LOAD_FORMATS,
  planLoad,
  type LoadOptions
} from '../../../lib/loadgen/options.js'
import { REGIME_POINTS } from '../../../lib/loadgen/points.js'
import { uniform } from '../../../lib/loadgen/random.js'
import { RecordSource } from '../../../lib/loadgen/records.js'
import { streamChooser } from '../../../lib/loadgen/streams.js'

const base: LoadOptions = { rate: 1000, durationMs: 10_000 }

function timesOf(options: LoadOptions): number[] {
  const schedule = new Schedule(planLoad(options))
  const times: number[] = []
  while (schedule.nextMs < Infinity) {
    times.push(schedule.nextMs)
    schedule.pass()
  }
  return times
}

function valuesOf(options: LoadOptions, count: number): string[] {
  const source = new RecordSource(planLoad(options), options.startTime ?? 0)
  return Array.from({ length: count }, (_, n) => {
    const { key, value } = source.next(n)
    return `${key.toString()} ${value.toString()}`
  })
}

test('law_ one seed is one schedule, in order, within the duration; another seed another one', () => {
  for (const arrival of ARRIVALS) {
    const times = timesOf({ ...base, arrival, seed: 7 })
    expect(timesOf({ ...base, arrival, seed: 7 })).toEqual(times)
    expect(times.every((time, n) => time < 10_000 && time >= (times[n - 1] ?? 0))).toBe(true)
  }
  expect(timesOf({ ...base, arrival: 'poisson', seed: 8 })).not.toEqual(
    timesOf({ ...base, arrival: 'poisson', seed: 7 })
  )
})

test('shape_ constant, bursts and ramp have the events they promise in every second', () => {
  const perSecond = (options: LoadOptions): number[] => {
    const counts = new Array<number>(10).fill(0)
    for (const time of timesOf(options)) counts[Math.floor(time / 1000)]!++
    return counts
  }
  expect(perSecond(base)).toEqual(new Array(10).fill(1000))
  expect(perSecond({ ...base, arrival: 'bursts' })).toEqual(new Array(10).fill(1000))
  expect(timesOf({ ...base, arrival: 'bursts' }).every((time) => time % 1000 < 200)).toBe(true)
  const ramp = perSecond({ ...base, arrival: 'ramp' })
  ramp.forEach((count, second) => expect(Math.abs(count - 100 * (second + 0.5))).toBeLessThanOrEqual(1))
})

test('shape_ gaps of poisson have mean and deviation 1 / rate', () => {
  const times = timesOf({ ...base, durationMs: 100_000, arrival: 'poisson' })
  const gaps = times.map((time, n) => time - (times[n - 1] ?? 0))
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length
  expect(mean).toBeCloseTo(1, 1)
  expect(Math.sqrt(variance)).toBeCloseTo(1, 1)
})

test('oracle_ keys follow the law of Zipf, or come in turn', () => {
  const choose = streamChooser(100, 1.2, uniform(3))
  const draws = 400_000
  const counts = new Float64Array(100)
  for (let i = 0; i < draws; i++) counts[choose()]!++
  const weights = Float64Array.from({ length: 100 }, (_, k) => (k + 1) ** -1.2)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  // Pearson's statistic of 99 degrees of freedom: 149 is its 0.999 quantile, and the seed is fixed.
  const statistic = counts.reduce((sum, count, k) => {
    const expected = (draws * weights[k]!) / total
    return sum + (count - expected) ** 2 / expected
  }, 0)
  expect(statistic).toBeLessThan(149)
  const turn = streamChooser(3, 0, uniform(3))
  expect([turn(), turn(), turn(), turn()]).toEqual([0, 1, 2, 0])
})

test('law_ one seed is the same records, byte for byte; another seed other ones', () => {
  for (const data of LOAD_DATA) {
    const options: LoadOptions = { ...base, data, streams: 5, skew: 1, pointsPerRecord: 3, seed: 11 }
    expect(valuesOf(options, 200)).toEqual(valuesOf(options, 200))
    expect(valuesOf(options, 200)).not.toEqual(valuesOf({ ...options, seed: 12 }, 200))
  }
  // Known bytes: a change of them is a change of every seeded load there is.
  expect(valuesOf({ ...base, data: 'walk', streams: 2 }, 3)).toEqual([
    'stream-0 {"value":0.22311}',
    'stream-1 {"value":0.355488}',
    'stream-0 {"value":0.172116}'
  ])
})

test.each(LOAD_FORMATS)('oracle_ the decoder of the daemon takes every record: %s', (format) => {
  const decoder = createDecoder(
    validateConfig({
      input: {
        channels: ['x', 'y', 'z'],
        ...(format === 'json'
          ? { timestamp: { from: 'field', unit: 'ms', field: 't' } }
          : { format: 'binary', binary: { type: format }, timestamp: { from: 'field', unit: 'ms' } })
      },
      scales: [{ name: 'a', window: 8, filtration: 'sublevel', channel: 'x' }]
    })
  )
  for (const pointsPerRecord of [1, 4]) {
    const options: LoadOptions = {
      ...base,
      data: 'torus',
      format,
      pointsPerRecord,
      timeField: 't',
      startTime: 1_000_000,
      streams: 3
    }
    const source = new RecordSource(planLoad(options), 1_000_000)
    const records = Array.from({ length: 30 }, (_, n) => ({
      ...source.next(n * 1.5),
      topic: 't',
      partition: 0,
      offset: n,
      timestamp: 0
    }))
    const { streams, rejected, points } = decoder.decode(records)
    expect(rejected).toEqual([])
    expect(points).toBe(30 * pointsPerRecord)
    expect(streams.map(({ stream }) => stream).sort()).toEqual(['stream-0', 'stream-1', 'stream-2'])
    expect(streams[1]!.timestamps![0]).toBe(1_000_001)
  }
})

test('shape_ rows are replayed as they are, by each stream from the first, over and over', () => {
  const values = Float64Array.from([1.123456789, 2, 3, 4])
  const options: LoadOptions = { ...base, data: { channels: ['a', 'b'], values }, streams: 2 }
  expect(valuesOf(options, 6)).toEqual([
    'stream-0 {"a":1.123456789,"b":2}',
    'stream-1 {"a":1.123456789,"b":2}',
    'stream-0 {"a":3,"b":4}',
    'stream-1 {"a":3,"b":4}',
    'stream-0 {"a":1.123456789,"b":2}',
    'stream-1 {"a":1.123456789,"b":2}'
  ])
})

test('shape_ the data is what its name says', () => {
  const points = (options: Partial<LoadOptions>, count: number): number[][] =>
    valuesOf({ ...base, ...options }, count).map((text) =>
      Object.values(JSON.parse(text.slice(text.indexOf(' ')).trim()) as Record<string, number>)
    )
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const radii = points({ data: 'circle' }, 4000).map(([x, y]) => Math.hypot(x!, y!))
  expect(mean(radii)).toBeCloseTo(1, 1)
  expect(
    points({ data: 'uniform' }, 1000)
      .flat()
      .every((value) => value >= 0 && value <= 1)
  ).toBe(true)
  const torus = points({ data: 'torus' }, 4000).map(([x, y, z]) => Math.hypot(Math.hypot(x!, y!) - 1, z!))
  expect(Math.abs(mean(torus) - 0.4)).toBeLessThan(0.05)
  const drift = points({ data: 'drift' }, 4000).map(([x]) => x!)
  expect(mean(drift.slice(-500)) - mean(drift.slice(0, 500))).toBeGreaterThan(3)
  const regime = points({ data: 'regime' }, 3 * REGIME_POINTS).flat()
  const levels = [0, 1, 2].map((k) => mean(regime.slice(k * REGIME_POINTS, (k + 1) * REGIME_POINTS)))
  expect(levels.map((level) => level.toFixed(0).replace('-', ''))).toEqual(['0', '3', '0'])
})

test('what a load cannot be is said with its bounds', () => {
  const wrong: [Partial<LoadOptions>, RegExp][] = [
    [{ rate: 0 }, /rate: expected from 1 to 500000, found 0/],
    [{ rate: 500_001 }, /rate: expected from 1 to 500000/],
    [{ durationMs: 0 }, /durationMs/],
    [{ durationMs: Infinity }, /durationMs/],
    [{ streams: 1.5 }, /streams: expected a whole number from 1 to 1000000, found 1.5/],
    [{ skew: -1 }, /skew/],
    [{ seed: -1 }, /seed/],
    [{ arrival: 'never' as 'ramp' }, /arrival: expected one of constant, poisson, bursts, ramp, found never/],
    [{ data: 'moon' as 'sine' }, /data: expected one of uniform/],
    [{ channels: ['a', 'a'] }, /channels: expected different names/],
    [{ timeField: 'value' }, /channels: expected different names/],
    [
      { pointsPerRecord: 10_000, channels: ['a', 'b', 'c', 'd'] },
      /pointsPerRecord: expected at most \d+ for a record/
    ],
    [{ data: { channels: ['a', 'b'], values: new Float64Array(3) } }, /data: expected rows of 2 numbers/],
    [{ data: { channels: ['a'], values: new Float64Array(3) }, channels: ['a', 'b'] }, /expected 1 names/]
  ]
  for (const [options, message] of wrong) {
    expect(() => planLoad({ ...base, ...options })).toThrow(message)
  }
})
