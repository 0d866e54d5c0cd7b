/**
 * Question: what does one slide of a full Rips window cost (one point out, one in, H0 and H1, changes taken out)?
 * Sketch:   at W = 1000 in R^3 some 70 000 edges are unsettled, at about 1 ns each: 0.1 ms; 1000 new edges; 2000 special
 *           edges to order, a few hundred relations of a few hundred bits: 0.2 ms together. The border costs 1 us.
 * If not:   tda_rips_bench (benchmarks/native/rips_bench.cc) is the same without the border and prints the counts.
 */
import { writeFile } from 'node:fs/promises'
import { cloud, CLOUDS, type CloudName } from './clouds.js'
import { changeStride, RIPS_LAYOUT } from '../lib/native.js'
import { sum } from './measure.js'
import { Checksum, type BenchmarkResult } from './report.js'
import {
  applyChanges,
  barsOf,
  batch,
  expectSame,
  RipsDriver,
  type BarReplica,
  type RipsShape
} from './rips-driver.js'
import { measurePeers, pointLines, type PeerFigures, type PeerWindow } from './rips-peers.js'

export interface RipsBenchmark extends RipsShape {
  readonly clouds?: readonly CloudName[]
  /** Slides to be timed. */
  readonly slides: number
  /** Where all points of the run go, one a line; window k is lines k to k + window - 1. For one cloud. */
  readonly dump?: string
  /** Compare with peers on so many windows spread over the run. */
  readonly peers?: { readonly windows: number; readonly python: string }
}

const VERIFIED_SLIDES = 20

export async function* benchmarkRips(options: RipsBenchmark): AsyncGenerator<BenchmarkResult> {
  for (const name of options.clouds ?? CLOUDS) yield await benchmarkCase(name, options)
}

async function benchmarkCase(name: CloudName, options: RipsBenchmark): Promise<BenchmarkResult> {
  const { window, dimension, maxDimension, slides } = options
  const source = new PointSource(name, options, window + Math.max(slides, VERIFIED_SLIDES))
  if (options.dump !== undefined) await writeFile(options.dump, pointLines(source.points, dimension))
  verify(name, source, options)

  const driver = new RipsDriver(options)
  const bars: BarReplica = new Map()
  for (let k = 0; k < window; k++) applyChanges(bars, driver.slide(source.point(k)))
  const snapshots = peerSlides(options)
  const peerWindows: PeerWindow[] = []
  const seconds: number[] = []
  const before = driver.counters
  let cpuMicros = 0
  let changed = 0
  for (let slide = 0; slide < slides; slide++) {
    const point = source.point(window + slide)
    const cpu = process.cpuUsage()
    const started = performance.now()
    const changes = driver.slide(point)
    seconds.push((performance.now() - started) / 1000)
    const { user, system } = process.cpuUsage(cpu)
    cpuMicros += user + system
    changed += changes.length / changeStride(RIPS_LAYOUT)
    applyChanges(bars, changes)
    if (snapshots.has(slide)) peerWindows.push({ points: source.window(slide + 1), bars: [...bars.values()] })
  }
  // What was timed is right as well.
  const last = batch(source.window(slides), options)
  const checksum = new Checksum().add(
    expectSame(bars.values(), barsOf(last.result), `rips ${name}, after the run`)
  )
  const { bytes, counters } = driver
  driver.close()

  const figures = { ...distribution(seconds), cpuMeanMs: cpuMicros / 1000 / slides }
  return {
    suite: 'rips',
    case: name,
    params: { window, dimension, maxDimension, slides },
    repetitions: slides,
    ...figures,
    pointsPerSecond: 1000 / figures.meanMs,
    pairsChanged: changed / slides,
    columns: (counters.columns - before.columns) / slides,
    pivots: (counters.pivots - before.pivots) / slides,
    bytes,
    ...(options.peers === undefined ? {} : ratios(figures, await measured(peerWindows, options))),
    checksum: checksum.text()
  }
}

/** The changes applied to an empty replica must give the batch diagram, once the window is full and some slides on. */
function verify(name: CloudName, source: PointSource, options: RipsBenchmark): void {
  const driver = new RipsDriver(options)
  const bars: BarReplica = new Map()
  const check = (slides: number): void => {
    const expected = barsOf(batch(source.window(slides), options).result)
    expectSame(bars.values(), expected, `rips ${name}, after ${slides} slides`)
  }
  for (let k = 0; k < options.window + VERIFIED_SLIDES; k++) {
    applyChanges(bars, driver.slide(source.point(k)))
    if (k + 1 === options.window) check(0)
  }
  check(VERIFIED_SLIDES)
  driver.close()
}

/** After which slides the peers get the window. */
function peerSlides({ slides, peers }: RipsBenchmark): Set<number> {
  const count = Math.min(slides, peers?.windows ?? 0)
  return new Set(Array.from({ length: count }, (_, k) => Math.floor(((k + 1) * slides) / count) - 1))
}

function measured(windows: readonly PeerWindow[], options: RipsBenchmark): Promise<PeerFigures> {
  return measurePeers(windows, options, { python: options.peers!.python, threads: 1 })
}

interface OurTime {
  readonly meanMs: number
  readonly cpuMeanMs: number
}

/** Peers' figures, and how many times ours are below Ripser's: by the clock, and of processor time. */
export function ratios(
  { meanMs, cpuMeanMs }: OurTime,
  peers: PeerFigures
): PeerFigures & { readonly ratio?: number; readonly cpuRatio?: number } {
  const { ripserMs, ripserCpuMs } = peers
  return {
    ...peers,
    ...(ripserMs === undefined ? {} : { ratio: ripserMs / meanMs }),
    ...(ripserCpuMs === undefined ? {} : { cpuRatio: ripserCpuMs / cpuMeanMs })
  }
}

export interface Distribution {
  readonly meanMs: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** In milliseconds. REQUIRES: at least one. */
export function distribution(seconds: readonly number[]): Distribution {
  const ms = seconds.map((value) => value * 1000).sort((a, b) => a - b)
  const at = (share: number): number => ms[Math.ceil(share * ms.length) - 1]!
  return { meanMs: sum(ms) / ms.length, p50Ms: at(0.5), p90Ms: at(0.9), p99Ms: at(0.99), maxMs: at(1) }
}

class PointSource {
  readonly points: Float64Array
  readonly #dimension: number
  readonly #window: number

  constructor(name: CloudName, { window, dimension }: RipsShape, count: number) {
    this.points = cloud(name, dimension, count)
    this.#dimension = dimension
    this.#window = window
  }

  point(k: number): Float64Array {
    return this.points.subarray(k * this.#dimension, (k + 1) * this.#dimension)
  }

  /** The window after so many slides. */
  window(slides: number): Float64Array {
    return this.points.slice(slides * this.#dimension, (slides + this.#window) * this.#dimension)
  }
}
