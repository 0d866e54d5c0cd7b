import { expect, test } from '@jest/globals'
import { validateConfig } from '../../../lib/config/load.js'
import { TdaError } from '../../../lib/errors.js'
import { Restorer, type StateStore } from '../../../lib/pipeline/restore.js'

test('a partition without a leader keeps nobody from asking what the others retain', async () => {
  const config = validateConfig({
    input: { channels: ['x'] },
    scales: [{ name: 'a', window: 4, filtration: 'sublevel' }]
  })
  const asked: number[] = []
  const noStreams = { size: 0, readUpTo: () => null, entriesOf: () => new Map() }
  const store: StateStore = {
    group: 'g',
    async *read() {},
    repeat: (attempt) => attempt(),
    bounds: (partition) => {
      asked.push(partition)
      if (partition === 0) return Promise.reject(new TdaError('BROKER', 'partition 0 has no leader'))
      return Promise.resolve({ low: 0, high: 9 })
    }
  }
  const restorer = new Restorer(config, noStreams, store, undefined)
  for (const partition of [0, 1, 2]) await restorer.start({ partition, low: 0, resume: 0, committed: null })
  const later = performance.now() + config.state.interval
  await expect(restorer.refresh(later)).rejects.toThrow('partition 0 has no leader')
  expect(asked).toEqual([0, 1, 2])
  await restorer.refresh(later)
  expect(asked).toHaveLength(3)
})
