import { expect, test } from '@jest/globals'
import { Committer } from '../../../lib/pipeline/committer.js'

/** A source whose commits end when they are told to. */
class SlowSource {
  readonly commits: [number, number][][] = []
  readonly #open: { resolve: () => void; reject: (error: Error) => void }[] = []

  commit(next: ReadonlyMap<number, number>): Promise<void> {
    this.commits.push([...next])
    return new Promise((resolve, reject) => this.#open.push({ resolve, reject }))
  }

  end(): void {
    this.#open.shift()!.resolve()
  }

  fail(): void {
    this.#open.shift()!.reject(new Error('refused'))
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('one commit at a time; what comes meanwhile is joined', async () => {
  const source = new SlowSource()
  const committer = new Committer(source, () => {})
  committer.offer(new Map([[0, 1]]))
  committer.offer(new Map([[0, 2]]))
  committer.offer(
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
  const committer = new Committer(source, () => {})
  await committer.flush()
  committer.offer(new Map([[0, 1]]))
  committer.offer(new Map([[0, 2]]))
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
  const committer = new Committer(source, (error) => failures.push(error))
  committer.offer(new Map([[0, 1]]))
  const flush = expect(committer.flush()).rejects.toThrow('refused')
  source.fail()
  await flush
  await turn()
  expect(failures).toEqual([new Error('refused')])
})
