import { expect, test } from '@jest/globals'
import { caughtUp } from '../../../lib/mesh/caught-up.js'
import type { MeshRecord } from '../../../lib/mesh/event-mesh.js'

/** A log of ten offsets of which only some hold a record, the others what belongs to transactions. */
function logOf(records: readonly number[]): Parameters<typeof caughtUp>[0] {
  return {
    bounds: () => Promise.resolve({ low: 0, high: 10 }),
    async *readPartition(_topic, _partition, options = {}) {
      await Promise.resolve()
      const found = records.filter((offset) => offset >= (options.from ?? 0))
      if (found.length > 0) yield found.map((offset) => ({ offset }) as MeshRecord)
    }
  }
}
const behind = (records: number): { lag: () => Promise<ReadonlyMap<number, number>> } => ({
  lag: () => Promise.resolve(new Map([[0, records]]))
})

test('a reader without lag has all; one whose lag is of transactions alone, too', async () => {
  await caughtUp(logOf([9]), behind(0), 'results', 30_000)
  await caughtUp(logOf([0, 1, 7]), behind(2), 'results', 30_000)
})

test('a reader that stands still before a record has not, however long it does', async () => {
  const waiting = caughtUp(logOf([0, 1, 8]), behind(2), 'results', 1_500)
  await expect(waiting).rejects.toThrow(
    'topic "results" was not read to its end within 1500 ms: 2 records left'
  )
})

test('a partition whose lag is not known any more is not read to its end', async () => {
  const lags = [new Map([[0, 0], [1, 3]]), new Map([[0, 0]]), new Map([[0, 0], [1, 0]])] // prettier-ignore
  let asked = 0
  const lag = (): Promise<ReadonlyMap<number, number>> => Promise.resolve(lags[asked++]!)
  await caughtUp(logOf([9]), { lag }, 'results', 30_000)
  expect(asked).toBe(3)
})

test('nor is it while what is left of the others is of transactions alone', async () => {
  const beginMs = performance.now()
  const isBack = (): boolean => performance.now() - beginMs > 1_200
  let asked = 0
  const lag = (): Promise<ReadonlyMap<number, number>> =>
    Promise.resolve(new Map(asked++ === 0 || isBack() ? [[0, 2], [1, 2]] : [[0, 2]])) // prettier-ignore
  await caughtUp(logOf([0, 1, 7]), { lag }, 'results', 30_000)
  expect(isBack()).toBe(true)
})
