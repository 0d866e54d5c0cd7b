/** The suites over point clouds, tiny: they verify themselves, repeat themselves, and notice a wrong bar. */
import { expect, test } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { benchmarkBatch } from '../../../benchmarks/batch.js'
import { cloud, CLOUDS } from '../../../benchmarks/clouds.js'
import { BenchmarkMismatch, type BenchmarkResult } from '../../../benchmarks/report.js'
import { benchmarkRips, distribution, ratios } from '../../../benchmarks/rips.js'
import {
  applyChanges,
  barsOf,
  batch,
  expectSame,
  RipsDriver,
  type Bar
} from '../../../benchmarks/rips-driver.js'
import { measurePeers } from '../../../benchmarks/rips-peers.js'
import { runCommand } from '../../support/run-command.js'

async function collect(results: AsyncIterable<BenchmarkResult>): Promise<BenchmarkResult[]> {
  const all: BenchmarkResult[] = []
  for await (const result of results) all.push(result)
  return all
}

test('bench rips runs every cloud, with ordered percentiles and the same checksum again', async () => {
  for (const maxDimension of [0, 1] as const) {
    const options = { window: 40, dimension: 3, maxDimension, slides: 30 }
    const results = await collect(benchmarkRips(options))
    expect(results.map((result) => result.case)).toEqual([...CLOUDS])
    // A small lattice may have no relation at all.
    expect(Math.max(...results.map(({ columns }) => columns!))).toBeGreaterThan(0)
    for (const { p50Ms, p90Ms, p99Ms, maxMs, meanMs, pairsChanged, bytes, repetitions } of results) {
      expect(p50Ms).toBeGreaterThan(0)
      expect([p50Ms, p90Ms, p99Ms, maxMs]).toEqual([p50Ms, p90Ms, p99Ms, maxMs].sort((a, b) => a! - b!))
      expect(meanMs).toBeLessThanOrEqual(maxMs!)
      expect(pairsChanged).toBeGreaterThan(0)
      expect(bytes).toBeGreaterThan(40 * 40 * 4)
      expect(repetitions).toBe(30)
    }
    const again = await collect(benchmarkRips(options))
    expect(again.map(({ checksum }) => checksum)).toEqual(results.map(({ checksum }) => checksum))
  }
})

test('bench batch runs every cloud; its threads do not matter to the checksum', async () => {
  const options = { window: 60, dimension: 3, maxDimension: 1, repetitions: 2 } as const
  const results = await collect(benchmarkBatch({ ...options, threads: 1 }))
  expect(results.map((result) => result.case)).toEqual([...CLOUDS])
  const threaded = await collect(benchmarkBatch({ ...options, threads: 2 }))
  expect(threaded.map(({ checksum }) => checksum)).toEqual(results.map(({ checksum }) => checksum))
})

test('clouds start alike whatever their length, and are what they are called', () => {
  for (const name of CLOUDS) {
    const short = cloud(name, 3, 10)
    expect(cloud(name, 3, 500).slice(0, 30)).toEqual(short)
    expect(short.every(Number.isFinite)).toBe(true)
  }
  const circle = cloud('circle', 2, 500)
  const radii = Array.from({ length: 500 }, (_, i) => Math.hypot(circle[2 * i]!, circle[2 * i + 1]!))
  expect(Math.min(...radii)).toBeGreaterThan(0.5)
  expect(radii.reduce((total, radius) => total + radius) / 500).toBeCloseTo(1, 1)
  expect(new Set(cloud('lattice', 2, 500))).toEqual(new Set([0, 1, 2, 3]))
  const embedding = cloud('embedding', 3, 100)
  expect(embedding[3 * 50 + 1]).toBe(embedding[3 * 38])
})

test('the verification notices a lost change, a change twice and another bar', () => {
  const shape = { window: 20, dimension: 2, maxDimension: 1 } as const
  const points = cloud('uniform', 2, 30)
  const driver = new RipsDriver(shape)
  const rows = Array.from({ length: 30 }, (_, k) => driver.slide(points.subarray(2 * k, 2 * k + 2)))
  driver.close()
  const replay = (all: readonly Float64Array[]): Bar[] => {
    const bars = new Map<string, Bar>()
    for (const changes of all) applyChanges(bars, changes)
    return [...bars.values()]
  }
  const expected = barsOf(batch(points.slice(20), shape).result)
  expect(() => expectSame(replay(rows), expected, 'test')).not.toThrow()
  expect(() => replay([...rows, rows.at(-1)!])).toThrow(BenchmarkMismatch)
  expect(() => replay(rows.slice(1))).toThrow(BenchmarkMismatch)
  const [first, ...rest] = expected
  expect(() => expectSame(rest, expected, 'test')).toThrow(/19 bars|bars in the window/)
  expect(() => expectSame([[first![0], first![1], first![2] + 1], ...rest], expected, 'test')).toThrow(
    BenchmarkMismatch
  )
})

test('figures: percentiles are samples, and the ratio is Ripser over ours', () => {
  const seconds = Array.from({ length: 100 }, (_, i) => (100 - i) / 1000)
  expect(distribution(seconds)).toEqual({ meanMs: 50.5, p50Ms: 50, p90Ms: 90, p99Ms: 99, maxMs: 100 })
  expect(distribution([0.25])).toEqual({ meanMs: 250, p50Ms: 250, p90Ms: 250, p99Ms: 250, maxMs: 250 })
  const ours = { meanMs: 2, cpuMeanMs: 1 }
  const peers = { ripserMs: 500, ripserCpuMs: 400, giottoMs: 1 }
  expect(ratios(ours, peers)).toEqual({ ...peers, ratio: 250, cpuRatio: 400 })
  expect(ratios(ours, {})).toEqual({})
})

test('peers that are not there are skipped', async () => {
  const window = { points: cloud('uniform', 2, 10), bars: [] }
  const shape = { window: 10, dimension: 2, maxDimension: 1 } as const
  expect(await measurePeers([window], shape, { python: '/no/such/python', threads: 1 })).toEqual({})
})

test('the command dumps the points of a run, and only of one cloud', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'streaming-tda-'))
  try {
    const dump = join(folder, 'points.txt')
    const args = ['dist/lib/cli/main.js', 'bench', 'rips', '--window', '20', '--slides', '25', '--dump', dump]
    const refused = await runCommand(process.execPath, args)
    expect([refused.code, refused.stderr]).toEqual([
      2,
      'streaming-tda: --dump needs --cloud: the points of one run\n'
    ])
    const run = await runCommand(process.execPath, [...args, '--cloud', 'circle', '--json'])
    expect([run.code, run.stderr]).toEqual([0, ''])
    expect(JSON.parse(run.stdout)).toMatchObject({
      suite: 'rips',
      case: 'circle',
      params: { window: 20, slides: 25 }
    })
    const lines = readFileSync(dump, 'utf8').trimEnd().split('\n')
    const numbers = lines.flatMap((line) => line.split(' ').map(Number))
    expect(Float64Array.from(numbers)).toEqual(cloud('circle', 3, 45))
  } finally {
    rmSync(folder, { recursive: true })
  }
})
