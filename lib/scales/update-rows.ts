/** Updates as an engine emits them: one row each, with the changes and, where asked for, a snapshot. */
import type { PointNumber, WindowBounds } from '../diagram.js'
import { type AdvanceResult, type ChangeLayout, changeStride, EMISSION, SERIES_LAYOUT } from '../native.js'
import { ChangeRows, PairRows } from './diagram-rows.js'

/** One emission. Applying the changes of updates 1..n to the empty diagram gives the diagram after n. */
export interface Update {
  /** 1, 2, 3, ... */
  readonly sequence: number
  readonly window: WindowBounds
  /** The epoch-aligned time this update stands for, ms; `null` with a slide by count. */
  readonly boundaryTimestamp: number | null
  /** Pairs in the diagram after this update. */
  readonly pairs: number
  /** What changed since the update before, net. */
  readonly changes: ChangeRows
  /** The whole diagram; `null` unless a snapshot was due or asked for, and where a diagram is empty. */
  readonly snapshot: PairRows | null
}

/**
 * The updates of one or more native calls, oldest first. {@link at} builds an update on demand; rows are shared.
 *
 * @example
 * const processor = new StreamingTdaProcessor({ filtration: 'sublevel', window: { count: 3 }, slide: { count: 2 } })
 * const updates = processor.processPoints([3, 1, 4, 2, 5])
 * console.log(updates.length) // 2
 * console.log(updates.at(1).sequence, updates.at(1).window.points) // 2 3
 * processor.close()
 */
export class UpdateRows implements Iterable<Update> {
  readonly #results: readonly AdvanceResult[]
  readonly #layout: ChangeLayout
  readonly #stride: number
  /** Number of updates. */
  readonly length: number

  constructor(results: readonly AdvanceResult[], layout: ChangeLayout = SERIES_LAYOUT) {
    this.#results = results.filter((result) => result.emissions.length > 0)
    this.#layout = layout
    this.#stride = changeStride(layout)
    this.length = this.#results.reduce((sum, { emissions }) => sum + emissions.length / EMISSION.stride, 0)
  }

  /** Change rows of all updates together. */
  get changeCount(): number {
    return this.#results.reduce((sum, { changes }) => sum + changes.length, 0) / this.#stride
  }

  /** Update `index` (0 = oldest). @throws RangeError outside. */
  at(index: number): Update {
    let rest = index
    for (const result of this.#results) {
      const count = result.emissions.length / EMISSION.stride
      if (rest >= 0 && rest < count) return this.#build(result, rest)
      rest -= count
    }
    throw new RangeError(`no update ${index} among ${this.length}`)
  }

  *[Symbol.iterator](): Iterator<Update> {
    for (const result of this.#results) {
      const count = result.emissions.length / EMISSION.stride
      for (let index = 0; index < count; index++) yield this.#build(result, index)
    }
  }

  #build({ emissions, changes, snapshots }: AdvanceResult, index: number): Update {
    const row = emissions.subarray(index * EMISSION.stride, (index + 1) * EMISSION.stride)
    const field = (name: Exclude<keyof typeof EMISSION, 'stride'>): number => row[EMISSION[name]] ?? NaN
    const end = (name: 'changesEnd' | 'snapshotEnd', at: number): number =>
      at < 0 ? 0 : (emissions[at * EMISSION.stride + EMISSION[name]] ?? 0) * this.#stride
    const cut = (array: Float64Array, name: 'changesEnd' | 'snapshotEnd'): Float64Array =>
      array.subarray(end(name, index - 1), end(name, index))
    const snapshot = cut(snapshots, 'snapshotEnd')
    return {
      sequence: field('sequence'),
      window: {
        points: field('points'),
        full: field('full') === 1,
        first: [field('firstOffset'), field('firstIndex')] satisfies PointNumber,
        last: [field('lastOffset'), field('lastIndex')] satisfies PointNumber,
        firstTimestamp: orNull(field('firstTimestamp')),
        lastTimestamp: orNull(field('lastTimestamp'))
      },
      boundaryTimestamp: orNull(field('boundaryMs')),
      pairs: field('pairs'),
      changes: new ChangeRows(cut(changes, 'changesEnd'), this.#layout),
      snapshot: snapshot.length === 0 ? null : new PairRows(snapshot, this.#layout)
    }
  }
}

function orNull(number: number): number | null {
  return Number.isNaN(number) ? null : number
}
