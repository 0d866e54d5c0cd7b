/** The twin of a Rips engine: persistent cohomology of the whole cloud (`batchRun`). */
import type { PointNumber } from '../diagram.js'
import { TdaError } from '../errors.js'
import type { NativeAddon, NativeBatchOptions, NativeBatchResult, NativeRips } from '../native.js'
import type { DiagramReplica } from '../publishers/diagram-replica.js'
import { reachOf } from '../scales/filtration.js'
import type { ExpectedWindow } from './expected-windows.js'
import { prepared } from './plain-metric.js'
import { RankedEdges } from './ranked-edges.js'
import { position, valueDifference, type TwinSeries, type WindowTwin } from './twin.js'

/** Numbers a pair in `NativeBatchResult.pairs`. */
const BATCH_STRIDE = 8
const BATCH_BYTES_MAX = 2 ** 31
/** Ranks of edges are exact as float up to 2^24. */
const CLOUD_POINTS_MAX = 5792

/** A pair of the cloud computed last; simplices as positions, oldest first. */
interface ClassOfWindow {
  readonly id: string
  readonly birth: number
  readonly death: number
  readonly deathPoints: readonly PointNumber[]
}

export class RipsTwin implements WindowTwin {
  readonly #addon: NativeAddon
  readonly #series: TwinSeries
  readonly #rips: NativeRips
  /** The cloud point with newest sample i, ready for distances; `null` where there is none or it has no direction. */
  readonly #points: readonly (Float64Array | null)[]
  #classes: readonly ClassOfWindow[] = []

  constructor(addon: NativeAddon, series: TwinSeries, rips: NativeRips) {
    this.#addon = addon
    this.#series = series
    this.#rips = rips
    this.#points = cloudPoints(series, rips)
  }

  compute({ first, last }: ExpectedWindow): void {
    const names: number[] = []
    for (let newest = first + reachOf(this.#rips); newest <= last; newest++) {
      if (this.#points[newest]) names.push(newest)
    }
    if (names.length > CLOUD_POINTS_MAX) {
      const what = `a cloud of ${names.length} points; at most ${CLOUD_POINTS_MAX} can be compared edge by edge`
      throw new TdaError('CAPACITY_EXCEEDED', `${what}. Verify with a smaller window`)
    }
    this.#classes = names.length === 0 ? [] : this.#classesOf(names)
  }

  difference(replica: Pick<DiagramReplica, 'size' | 'get'>): string | null {
    if (replica.size !== this.#classes.length) {
      return `${replica.size} pairs, expected ${this.#classes.length}`
    }
    for (const { id, birth, death, deathPoints } of this.#classes) {
      const pair = replica.get(id)
      const values = valueDifference(pair, id, birth, death)
      if (values !== null) return values
      const [found, expected] = [JSON.stringify(pair!.deathPoints), JSON.stringify(deathPoints)]
      if (found !== expected) return `pair ${id} dies by ${found}, expected ${expected}`
    }
    return null
  }

  #classesOf(names: readonly number[]): ClassOfWindow[] {
    const { maxDimension, threshold } = this.#rips
    const edges = new RankedEdges(
      names.map((newest) => this.#points[newest]!),
      this.#rips.metric
    )
    const { pairs, vertices } = this.#batch(
      {
        maxDimension,
        modulus: 2,
        threshold: edges.countWithin(threshold),
        threads: 1,
        representatives: false,
        memoryMaxBytes: BATCH_BYTES_MAX
      },
      edges.ranks()
    )
    const simplex = (begin: number, count: number): PointNumber[] =>
      Array.from(vertices.slice(begin, begin + count).sort(), (vertex) => {
        return position(this.#series, names[vertex])!
      })
    const classes: ClassOfWindow[] = []
    for (let at = 0; at < pairs.length; at += BATCH_STRIDE) {
      const dimension = pairs[at]!
      const [birth, death] = [edges.length(pairs[at + 1]!), edges.length(pairs[at + 2]!)]
      if (birth === death) continue
      const name = simplex(pairs[at + 3]!, dimension + 1).map(([offset, index]) => `${offset}.${index}`)
      const deathPoints = death === Infinity ? [] : simplex(pairs[at + 4]!, dimension + 2)
      classes.push({ id: `${dimension}:${name.join('-')}`, birth, death, deathPoints })
    }
    return classes
  }

  #batch(options: NativeBatchOptions, numbers: Float64Array): NativeBatchResult {
    const batch = this.#addon.batchCreate({ kind: 'lower', numbers }, options)
    try {
      return this.#addon.batchRun(batch)
    } finally {
      this.#addon.batchRelease(batch)
    }
  }
}

/** Every cloud point of the series, straight from the definition. */
function cloudPoints({ count, channels, values }: TwinSeries, rips: NativeRips): (Float64Array | null)[] {
  const { dimension, delay, stride } = rips.embedding ?? { dimension: 1, delay: 1, stride: 1 }
  return Array.from({ length: count }, (_, newest) => {
    if (newest % stride !== 0 || newest < reachOf(rips)) return null
    const point: number[] = []
    for (let lag = 0; lag < dimension; lag++) {
      for (const channel of rips.channels) point.push(values[(newest - lag * delay) * channels + channel]!)
    }
    return prepared(point, rips.metric, rips.weights)
  })
}
