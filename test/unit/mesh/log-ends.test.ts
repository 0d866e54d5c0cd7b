import { afterEach, expect, jest, test } from '@jest/globals'
import { LogEnds } from '../../../lib/mesh/log-ends.js'

afterEach(() => void jest.restoreAllMocks())

const turn = (): Promise<void> => new Promise(setImmediate)

/** Partitions without a leader fail; who is asked, and how many at once, is noted. */
function cluster(leaderless: ReadonlySet<number>) {
  const asked: number[] = []
  const seen = { atOnce: 0, over: false }
  let under = 0
  const ends = new LogEnds({
    ask: async (partition) => {
      asked.push(partition)
      seen.atOnce = Math.max(seen.atOnce, (under += 1))
      await turn()
      under -= 1
      if (leaderless.has(partition)) throw new Error(`no leader of ${partition}`)
      return { high: 100 * partition }
    },
    isOver: () => seen.over
  })
  const ask = async (...partitions: number[]): Promise<Record<number, number>> => {
    const told: Record<number, number> = {}
    asked.length = 0
    await ends.ask(partitions, (partition, high) => (told[partition] = high))
    return told
  }
  return { ends, ask, asked, seen }
}

test('a partition without a leader is left out, asked for last from then on, and again when it has one', async () => {
  const leaderless = new Set([1])
  const { ends, ask, asked, seen } = cluster(leaderless)
  expect(await ask(1, 2, 3, 4)).toEqual({ 2: 200, 3: 300, 4: 400 })
  expect(asked).toEqual([1, 2, 3, 4])
  expect(seen.atOnce).toBe(2)
  await ask(1, 2, 3)
  expect(asked).toEqual([2, 3, 1])
  ends.forget(1)
  await ask(1, 2, 3)
  expect(asked).toEqual([1, 2, 3])
  leaderless.clear()
  expect(await ask(1, 2, 3)).toEqual({ 1: 100, 2: 200, 3: 300 })
  await ask(1, 2, 3)
  expect(asked).toEqual([1, 2, 3])
})

test('no answer at all is an error, but not when nobody wants one any more', async () => {
  const { ask, seen } = cluster(new Set([1, 2]))
  await expect(ask(1, 2)).rejects.toThrow('no leader of 2')
  const late = ask(1, 2)
  seen.over = true
  expect(await late).toEqual({})
  expect(await ask()).toEqual({})
})

test('no question is left when nobody wants answers any more', async () => {
  const { ask, asked, seen } = cluster(new Set())
  const asking = ask(1, 2, 3, 4)
  seen.over = true
  expect(await asking).toEqual({ 1: 100, 2: 200 })
  expect(asked).toEqual([1, 2])
})

test('all questions together take no longer than 4 s', async () => {
  let nowMs = 0
  jest.spyOn(performance, 'now').mockImplementation(() => nowMs)
  const limits: number[] = []
  const slow = async (_: number, timeoutMs: number): Promise<{ high: number }> => {
    limits.push(timeoutMs)
    await turn()
    nowMs += 1_000
    return { high: 1 }
  }
  await new LogEnds({ ask: slow, isOver: () => false }).ask([1, 2, 3, 4, 5, 6, 7, 8], () => {})
  expect(limits).toEqual([4_000, 4_000, 3_000, 2_000, 1_000])
})
