import { expect, test } from '@jest/globals'
import { series, SERIES_CASES } from '../../benchmarks/inputs.js'
import { uniform } from '../../lib/loadgen/random.js'
import { measure, measureAsync } from '../../benchmarks/measure.js'
import { BenchmarkMismatch, jsonLine, textLine, type BenchmarkResult } from '../../benchmarks/report.js'
import { applyRows, expectBatch, type RowDiagram } from '../../benchmarks/row-replica.js'
import { benchmarkSeries } from '../../benchmarks/series.js'
import { NativeDriver } from '../../benchmarks/series-drivers.js'
import { benchmarkWindows } from '../../benchmarks/windows.js'

async function collect(
  results: AsyncIterable<BenchmarkResult> | Iterable<BenchmarkResult>
): Promise<BenchmarkResult[]> {
  const all: BenchmarkResult[] = []
  for await (const result of results) all.push(result)
  return all
}

test('bench series runs every case both ways, and a repeated run has the same checksums', async () => {
  for (const api of [false, true]) {
    const options = { window: 1000, points: 1, api }
    const results = await collect(benchmarkSeries(options))
    expect(results.map((result) => result.case)).toEqual([...SERIES_CASES])
    for (const result of results) {
      expect(result.pointsPerSecond).toBeGreaterThan(0)
      expect(result.nsPerPoint! * result.pointsPerSecond!).toBeCloseTo(1e9, 0)
      expect(result).not.toHaveProperty('bytesPerPoint')
    }
    const again = await collect(benchmarkSeries(options))
    expect(again.map(({ checksum }) => checksum)).toEqual(results.map(({ checksum }) => checksum))
    expect(new Set(results.map(({ checksum }) => checksum)).size).toBe(SERIES_CASES.length)
  }
})

test('bench series measures the memory of a large window in a process of its own', async () => {
  const [result] = await collect(benchmarkSeries({ cases: ['walk'], window: 200_000, points: 1, api: false }))
  expect(result?.bytesPerPoint).toBeGreaterThan(8)
  expect(result?.bytesPerPoint).toBeLessThan(200)
})

test('bench windows times single insertions and batches of the same points', async () => {
  const results = await collect(benchmarkWindows({ window: 128, points: 1, batch: 64 }))
  expect(results.map((result) => [result.case, result.params['batch']])).toEqual([
    ['single', 1],
    ['batch', 64]
  ])
  for (const { p50Ns, p95Ns, p99Ns } of results) {
    expect(p50Ns).toBeGreaterThan(0)
    expect(p95Ns).toBeGreaterThanOrEqual(p50Ns!)
    expect(p99Ns).toBeGreaterThanOrEqual(p95Ns!)
  }
  expect(results[0]?.checksum).toBe(results[1]?.checksum)
})

test('the verification notices a lost change, a change too many and a wrong death', () => {
  const driver = new NativeDriver(500)
  const values = series('noise', 1024)
  const batches: Float64Array[] = []
  driver.onChanges = (changes) => batches.push(changes.slice())
  driver.push(values)
  driver.push(values)
  driver.close()
  const rows = Float64Array.from(batches.flatMap((batch) => [...batch]))
  // 2048 points came, the last update was after 2000 of them.
  const window = Float64Array.from({ length: 500 }, (_, i) => values[(1500 + i) % 1024]!)
  const check = (changes: Float64Array): void => {
    const diagram: RowDiagram = new Map()
    applyRows(diagram, changes)
    expectBatch(diagram, window, 1500, 'test')
  }
  check(rows)
  const wrongDeath = rows.slice()
  wrongDeath[wrongDeath.length - 8 + 3]! += 1
  expect(() => check(rows.slice(0, -8))).toThrow(BenchmarkMismatch)
  expect(() => check(Float64Array.of(...rows, ...rows.slice(-8)))).toThrow(BenchmarkMismatch)
  expect(() => check(wrongDeath)).toThrow(BenchmarkMismatch)
})

test('every series repeats without a jump', () => {
  for (const name of ['walk', 'sine'] as const) {
    const values = series(name, 65_536)
    expect(Math.abs(values[0]! - values.at(-1)!)).toBeLessThan(1)
  }
  const random = uniform(1)
  const numbers = Array.from({ length: 10_000 }, random)
  expect(new Set(numbers).size).toBeGreaterThan(9_990)
  expect(numbers.reduce((sum, number) => sum + number) / 10_000).toBeCloseTo(0.5, 1)
})

test('measure takes one operation a sample and passes on what goes wrong', async () => {
  let calls = 0
  expect(measure('sync', 7, () => calls++).seconds.length).toBeGreaterThanOrEqual(7)
  expect(calls).toBeGreaterThanOrEqual(7)
  const { seconds } = await measureAsync('async', 3, () => Promise.resolve())
  expect(seconds.length).toBeGreaterThanOrEqual(3)
  const failing = (): never => {
    throw new Error('broken operation')
  }
  expect(() => measure('failing', 1, failing)).toThrow('broken operation')
  await expect(
    measureAsync('failing', 1, () => Promise.reject(new Error('broken operation')))
  ).rejects.toThrow('broken operation')
})

test('a result is one JSON line with the documented fields, and one line for people', () => {
  const result = {
    suite: 's',
    case: 'c',
    params: { window: 3 },
    repetitions: 2,
    pointsPerSecond: 12_345_678,
    p99Ms: 1.5,
    checksum: 'ff'
  }
  const { machine, versions, ...rest } = JSON.parse(jsonLine(result)) as Record<string, unknown>
  expect(rest).toEqual(result)
  expect(Object.keys(machine as object)).toEqual(['cpu', 'cores', 'memoryMiB', 'os'])
  expect(Object.keys(versions as object)).toEqual(['streaming-tda', 'node', 'v8'])
  expect(textLine(result)).toBe('s c (window 3): 12,350,000 points/s, 1.5 ms p99  [ff]')
})
