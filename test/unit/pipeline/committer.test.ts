import { expect, test } from '@jest/globals'
import type { OutgoingRecord } from '../../../lib/mesh/event-mesh.js'
import { Committer } from '../../../lib/pipeline/committer.js'

/** A source whose commits end when they are told to. */
class SlowSource {
  readonly commits: [number, number][][] = []
  readonly #open: { resolve: (committed: ReadonlySet<number>) => void; reject: (error: Error) => void }[] = []

  commit(next: ReadonlyMap<number, number>): Promise<ReadonlySet<number>> {
    this.commits.push([...next])
    return new Promise((resolve, reject) => this.#open.push({ resolve, reject }))
  }

  /** Default: all partitions are committed. */
  end(committed: readonly number[] = [0, 1]): void {
    this.#open.shift()!.resolve(new Set(committed))
  }

  fail(): void {
    this.#open.shift()!.reject(new Error('refused'))
  }
}

const keepNothing = (): Promise<void> => Promise.resolve()
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Remembers the values of the state it keeps, while its topic is not full. */
function keeping(isFull = (): boolean => false): {
  kept: unknown[]
  keep: (state: readonly OutgoingRecord[]) => Promise<void>
} {
  const kept: unknown[] = []
  const keep = (state: readonly OutgoingRecord[]): Promise<void> => {
    if (isFull()) return Promise.reject(new Error('full'))
    kept.push(...state.map(({ value }) => value))
    return Promise.resolve()
  }
  return { kept, keep }
}

test('one commit at a time; what comes meanwhile is joined', async () => {
  const source = new SlowSource()
  const committer = new Committer(source, keepNothing, () => {})
  void committer.offer(new Map([[0, 1]]))
  void committer.offer(new Map([[0, 2]]))
  void committer.offer(
    new Map([
      [0, 3],
      [1, 7]
    ])
  )
  expect(source.commits).toEqual([[[0, 1]]])
  source.end()
  await turn()
  expect(source.commits).toEqual([
    [[0, 1]],
    [
      [0, 3],
      [1, 7]
    ]
  ])
  source.end()
  await committer.flush()
  expect(source.commits).toHaveLength(2)
})

test('flush waits for the commit under way and the one behind it', async () => {
  const source = new SlowSource()
  const committer = new Committer(source, keepNothing, () => {})
  await committer.flush()
  void committer.offer(new Map([[0, 1]]))
  void committer.offer(new Map([[0, 2]]))
  let flushed = false
  const flush = committer.flush().then(() => (flushed = true))
  source.end()
  await turn()
  expect(flushed).toBe(false)
  source.end()
  await flush
  expect(source.commits).toEqual([[[0, 1]], [[0, 2]]])
})

test('a refused commit is told and rejects a flush', async () => {
  const source = new SlowSource()
  const failures: unknown[] = []
  const committer = new Committer(source, keepNothing, (error) => failures.push(error))
  void committer.offer(new Map([[0, 1]]))
  const flush = expect(committer.flush()).rejects.toThrow('refused')
  source.fail()
  await flush
  await turn()
  expect(failures).toEqual([new Error('refused')])
})

test('state is kept behind the commit it was offered with, and dropped where that did not happen', async () => {
  const source = new SlowSource()
  const { kept, keep } = keeping()
  const committer = new Committer(source, keep, () => {})
  const state = (value: string): OutgoingRecord[] => [{ key: 'a', value, partition: 0 }]
  void committer.offer(new Map([[0, 1]]), state('at 1'))
  void committer.offer(new Map([[0, 2]]), state('at 2'))
  await turn()
  expect(kept).toEqual([])
  source.end()
  await turn()
  expect(kept).toEqual(['at 1'])
  source.end([])
  await committer.flush()
  expect(kept).toEqual(['at 1'])
})

test('of partitions that are taken away state is dropped, that of the others is kept', async () => {
  const source = new SlowSource()
  const { kept, keep } = keeping()
  const committer = new Committer(source, keep, () => {})
  const both = new Map([
    [0, 5],
    [1, 7]
  ])
  void committer.offer(both, [
    { key: 'p', value: 'of 0', partition: 0 },
    { key: 'p', value: 'of 1', partition: 1 }
  ])
  source.end([1])
  await committer.flush()
  expect(kept).toEqual(['of 1'])
})

test('after state that was dropped or not kept none of it is kept: it would speak of streams that are not there', async () => {
  const source = new SlowSource()
  let full = false
  const { kept, keep } = keeping(() => full)
  const committer = new Committer(source, keep, () => {})
  const at = (offset: number): OutgoingRecord[] => [{ key: 'p', value: `at ${offset}`, partition: 0 }]
  const offered = async (offset: number, committed?: number[]): Promise<void> => {
    void committer.offer(new Map([[0, offset]]), at(offset))
    source.end(committed)
    await committer.flush()
  }
  await offered(1, [])
  await offered(2)
  expect(kept).toEqual([])
  committer.released([0])
  await offered(3)
  expect(kept).toEqual(['at 3'])
  full = true
  await expect(offered(4)).rejects.toThrow('full')
  full = false
  void committer.offer(new Map([[0, 5]]), at(5))
  await expect(committer.flush()).rejects.toThrow('full')
  await turn()
  expect(kept).toEqual(['at 3'])
})
