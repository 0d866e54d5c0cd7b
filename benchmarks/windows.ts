/**
 * Question: what does inserting into a full sliding window cost through the public API, evicted points returned?
 * Sketch:   single: one border crossing, a small typed array and an object for what left: some 200 ns. Batch: 16 bytes
 *           copied in and out a point, so a few ns.
 * If not:   single: more than one native call, or the garbage collector; batch: something per point in JavaScript.
 *
 * Throughput is timed in blocks without looking at the clock in between; percentiles in a second pass that times each
 * call by itself, and so contain the clock's own 30 to 60 ns.
 */
import { createHistogram } from 'node:perf_hooks'
import { SlidingWindow } from '../lib/scales/sliding-window.js'
import { series } from './inputs.js'
import { measure, sum } from './measure.js'
import { BenchmarkMismatch, Checksum, type BenchmarkResult } from './report.js'

export const WINDOW_CASES = ['single', 'batch'] as const
export type WindowCase = (typeof WINDOW_CASES)[number]

export interface WindowBenchmark {
  readonly cases?: readonly WindowCase[]
  /** Points in the window. */
  readonly window: number
  /** Points to be timed, at least, in each of the two passes. */
  readonly points: number
  /** Points in one call of case `batch`. */
  readonly batch: number
}

const BLOCK = 65_536
const SAMPLES_MIN = 5

export function* benchmarkWindows(options: WindowBenchmark): Generator<BenchmarkResult> {
  for (const name of options.cases ?? WINDOW_CASES) yield benchmarkCase(name, options)
}

function benchmarkCase(name: WindowCase, options: WindowBenchmark): BenchmarkResult {
  const { window: size, points } = options
  const perCall = name === 'single' ? 1 : options.batch
  const block = Math.ceil(BLOCK / perCall) * perCall
  const values = series('noise', block)
  const checksum = verify(name, size, perCall, values)

  const window = new SlidingWindow({ count: size })
  const insert = inserter(name, window, perCall, values)
  for (let filled = 0; filled < size; filled += block) insertBlock(insert, block, perCall)
  const samples = Math.max(SAMPLES_MIN, Math.ceil(points / block))
  const { seconds } = measure(name, samples, () => {
    insertBlock(insert, block, perCall)
  })
  const calls = createHistogram()
  for (let at = 0; at < samples * block; at += perCall) {
    const started = process.hrtime.bigint()
    insert(at % block)
    calls.record(process.hrtime.bigint() - started)
  }
  if (window.size !== size)
    throw new BenchmarkMismatch(`windows ${name}: ${window.size} points in a window of ${size}`)
  window.close()

  const nsPerPoint = (sum(seconds) / (seconds.length * block)) * 1e9
  return {
    suite: 'windows',
    case: name,
    params: { window: size, points: seconds.length * block, batch: perCall },
    repetitions: seconds.length,
    nsPerPoint,
    pointsPerSecond: 1e9 / nsPerPoint,
    p50Ns: calls.percentile(50),
    p95Ns: calls.percentile(95),
    p99Ns: calls.percentile(99),
    checksum
  }
}

/** Inserts what starts at `at`; returns how many points left. */
type Insert = (at: number) => number

function inserter(name: WindowCase, window: SlidingWindow, perCall: number, values: Float64Array): Insert {
  return name === 'single'
    ? (at) => window.addPoint(values[at]!).length
    : (at) => window.addPoints(values.subarray(at, at + perCall)).length
}

function insertBlock(insert: Insert, block: number, perCall: number): void {
  let left = 0
  for (let at = 0; at < block; at += perCall) left += insert(at)
  if (left > block + perCall) throw new BenchmarkMismatch(`more points left (${left}) than came (${block})`)
}

/** What leaves must be what came, in order, each exactly when the window is full; what stays, the newest points. */
function verify(name: WindowCase, size: number, perCall: number, values: Float64Array): string {
  const window = new SlidingWindow({ count: size })
  const checksum = new Checksum()
  const block = values.length
  let left = 0
  let came = 0
  while (came < size + 2 * block) {
    const at = came % block
    const evicted =
      name === 'single' ? window.addPoint(values[at]!) : window.addPoints(values.subarray(at, at + perCall))
    came += perCall
    for (const value of evicted.values) {
      if (value !== values[left % block])
        throw new BenchmarkMismatch(`windows ${name}: point ${left} left as ${value}`)
      left += 1
    }
    if (left !== Math.max(0, came - size))
      throw new BenchmarkMismatch(`windows ${name}: ${left} of ${came} points have left`)
    checksum.add(evicted.values)
  }
  const kept = window.getPoints().values
  const wrong = kept.findIndex((value, i) => value !== values[(left + i) % block])
  if (wrong >= 0 || kept.length !== size)
    throw new BenchmarkMismatch(`windows ${name}: point ${wrong} of the window is wrong`)
  window.close()
  return checksum.add(kept).text()
}
