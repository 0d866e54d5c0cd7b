import { expect, jest, test } from '@jest/globals'
import { BenchmarkMismatch, type BenchmarkResult } from '../../benchmarks/report.js'
import { printResults } from '../../lib/cli/bench-output.js'
import { root, runCommand } from '../support/run-command.js'

const bench = (args: string) =>
  runCommand(process.execPath, [`${root}/dist/lib/cli/main.js`, 'bench', ...args.split(' ')])

const parse = (stdout: string): Record<string, unknown>[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test('bench --json prints JSON lines and nothing else', async () => {
  const series = await bench('series --json --window 1000 --points 1e5')
  expect([series.code, series.stderr]).toEqual([0, ''])
  expect(parse(series.stdout).map((result) => result['case'])).toEqual(['walk', 'noise', 'sine'])
  const windows = await bench('windows --json --window 100 --points 1e4 --batch 10 --case batch')
  expect(windows.code).toBe(0)
  expect(parse(windows.stdout)).toMatchObject([
    { suite: 'windows', case: 'batch', params: { window: 100, batch: 10 } }
  ])
})

test('bench pipeline verifies what went through the broker and says how fast it was', async () => {
  const { code, stdout, stderr } = await bench('pipeline --json --streams 5 --records 5000 --repetitions 2')
  expect([code, stderr]).toEqual([0, ''])
  const [result, ...more] = parse(stdout)
  expect(more).toEqual([])
  expect(result).toMatchObject({
    suite: 'pipeline',
    case: 'streams-5',
    params: { streams: 5, records: 5000 }
  })
  expect(result?.['recordsPerSecond']).toBeGreaterThan(0)
  expect(result?.['p99Ms']).toBeGreaterThanOrEqual(result?.['p50Ms'] as number)
  expect(result?.['repetitions']).toBeGreaterThanOrEqual(2)
})

test('a mismatch ends the run with exit code 1 after the results before it', async () => {
  const out = jest.spyOn(process.stdout, 'write').mockReturnValue(true)
  const err = jest.spyOn(process.stderr, 'write').mockReturnValue(true)
  const result = { suite: 's', case: 'c', params: {}, repetitions: 1, checksum: '0' }
  function* results(): Generator<BenchmarkResult> {
    yield result
    throw new BenchmarkMismatch('pair 7 differs')
  }
  try {
    await printResults(false, results())
    expect(out.mock.calls).toEqual([['s c ():   [0]\n']])
    expect(err.mock.calls).toEqual([['streaming-tda: wrong result, nothing was timed: pair 7 differs\n']])
    expect(process.exitCode).toBe(1)
  } finally {
    process.exitCode = undefined
    out.mockRestore()
    err.mockRestore()
  }
})

test('bench refuses suites and numbers it does not know with exit code 2', async () => {
  expect((await bench('serious')).code).toBe(2)
  const { code, stderr } = await bench('series --window none')
  expect(code).toBe(2)
  expect(stderr).toMatch(/--window.*Expected a whole number from 1 to/)
})
