/**
 * Question: what does one point of a scalar series cost at steady state, its window full, every change recorded and
 *           taken out, an update every 100 points?
 * Sketch:   a point is compared, pushed on a monotone stack and popped once; 16 to 40 bytes touched: about 30 ns, the
 *           same for a window of 10^3 and 10^6.
 * If not:   flat in the window, but slow: the border (arrays per call) or the changes (noise: one in three points). Slow for
 *           large windows only: cache misses, look at the layout of the engine's nodes.
 *
 * Without `api`: the C++ engine through large native calls (65 536 points). With `api`: StreamingTdaProcessor in
 * batches of 4096.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { series, SERIES_CASES, type SeriesCase } from './inputs.js'
import { measure, sum } from './measure.js'
import { BenchmarkMismatch, Checksum, type BenchmarkResult } from './report.js'
import { applyRows, expectBatch, type RowDiagram } from './row-replica.js'
import { ApiDriver, NativeDriver, SLIDE, type SeriesDriver } from './series-drivers.js'

export interface SeriesBenchmark {
  readonly cases?: readonly SeriesCase[]
  /** Points in the window. */
  readonly window: number
  /** Points to be timed, at least. */
  readonly points: number
  readonly api: boolean
}

/** Bytes per point are measured for windows from here on; below, the process's own noise is larger. */
const MEMORY_WINDOW_MIN = 100_000
const SAMPLES_MIN = 5
const VERIFY_SPANS = 4

export async function* benchmarkSeries(options: SeriesBenchmark): AsyncGenerator<BenchmarkResult> {
  for (const name of options.cases ?? SERIES_CASES) yield await benchmarkCase(name, options)
}

async function benchmarkCase(name: SeriesCase, options: SeriesBenchmark): Promise<BenchmarkResult> {
  const { window, points, api } = options
  const open = (): SeriesDriver => (api ? new ApiDriver(window) : new NativeDriver(window))
  const source = new Source(name, window, api ? ApiDriver.span : NativeDriver.span)
  const checksum = verify(open(), source, window)

  const driver = open()
  source.rewind()
  for (let filled = 0; filled < window; filled += source.span) driver.push(source.next())
  let rows = 0
  const samples = Math.max(SAMPLES_MIN, Math.ceil(points / source.span))
  const { seconds } = measure(name, samples, () => {
    rows += driver.push(source.next())
  })
  // The engine that was timed is right as well, and did emit.
  const diagram: RowDiagram = new Map()
  applyRows(diagram, driver.diagram())
  expectBatch(diagram, source.last(driver.windowPoints), source.end - driver.windowPoints, `series ${name}`)
  if (rows === 0) throw new BenchmarkMismatch(`series ${name}: no change was reported`)
  driver.close()

  const nsPerPoint = (sum(seconds) / (seconds.length * source.span)) * 1e9
  return {
    suite: 'series',
    case: name,
    params: { window, points: seconds.length * source.span, span: source.span, slide: SLIDE, api },
    repetitions: seconds.length,
    nsPerPoint,
    pointsPerSecond: 1e9 / nsPerPoint,
    ...(window >= MEMORY_WINDOW_MIN ? { bytesPerPoint: await bytesPerPoint(name, window) } : {}),
    checksum
  }
}

/** Fills the window and slides on; the updates applied to an empty replica must give the batch diagram. */
function verify(driver: SeriesDriver, source: Source, window: number): string {
  const diagram: RowDiagram = new Map()
  const checksum = new Checksum()
  driver.onChanges = (changes) => {
    applyRows(diagram, changes)
    checksum.add(changes)
  }
  const end = window + VERIFY_SPANS * source.span
  while (source.end < end) driver.push(source.next())
  // The replica stands at the last update.
  const emitted = source.end - (source.end % SLIDE)
  const points = Math.min(window, emitted)
  const values = source.last(points + source.end - emitted).subarray(0, points)
  expectBatch(diagram, values, emitted - points, 'series, updates against batch')
  driver.close()
  return checksum.text()
}

/** RSS of a full window, in a process of its own. */
function bytesPerPoint(name: SeriesCase, window: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('series-memory.js', import.meta.url)), [name, String(window)], {
      execArgv: ['--expose-gc']
    })
    let bytes: number | undefined
    child.on('message', (value) => {
      bytes = Number(value)
    })
    child.on('error', reject)
    child.on('exit', (code) => {
      if (bytes === undefined)
        reject(new Error(`the memory measurement ended with exit code ${code ?? 'none'}`))
      else resolve(bytes / window)
    })
  })
}

/** Goes round and round in one array, a span at a time. */
class Source {
  readonly span: number
  readonly #values: Float64Array
  #end = 0

  constructor(name: SeriesCase, window: number, span: number) {
    this.span = span
    this.#values = series(name, Math.ceil(Math.max(window + span, 2 ** 20) / span) * span)
  }

  /** Points handed out so far. */
  get end(): number {
    return this.#end
  }

  rewind(): void {
    this.#end = 0
  }

  next(): Float64Array {
    const at = this.#end % this.#values.length
    this.#end += this.span
    return this.#values.subarray(at, at + this.span)
  }

  /** The newest `count` values handed out. */
  last(count: number): Float64Array {
    const length = this.#values.length
    return Float64Array.from({ length: count }, (_, i) => this.#values[(this.#end - count + i) % length]!)
  }
}
