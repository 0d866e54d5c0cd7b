/**
 * What every event mesh must do. One body of tests over each transport.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { EventMesh, MeshEvent, MeshRecord, Subscription } from '../../lib/mesh/event-mesh.js'

export interface MeshUnderTest {
  readonly mesh: EventMesh
  readonly close: () => Promise<void>
}

const PARTITIONS = 4

/** A reader at its own pace, over the events of a subscription. */
export class Reader {
  readonly subscription: Subscription
  readonly #events: AsyncIterator<MeshEvent>
  readonly #abort = new AbortController()

  constructor(subscription: Subscription, recordsMax = 100) {
    this.subscription = subscription
    const options = { recordsMax, lingerMs: 0, signal: this.#abort.signal }
    this.#events = subscription.events(options)[Symbol.asyncIterator]()
  }

  async next(): Promise<MeshEvent> {
    const result = await this.#events.next()
    if (result.done) throw new Error('the events ended')
    return result.value
  }

  async nextOf<K extends MeshEvent['kind']>(kind: K): Promise<Extract<MeshEvent, { kind: K }>> {
    const event = await this.next()
    if (event.kind !== kind) throw new Error(`expected ${kind}, got ${event.kind}`)
    return event as Extract<MeshEvent, { kind: K }>
  }

  async records(count: number): Promise<MeshRecord[]> {
    const records: MeshRecord[] = []
    while (records.length < count) records.push(...(await this.nextOf('records')).records)
    return records
  }

  async ended(): Promise<boolean> {
    return (await this.#events.next()).done === true
  }

  abort(): void {
    this.#abort.abort()
  }

  async close(): Promise<void> {
    this.abort()
    await this.subscription.close()
  }
}

export function describeMesh(name: string, open: () => Promise<MeshUnderTest>): void {
  describe(name, () => {
    let world: MeshUnderTest
    beforeAll(async () => {
      world = await open()
    }, 30_000)
    afterAll(() => world.close(), 30_000)

    async function reader(topic: string, groupId: string, recordsMax?: number): Promise<Reader> {
      return new Reader(await world.mesh.subscribe(topic, { groupId }), recordsMax)
    }

    test('records come out as they went in, in order per key, offsets consecutive', async () => {
      await world.mesh.createStream('order', PARTITIONS)
      const sent = Array.from({ length: 500 }, (_, i) => ({
        key: `k${i % 7}`,
        value: `v${i}`,
        timestamp: 1_700_000_000_000 + i
      }))
      await world.mesh.publish('order', sent)
      const from = await reader('order', 'group-order')
      const { partitions } = await from.nextOf('assigned')
      expect(partitions.map((p) => p.partition).sort()).toEqual([0, 1, 2, 3])
      for (const { low, resume } of partitions) expect([low, resume]).toEqual([0, 0])
      const records = await from.records(sent.length)
      const byKey = new Map<string, string[]>()
      const offsets = new Map<number, number>()
      for (const record of records) {
        const key = Buffer.from(record.key!).toString()
        byKey.set(key, [...(byKey.get(key) ?? []), Buffer.from(record.value!).toString()])
        expect(record.offset).toBe(offsets.get(record.partition) ?? 0)
        offsets.set(record.partition, record.offset + 1)
        expect(record.topic).toMatch(/order$/)
        expect(record.timestamp).toBeGreaterThanOrEqual(1_700_000_000_000)
      }
      for (const [key, values] of byKey) {
        expect(values).toEqual(sent.filter((s) => s.key === key).map((s) => s.value))
      }
      await from.close()
    }, 30_000)

    test('headers, null keys and null values survive', async () => {
      await world.mesh.createStream('nulls', PARTITIONS)
      await world.mesh.publish('nulls', [
        {
          key: null,
          value: 'x',
          headers: [
            ['a', '1'],
            ['a', 'é']
          ]
        },
        { key: new Uint8Array([0, 255]), value: null }
      ])
      const from = await reader('nulls', 'group-nulls')
      await from.nextOf('assigned')
      const records = await from.records(2)
      const unkeyed = records.find((r) => r.key === null)!
      expect(unkeyed.headers).toEqual([
        ['a', '1'],
        ['a', 'é']
      ])
      const keyed = records.find((r) => r.key !== null)!
      expect([...keyed.key!]).toEqual([0, 255])
      expect(keyed.value).toBeNull()
      expect(keyed.headers).toBeUndefined()
      await from.close()
    }, 30_000)

    test('a batch has at most recordsMax records', async () => {
      await world.mesh.createStream('batches', PARTITIONS)
      await world.mesh.publish(
        'batches',
        Array.from({ length: 50 }, (_, i) => ({ key: `${i}`, value: '' }))
      )
      const from = await reader('batches', 'group-batches', 7)
      await from.nextOf('assigned')
      let read = 0
      while (read < 50) {
        const { records } = await from.nextOf('records')
        expect(records.length).toBeLessThanOrEqual(7)
        read += records.length
      }
      await from.close()
    }, 30_000)

    test('a group resumes at what it committed, reads from the start, and knows its lag', async () => {
      await world.mesh.createStream('resume', PARTITIONS)
      const send = (n: number): Promise<void> =>
        world.mesh.publish(
          'resume',
          Array.from({ length: n }, () => ({ key: 'k', value: 'v' }))
        )
      await send(10)
      const first = await reader('resume', 'group-resume')
      await first.nextOf('assigned')
      const [record] = await first.records(10)
      const partition = record!.partition
      await first.subscription.commit(new Map([[partition, 4]]))
      expect((await first.subscription.lag()).get(partition)).toBe(0)
      await first.close()
      await send(5)

      const second = await reader('resume', 'group-resume')
      const { partitions } = await second.nextOf('assigned')
      expect(partitions.find((p) => p.partition === partition)).toEqual({ partition, low: 0, resume: 4 })
      const again = await second.records(15)
      expect(again.map((r) => r.offset)).toEqual(Array.from({ length: 15 }, (_, i) => i))
      await second.close()

      const other = await reader('resume', 'other-group')
      const fresh = await other.nextOf('assigned')
      expect(fresh.partitions.every(({ resume }) => resume === 0)).toBe(true)
      await other.close()
    }, 30_000)

    test('reading waits for records, and an abort ends it', async () => {
      await world.mesh.createStream('waiting', PARTITIONS)
      const from = await reader('waiting', 'group-waiting')
      await from.nextOf('assigned')
      const later = from.records(1)
      await world.mesh.publish('waiting', [{ key: 'k', value: 'late' }])
      expect((await later).length).toBe(1)
      const end = from.ended()
      from.abort()
      expect(await end).toBe(true)
      await from.close()
    }, 30_000)

    test('a larger batch than may be in flight arrives whole', async () => {
      await world.mesh.createStream('large', PARTITIONS)
      const sent = Array.from({ length: 30_000 }, (_, i) => ({ key: `k${i % 16}`, value: `${i}` }))
      const published = world.mesh.publish('large', sent)
      const from = await reader('large', 'group-large', 5_000)
      await from.nextOf('assigned')
      const records = await from.records(sent.length)
      await published
      expect(new Set(records.map((r) => Buffer.from(r.value!).toString())).size).toBe(sent.length)
      await from.close()
    }, 60_000)
  })
}
