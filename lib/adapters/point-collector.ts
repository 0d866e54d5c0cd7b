/**
 * Collects the points of one batch in arrival order and hands them out grouped by stream, as columns.
 *
 *   add      row by row into scratch columns that are kept from batch to batch: no allocation per point
 *   group    one counting sort by stream into fresh columns; every stream gets a view of its rows
 *
 *   (C1) Rows of one stream keep their order of arrival.
 *   (C2) After `rewind(mark)` nothing of the rows from `mark` on is left, so a record is taken or refused whole.
 *   (C3) What `group` returned is never written again: batches may overlap.
 * Cost: O(1) per point, and a few small objects per stream and batch.
 */
import type { MeshRecord } from '../mesh/event-mesh.js'
import type { StreamPoints } from './decoder.js'

const FIRST_ROWS = 1024

export class PointCollector {
  readonly #channels: number
  readonly #timed: boolean
  /** Row-major scratch, `capacity x channels`. The row at `size` may be written before it is added. */
  values: Float64Array
  #timestamps: Float64Array
  #indices: Uint32Array
  #groups: Uint32Array
  #records: MeshRecord[] = []
  #size = 0

  readonly #names: { readonly partition: number; readonly stream: string }[] = []
  readonly #partitions = new Map<number, Map<string, number>>()
  #partition = -1
  #groupsOfPartition = new Map<string, number>()

  constructor(channels: number, timed: boolean) {
    this.#channels = channels
    this.#timed = timed
    this.values = new Float64Array(FIRST_ROWS * channels)
    this.#timestamps = new Float64Array(FIRST_ROWS)
    this.#indices = new Uint32Array(FIRST_ROWS)
    this.#groups = new Uint32Array(FIRST_ROWS)
  }

  /** Points added so far; the mark to come back to with `rewind`. */
  get size(): number {
    return this.#size
  }

  /** Where in `values` the next point's row starts; there is room for it. */
  nextRow(): number {
    if (this.#size === this.#indices.length) this.#grow()
    return this.#size * this.#channels
  }

  /** Adds the point whose row was written at `nextRow()`. */
  add(record: MeshRecord, stream: string, timestamp: number, index: number): void {
    const at = this.#size++
    this.#timestamps[at] = timestamp
    this.#indices[at] = index
    this.#groups[at] = this.#groupOf(record.partition, stream)
    this.#records[at] = record
  }

  rewind(mark: number): void {
    this.#size = mark
  }

  /** The points of each (partition, stream), in order of first appearance; the collector is empty afterwards. */
  group(): StreamPoints[] {
    const size = this.#size
    const starts = new Int32Array(this.#names.length).fill(-1)
    const counts = new Uint32Array(this.#names.length)
    const order: number[] = []
    for (let row = 0; row < size; row++) {
      const group = this.#groups[row]!
      if (counts[group]!++ === 0) order.push(group)
    }
    const columns = this.#freshColumns(size)
    const records = new Array<MeshRecord>(size)
    let start = 0
    for (const group of order) {
      starts[group] = start
      start += counts[group]!
    }
    for (let row = 0; row < size; row++) this.#place(row, starts[this.#groups[row]!]!++, columns, records)
    const streams = order.map((group) =>
      this.#view(group, starts[group]! - counts[group]!, counts[group]!, columns, records)
    )
    this.#reset()
    return streams
  }

  #place(row: number, to: number, columns: Columns, records: MeshRecord[]): void {
    const channels = this.#channels
    if (channels === 1) columns.values[to] = this.values[row]!
    else
      for (let c = 0; c < channels; c++) columns.values[to * channels + c] = this.values[row * channels + c]!
    if (columns.timestamps !== null) columns.timestamps[to] = this.#timestamps[row]!
    columns.indices[to] = this.#indices[row]!
    const record = this.#records[row]!
    columns.offsets[to] = record.offset
    records[to] = record
  }

  #view(group: number, from: number, count: number, columns: Columns, records: MeshRecord[]): StreamPoints {
    const end = from + count
    const { partition, stream } = this.#names[group]!
    return {
      partition,
      stream,
      count,
      values: columns.values.subarray(from * this.#channels, end * this.#channels),
      timestamps: columns.timestamps === null ? null : columns.timestamps.subarray(from, end),
      offsets: columns.offsets.subarray(from, end),
      indices: columns.indices.subarray(from, end),
      records: records.slice(from, end)
    }
  }

  #freshColumns(size: number): Columns {
    return {
      values: new Float64Array(size * this.#channels),
      timestamps: this.#timed ? new Float64Array(size) : null,
      offsets: new Float64Array(size),
      indices: new Uint32Array(size)
    }
  }

  #groupOf(partition: number, stream: string): number {
    if (partition !== this.#partition) this.#enterPartition(partition)
    const known = this.#groupsOfPartition.get(stream)
    if (known !== undefined) return known
    const group = this.#names.push({ partition, stream }) - 1
    this.#groupsOfPartition.set(stream, group)
    return group
  }

  #enterPartition(partition: number): void {
    let groups = this.#partitions.get(partition)
    if (groups === undefined) {
      groups = new Map()
      this.#partitions.set(partition, groups)
    }
    this.#partition = partition
    this.#groupsOfPartition = groups
  }

  #grow(): void {
    this.values = grown(this.values, new Float64Array(this.values.length * 2))
    this.#timestamps = grown(this.#timestamps, new Float64Array(this.#timestamps.length * 2))
    this.#indices = grown(this.#indices, new Uint32Array(this.#indices.length * 2))
    this.#groups = grown(this.#groups, new Uint32Array(this.#groups.length * 2))
  }

  #reset(): void {
    this.#size = 0
    this.#records = []
    this.#names.length = 0
    this.#partitions.clear()
    this.#partition = -1
  }
}

interface Columns {
  readonly values: Float64Array
  readonly timestamps: Float64Array | null
  readonly offsets: Float64Array
  readonly indices: Uint32Array
}

function grown<T extends Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from)
  return to
}
