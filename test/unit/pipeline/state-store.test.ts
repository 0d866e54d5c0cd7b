import { expect, test } from '@jest/globals'
import { validateConfig } from '../../../lib/config/load.js'
import { BrokerGuard } from '../../../lib/mesh/broker-guard.js'
import type { MeshRecord } from '../../../lib/mesh/event-mesh.js'
import { meshStateStore } from '../../../lib/pipeline/restore.js'

test('a partition that the state topic lacks: what to do is said, and it goes on once that is done', async () => {
  const config = validateConfig({
    input: { topic: 'points', channels: ['x'] },
    scales: [{ name: 'a', window: 4, filtration: 'sublevel' }]
  })
  let partitions = 4
  const record = { offset: 0 } as MeshRecord
  const mesh = {
    partitions: () => Promise.resolve(partitions),
    bounds: () => Promise.resolve({ low: 0, high: 1 }),
    async *readPartition() {
      yield await Promise.resolve([record])
    }
  }
  const said: string[] = []
  const guard = new BrokerGuard({
    retried({ message }) {
      said.push(message)
      partitions = 5
    }
  })
  const { read, repeat } = meshStateStore(mesh, config, 'group', (attempt) => guard.run(attempt))
  const first = async (): Promise<unknown> => (await read(4)[Symbol.asyncIterator]().next()).value
  expect(await repeat(first)).toEqual([record])
  expect(said).toEqual([
    '"tda.state" has 4 partitions, "points" has 5: add the missing ones to "tda.state" ' +
      '(kafka-topics --alter --partitions 5)'
  ])
  guard.close()
  partitions = 0 // Not known yet to the broker that was asked.
  expect(await first()).toEqual([record])
})
