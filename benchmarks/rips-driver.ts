/** A Rips engine over a sliding cloud, one point at a time, and the dull twin of what it says: a map of bars. */
import {
  CHANGE_KIND,
  changeStride,
  nativeAddon,
  RIPS_LAYOUT,
  type EngineCounters,
  type EngineHandle,
  type NativeBatchInput,
  type NativeBatchOptions,
  type NativeBatchResult,
  type NativeBatchState,
  type StreamHandle
} from '../lib/native.js'
import { BenchmarkMismatch } from './report.js'

const STRIDE = changeStride(RIPS_LAYOUT)
const BATCH_STRIDE = 8

export interface RipsShape {
  readonly window: number
  readonly dimension: number
  readonly maxDimension: 0 | 1 | 2
}

export class RipsDriver {
  readonly #addon = nativeAddon()
  readonly #stream: StreamHandle
  readonly #engine: EngineHandle

  constructor({ window, dimension, maxDimension }: RipsShape) {
    this.#stream = this.#addon.streamCreate({
      dimension,
      capacity: window + 2,
      timestamps: false,
      logPositions: false
    })
    this.#engine = this.#addon.engineCreate(this.#stream, {
      filtration: 'rips',
      rips: {
        channels: Uint32Array.from({ length: dimension }, (_, axis) => axis),
        embedding: null,
        metric: 'euclidean',
        weights: null,
        maxDimension,
        threshold: Infinity,
        pointsMax: window
      },
      window: { count: window },
      slide: { count: 1 },
      snapshotEvery: 0
    })
  }

  /** One point in, the oldest out, the changes of the diagram out as rows. */
  slide(point: Float64Array): Float64Array {
    const next = this.#addon.streamAppend(this.#stream, point, null, null, null)
    return this.#addon.engineAdvance(this.#engine, next, false).changes
  }

  /** Of the engine, without the ring of points. */
  get bytes(): number {
    return this.#addon.engineState(this.#engine).bytes
  }

  get counters(): EngineCounters {
    return this.#addon.engineState(this.#engine).counters
  }

  close(): void {
    this.#addon.engineRelease(this.#engine)
    this.#addon.streamRelease(this.#stream)
  }
}

export type Bar = readonly [dimension: number, birth: number, death: number]

/** Bars by birth simplex. */
export type BarReplica = Map<string, Bar>

export function applyChanges(bars: BarReplica, rows: Float64Array): void {
  for (let at = 0; at < rows.length; at += STRIDE) {
    const [kind, dimension, birth, death, first, , second] = rows.subarray(at, at + STRIDE)
    const name = `${dimension}:${first}-${second}`
    if (bars.has(name) === (kind === CHANGE_KIND.added))
      throw new BenchmarkMismatch(`change ${at / STRIDE} of kind ${kind} does not fit pair ${name}`)
    if (kind === CHANGE_KIND.removed) bars.delete(name)
    else bars.set(name, [dimension!, birth!, death!])
  }
}

export interface Batch {
  readonly result: NativeBatchResult
  readonly state: NativeBatchState
  readonly seconds: number
  /** Of all threads. */
  readonly cpuSeconds: number
}

/** Whole-cloud persistence on this thread, distances included in the time. */
export function batch(
  points: Float64Array,
  shape: RipsShape,
  options: Partial<NativeBatchOptions> = {}
): Batch {
  const addon = nativeAddon()
  const { dimension, maxDimension } = shape
  const input: NativeBatchInput = {
    kind: 'points',
    numbers: points,
    dimension,
    metric: 'euclidean',
    weights: null
  }
  const handle = addon.batchCreate(input, {
    maxDimension,
    modulus: 2,
    threshold: Infinity,
    threads: 1,
    representatives: false,
    memoryMaxBytes: 2 ** 33,
    ...options
  })
  try {
    const cpu = process.cpuUsage()
    const started = performance.now()
    const result = addon.batchRun(handle)
    const seconds = (performance.now() - started) / 1000
    const { user, system } = process.cpuUsage(cpu)
    return { result, state: addon.batchState(handle), seconds, cpuSeconds: (user + system) / 1e6 }
  } finally {
    addon.batchRelease(handle)
  }
}

export function barsOf({ pairs }: NativeBatchResult): Bar[] {
  return Array.from({ length: pairs.length / BATCH_STRIDE }, (_, k) => {
    const [dimension, birth, death] = pairs.subarray(k * BATCH_STRIDE)
    return [dimension!, birth!, death!]
  })
}

/** All bars in order, as numbers. */
export function sorted(bars: Iterable<Bar>): Float64Array {
  const order = (a: Bar, b: Bar): number => a[0] - b[0] || a[1] - b[1] || (a[2] === b[2] ? 0 : a[2] - b[2])
  return Float64Array.from([...bars].sort(order).flat())
}

/** Throws unless both have the same bars, bit for bit. */
export function expectSame(found: Iterable<Bar>, expected: Iterable<Bar>, what: string): Float64Array {
  const [a, b] = [sorted(found), sorted(expected)]
  const differs =
    a.length === b.length ? a.findIndex((number, i) => number !== b[i]) : Math.min(a.length, b.length)
  if (differs < 0) return a
  throw new BenchmarkMismatch(
    `${what}: ${a.length / 3} bars in the window, ${b.length / 3} by batch, bar ${Math.floor(differs / 3)} differs`
  )
}
