/**
 * Question: what does the persistence of one whole window cost, from points to pairs?
 * Sketch:   half a million distances and their sorting: 50 ms at W = 1000; then nearly all columns are apparent pairs.
 * If not:   `columns` says how many had to be reduced; a large loop has few but long ones.
 *
 * Verified before the clock starts against the incremental engine, which shares nothing with it but the distances.
 */
import { cloud, CLOUDS, type CloudName } from './clouds.js'
import { sum } from './measure.js'
import { Checksum, type BenchmarkResult } from './report.js'
import { distribution, ratios } from './rips.js'
import {
  applyChanges,
  barsOf,
  batch,
  expectSame,
  RipsDriver,
  type BarReplica,
  type RipsShape
} from './rips-driver.js'
import { measurePeers } from './rips-peers.js'

export interface BatchBenchmark extends RipsShape {
  readonly clouds?: readonly CloudName[]
  readonly threads: number
  readonly repetitions: number
  readonly peers?: { readonly python: string }
}

export async function* benchmarkBatch(options: BatchBenchmark): AsyncGenerator<BenchmarkResult> {
  for (const name of options.clouds ?? CLOUDS) yield await benchmarkCase(name, options)
}

async function benchmarkCase(name: CloudName, options: BatchBenchmark): Promise<BenchmarkResult> {
  const { window, dimension, maxDimension, threads, repetitions } = options
  const points = cloud(name, dimension, window)
  const verified = expectSame(
    incremental(points, options).values(),
    barsOf(batch(points, options).result),
    `batch ${name}`
  )
  const runs = Array.from({ length: repetitions }, () => batch(points, options, { threads }))
  for (const { result } of runs)
    expectSame(barsOf(result), barsOf(runs[0]!.result), `batch ${name}, repeated`)
  const { result, state } = runs[0]!
  const cpuMeanMs = (1000 * sum(runs.map(({ cpuSeconds }) => cpuSeconds))) / runs.length
  const figures = { ...distribution(runs.map(({ seconds }) => seconds)), cpuMeanMs }
  const peers =
    options.peers === undefined
      ? {}
      : ratios(
          figures,
          await measurePeers([{ points, bars: barsOf(result) }], options, { ...options.peers, threads })
        )
  return {
    suite: 'batch',
    case: name,
    params: { window, dimension, maxDimension, threads },
    repetitions,
    ...figures,
    columns: state.columns,
    ...peers,
    checksum: new Checksum().add(verified).text()
  }
}

function incremental(points: Float64Array, shape: RipsShape): BarReplica {
  const driver = new RipsDriver(shape)
  const bars: BarReplica = new Map()
  for (let at = 0; at < points.length; at += shape.dimension)
    applyChanges(bars, driver.slide(points.subarray(at, at + shape.dimension)))
  driver.close()
  return bars
}
