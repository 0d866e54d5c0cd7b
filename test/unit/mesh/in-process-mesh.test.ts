import { expect, test } from '@jest/globals'
import { InProcessEventMesh } from '../../../lib/mesh/in-process-mesh.js'
import { Reader } from '../../support/mesh-conformance.js'

const KILOBYTE = 'x'.repeat(1024)

function sized(partitionsBytes: number): InProcessEventMesh {
  return new InProcessEventMesh({ partitions: 1, bytesMax: partitionsBytes })
}

test('without a group the oldest records go when a partition is full', async () => {
  const mesh = sized(10 * 1024)
  for (let i = 0; i < 100; i++) await mesh.publish('t', [{ key: null, value: KILOBYTE }])
  const reader = new Reader(await mesh.subscribe('t', { groupId: 'g' }))
  const { partitions } = await reader.nextOf('assigned')
  expect(partitions[0]!.low).toBeGreaterThan(80)
  expect(partitions[0]!.low).toBeLessThan(99)
  expect((await reader.nextOf('records')).records.at(-1)!.offset).toBe(99)
  await reader.close()
})

test('what a group has not committed is kept: publishing waits for the commit', async () => {
  const mesh = sized(4 * 1024)
  const reader = new Reader(await mesh.subscribe('t', { groupId: 'g' }))
  await reader.nextOf('assigned')
  let published = false
  const publishing = mesh
    .publish(
      't',
      Array.from({ length: 6 }, () => ({ key: null, value: KILOBYTE }))
    )
    .then(() => (published = true))
  const { records } = await reader.nextOf('records')
  expect(records.map(({ offset }) => offset)).toEqual([0, 1, 2])
  await new Promise((resolve) => setImmediate(resolve))
  expect(published).toBe(false)
  await reader.subscription.commit(new Map([[0, 3]]))
  await publishing
  expect((await reader.nextOf('records')).records.map(({ offset }) => offset)).toEqual([3, 4, 5])
  await reader.close()
})

test('a record larger than a partition is refused', async () => {
  const mesh = sized(1000)
  await expect(mesh.publish('t', [{ key: null, value: KILOBYTE }])).rejects.toMatchObject({
    code: 'MESSAGE_TOO_LARGE'
  })
})

test('records without a key go round the partitions', async () => {
  const mesh = new InProcessEventMesh({ partitions: 3 })
  await mesh.publish(
    't',
    Array.from({ length: 6 }, () => ({ key: null, value: '' }))
  )
  const reader = new Reader(await mesh.subscribe('t', { groupId: 'g' }))
  await reader.nextOf('assigned')
  const partitions = (await reader.records(6)).map(({ partition }) => partition)
  expect(partitions.sort()).toEqual([0, 0, 1, 1, 2, 2])
  await reader.close()
})

test('a group has one member; a member that left makes room', async () => {
  const mesh = new InProcessEventMesh()
  const first = await mesh.subscribe('t', { groupId: 'g' })
  await expect(mesh.subscribe('t', { groupId: 'g' })).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
  await mesh.subscribe('t', { groupId: 'other' })
  await first.close()
  await mesh.subscribe('t', { groupId: 'g' })
})

test('a rebalance revokes, waits for `done`, and starts again at the oldest record', async () => {
  const mesh = new InProcessEventMesh({ partitions: 1 })
  await mesh.publish('t', [{ key: null, value: 'a' }])
  const reader = new Reader(await mesh.subscribe('t', { groupId: 'g' }))
  await reader.nextOf('assigned')
  await reader.records(1)
  await reader.subscription.commit(new Map([[0, 1]]))
  mesh.rebalance('t', 'g')
  const revoked = await reader.nextOf('revoked')
  expect(revoked.partitions).toEqual([0])
  let next: unknown = null
  const reading = reader.nextOf('assigned').then((event) => (next = event))
  await new Promise((resolve) => setImmediate(resolve))
  expect(next).toBeNull()
  revoked.done()
  expect((await reading).partitions).toEqual([{ partition: 0, low: 0, resume: 1, committed: 1 }])
  expect(await reader.records(1)).toHaveLength(1)
  await reader.close()
})

test('impossible arguments and uses after close are refused', async () => {
  const mesh = new InProcessEventMesh()
  await expect(mesh.createStream('t', 0)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  const subscription = await mesh.subscribe('t', { groupId: 'g' })
  await expect(subscription.commit(new Map([[0, 1]]))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await expect(subscription.commit(new Map([[9, 0]]))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  const reader = new Reader(subscription)
  await reader.nextOf('assigned')
  const end = reader.ended()
  await mesh.close()
  expect(await end).toBe(true)
  await expect(mesh.publish('t', [{ key: null, value: '' }])).rejects.toMatchObject({ code: 'BROKER' })
  await expect(mesh.subscribe('t', { groupId: 'h' })).rejects.toMatchObject({ code: 'BROKER' })
})
