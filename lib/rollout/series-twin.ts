/** The twin of a series engine: union-find over the sorted values (`seriesBatchDiagram`). */
import { changeStride, SERIES_LAYOUT, type NativeAddon, type SeriesFiltrationConfig } from '../native.js'
import type { DiagramReplica } from '../publishers/diagram-replica.js'
import type { ExpectedWindow } from './expected-windows.js'
import { isPoint, position, valueDifference, type TwinSeries, type WindowTwin } from './twin.js'

const SERIES_STRIDE = changeStride(SERIES_LAYOUT)

export class SeriesTwin implements WindowTwin {
  readonly #addon: NativeAddon
  readonly #series: TwinSeries
  readonly #filtration: SeriesFiltrationConfig['filtration']
  readonly #column: Float64Array
  readonly #ids: readonly string[]
  #first = 0
  #rows: Float64Array = new Float64Array()

  constructor(addon: NativeAddon, series: TwinSeries, { filtration, channel }: SeriesFiltrationConfig) {
    const { count, channels, values, offsets, indices } = series
    this.#addon = addon
    this.#series = series
    this.#filtration = filtration
    this.#column = Float64Array.from({ length: count }, (_, point) => values[point * channels + channel]!)
    this.#ids = Array.from({ length: count }, (_, point) => `0:${offsets[point]!}.${indices[point]!}`)
  }

  compute({ first, last }: ExpectedWindow): void {
    this.#first = first
    this.#rows = this.#addon.seriesBatchDiagram(this.#column.subarray(first, last + 1), this.#filtration)
  }

  difference(replica: Pick<DiagramReplica, 'size' | 'get'>): string | null {
    const rows = this.#rows
    const pairs = rows.length / SERIES_STRIDE
    if (replica.size !== pairs) return `${replica.size} pairs, expected ${pairs}`
    for (let at = 0; at < rows.length; at += SERIES_STRIDE) {
      const id = this.#ids[this.#first + rows[at + 4]!]!
      const pair = replica.get(id)
      const values = valueDifference(pair, id, rows[at + 2]!, rows[at + 3]!)
      if (values !== null) return values
      const killer = pair!.deathPoints[0]
      const expected = rows[at + 3] === Infinity ? undefined : this.#first + rows[at + 6]!
      if (!isPoint(this.#series, killer, expected)) {
        return `pair ${id} dies at point ${JSON.stringify(killer)}, expected ${JSON.stringify(position(this.#series, expected))}`
      }
    }
    return null
  }
}
