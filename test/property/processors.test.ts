/** Diagrams of the library against the dull twin, and updates against replay. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { PersistencePair } from '../../lib/diagram.js'
import { nativeAddon } from '../../lib/native.js'
import { type ChangeRows, PairRows } from '../../lib/scales/diagram-rows.js'
import type { SeriesFiltration } from '../../lib/scales/filtration.js'
import { IncrementalPersistence } from '../../lib/scales/incremental-persistence.js'
import { StreamingTdaProcessor } from '../../lib/scales/streaming-tda-processor.js'
import { naiveSeriesPairs } from '../support/naive-series.js'

const filtration = fc.constantFrom<SeriesFiltration>('sublevel', 'superlevel')
/** Few values, so that ties are everywhere, or any finite ones, tiny, huge and zeroes of both signs among them. */
const series = (maxLength: number): fc.Arbitrary<number[]> =>
  fc.oneof(
    fc.array(fc.integer({ min: 0, max: 3 }), { maxLength }),
    fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength }),
    fc.array(fc.constantFrom(0, -0, 1e-308, -1e-308, 1e308, -1e308, 5e-324), { maxLength })
  )

/** The diagram of values[first, end) as pairs named by arrival number. */
function expected(
  values: readonly number[],
  first: number,
  end: number,
  direction: SeriesFiltration
): PersistencePair[] {
  const window = values.slice(first, end).map((value) => value + 0)
  const value = (at: number): number => window[at] ?? NaN
  return naiveSeriesPairs(window, direction).map(({ birth, death }) => ({
    id: `0:${first + birth}.0`,
    dimension: 0,
    birth: value(birth),
    death: death === null ? null : value(death),
    birthPoints: [[first + birth, 0]],
    deathPoints: death === null ? [] : [[first + death, 0]]
  }))
}

/** A consumer that knows nothing but the changes. */
class Replica {
  readonly #pairs = new Map<string, PersistencePair>()

  apply(changes: ChangeRows): void {
    for (const id of changes.removed()) if (!this.#pairs.delete(id)) throw new Error(`${id} was not there`)
    for (const pair of changes.added()) {
      if (this.#pairs.has(pair.id)) throw new Error(`${pair.id} is there already`)
      this.#pairs.set(pair.id, pair)
    }
    for (const moved of changes.moved()) {
      const pair = this.#pairs.get(moved.id)
      if (pair === undefined) throw new Error(`${moved.id} was not there`)
      this.#pairs.set(moved.id, { ...pair, ...moved })
    }
  }

  get pairs(): PersistencePair[] {
    const birthOf = ({ birthPoints }: PersistencePair): number => birthPoints[0]?.[0] ?? NaN
    return [...this.#pairs.values()].sort((a, b) => birthOf(a) - birthOf(b))
  }
}

test('oracle: incremental persistence equals the definition after every step', () => {
  fc.assert(
    fc.property(
      filtration,
      series(60),
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 40 }),
      (direction, values, steps) => {
        using persistence = new IncrementalPersistence({ filtration: direction, capacity: 60 })
        const replica = new Replica()
        let first = 0
        let end = 0
        for (let at = 0; end < values.length; at++) {
          const step = steps[at % steps.length] ?? 0
          if (at % 3 === 2) {
            const count = Math.min(step, end - first)
            replica.apply(count === 1 ? persistence.removePoint() : persistence.removePoints(count))
            first += count
          } else {
            const batch = values.slice(end, end + Math.max(1, step))
            const [one] = batch
            replica.apply(
              batch.length === 1 ? persistence.addPoint(one ?? NaN) : persistence.addPoints(batch)
            )
            end += batch.length
          }
          const now = expected(values, first, end, direction)
          expect(persistence.diagram().toPairs()).toEqual(now)
          expect(replica.pairs).toEqual(now)
          expect(persistence.size).toBe(end - first)
        }
      }
    ),
    { numRuns: 300 }
  )
})

test('oracle: updates of a processor replay to the diagram of each window', () => {
  fc.assert(
    fc.property(
      filtration,
      series(120),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 15 }),
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 1, max: 50 }),
      (direction, values, window, slide, snapshotEvery, batch) => {
        using processor = new StreamingTdaProcessor({
          filtration: direction,
          window: { count: window },
          slide: { count: slide },
          snapshotEvery
        })
        const replica = new Replica()
        let sequence = 0
        for (let at = 0; at < values.length; at += batch) {
          for (const update of processor.processPoints(values.slice(at, at + batch))) {
            sequence += 1
            const end = sequence * slide
            const first = Math.max(0, end - window)
            expect(update).toMatchObject({
              sequence,
              boundaryTimestamp: null,
              window: {
                points: end - first,
                full: end - first === window,
                first: [first, 0],
                last: [end - 1, 0]
              }
            })
            replica.apply(update.changes)
            const now = expected(values, first, end, direction)
            expect(replica.pairs).toEqual(now)
            expect(update.pairs).toBe(now.length)
            const due = snapshotEvery > 0 && sequence % snapshotEvery === 0
            expect(update.snapshot?.toPairs() ?? null).toEqual(due ? now : null)
          }
        }
        expect(sequence).toBe(Math.floor(values.length / slide))
        const first = Math.max(0, values.length - window)
        expect(processor.getCurrentDiagram().toPairs()).toEqual(
          expected(values, first, values.length, direction)
        )
        expect(processor.getStatistics()).toMatchObject({
          points: values.length,
          windowPoints: values.length - first,
          updates: sequence
        })
      }
    ),
    { numRuns: 300 }
  )
})

test('law: how points are cut into calls is invisible', () => {
  fc.assert(
    fc.property(
      series(200),
      fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 200, maxLength: 200 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 10 }),
      (values, gaps, batches) => {
        let now = 0
        const times = gaps.map((gap) => (now += gap))
        const collect = (cut: readonly number[]): unknown[] => {
          using processor = new StreamingTdaProcessor({
            filtration: 'sublevel',
            window: { spanMs: 100, pointsMax: 500 },
            slide: { everyMs: 25 },
            snapshotEvery: 4
          })
          const updates: unknown[] = []
          for (let at = 0, turn = 0; at < values.length; turn++) {
            const end = at + (cut[turn % cut.length] ?? 1)
            const rows = processor.processPoints(
              values.slice(at, end),
              times.slice(at, Math.min(end, values.length))
            )
            for (const { changes, snapshot, ...rest } of rows) {
              updates.push({ ...rest, changes: Array.from(changes.rows), snapshot: snapshot?.toPairs() })
            }
            at = end
          }
          return updates
        }
        expect(collect(batches)).toEqual(collect([values.length + 1]))
      }
    ),
    { numRuns: 200 }
  )
})

test('oracle: the batch computation equals the definition', () => {
  fc.assert(
    fc.property(filtration, series(80), (direction, values) => {
      const rows = nativeAddon().seriesBatchDiagram(Float64Array.from(values), direction)
      expect(new PairRows(rows).toPairs()).toEqual(expected(values, 0, values.length, direction))
    }),
    { numRuns: 300 }
  )
})

test('law: superlevel is sublevel of the negated series', () => {
  fc.assert(
    fc.property(series(80), (values) => {
      const addon = nativeAddon()
      const up = new PairRows(
        addon.seriesBatchDiagram(
          Float64Array.from(values, (value) => -value),
          'sublevel'
        )
      )
      const down = new PairRows(addon.seriesBatchDiagram(Float64Array.from(values), 'superlevel'))
      expect(down.toPairs().map(({ id, deathPoints }) => [id, deathPoints])).toEqual(
        up.toPairs().map(({ id, deathPoints }) => [id, deathPoints])
      )
    }),
    { numRuns: 200 }
  )
})
