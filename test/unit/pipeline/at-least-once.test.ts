import { expect, test } from '@jest/globals'
import type { OutgoingRecord } from '../../../lib/mesh/event-mesh.js'
import { AtLeastOnce } from '../../../lib/pipeline/at-least-once.js'
import type { Outcome } from '../../../lib/pipeline/delivery.js'

const checkpoint = (value: string, next: number): Outcome => ({
  updates: [],
  letters: [],
  state: [{ key: 'p', value, partition: 0 }],
  next: new Map([[0, next]])
})

test('after state that could not be kept nothing is delivered, committed or kept any more', async () => {
  const kept: OutgoingRecord['value'][] = []
  const published: OutgoingRecord[] = []
  const commits: number[] = []
  const sink = {
    publish: (updates: readonly OutgoingRecord[]) => {
      published.push(...updates)
      return Promise.resolve()
    },
    reject: () => Promise.resolve(),
    keep: (state: readonly OutgoingRecord[]) => {
      if (state[0]!.value === 'first') return Promise.reject(new Error('not kept'))
      kept.push(...state.map(({ value }) => value))
      return Promise.resolve()
    }
  }
  const source = {
    commit: (next: ReadonlyMap<number, number>) => {
      commits.push(...next.values())
      return Promise.resolve(new Set(next.keys()))
    }
  }
  const delivery = new AtLeastOnce(sink, source)
  await delivery.deliver(checkpoint('first', 1), () => {})
  await expect(delivery.failed).rejects.toThrow('not kept')
  let out = false
  const update = { ...checkpoint('second', 2), updates: [{ key: 's', value: 'u' }] }
  await expect(delivery.deliver(update, () => (out = true))).rejects.toThrow('not kept')
  await expect(delivery.settle()).rejects.toThrow('not kept')
  expect({ out, published, kept, commits }).toEqual({ out: false, published: [], kept: [], commits: [1] })
})

test('what was under way when state could not be kept is out, but its state is not kept', async () => {
  const kept: OutgoingRecord['value'][] = []
  let release = (): void => {}
  const slow = new Promise<void>((resolve) => (release = resolve))
  const sink = {
    publish: () => slow,
    reject: () => Promise.resolve(),
    keep: (state: readonly OutgoingRecord[]) => {
      if (state[0]!.value === 'first') return Promise.reject(new Error('not kept'))
      kept.push(...state.map(({ value }) => value))
      return Promise.resolve()
    }
  }
  const source = { commit: (next: ReadonlyMap<number, number>) => Promise.resolve(new Set(next.keys())) }
  const delivery = new AtLeastOnce(sink, source)
  const first = delivery.deliver(checkpoint('first', 1), () => {})
  const update = { ...checkpoint('second', 2), updates: [{ key: 's', value: 'u' }] }
  const second = delivery.deliver(update, () => {})
  await first
  await expect(delivery.failed).rejects.toThrow('not kept')
  release()
  await expect(second).rejects.toThrow('not kept')
  expect(kept).toEqual([])
})
