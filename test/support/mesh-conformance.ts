/**
 * What every event mesh must do. One body of tests over each transport.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type {
  EventMesh,
  MeshCapabilities,
  MeshEvent,
  MeshRecord,
  Subscription,
  Transaction
} from '../../lib/mesh/event-mesh.js'
import { caughtUp } from '../../lib/mesh/caught-up.js'

export interface MeshUnderTest {
  readonly mesh: EventMesh
  readonly close: () => Promise<void>
}

const PARTITIONS = 4
/** A broker compacts closed segments only, when it has the time: small ones, and at once. */
const COMPACTED = {
  'cleanup.policy': 'compact',
  'segment.bytes': '1048576',
  'min.cleanable.dirty.ratio': '0.01',
  'max.compaction.lag.ms': '1000'
}
const COMPACTED_BYTES = 9 * 1024 * 1024
const VALUE_BYTES = 64 * 1024
const COMPACTION_POLL_MS = 200

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

  /** A group that forms before its brokers know a topic that was just made gives and takes nothing of it at first: no event. */
  async next(): Promise<MeshEvent> {
    for (;;) {
      const result = await this.#events.next()
      if (result.done) throw new Error('the events ended')
      const event = result.value
      if (event.kind === 'records' || event.partitions.length > 0) return event
      if (event.kind === 'revoked') event.done()
    }
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

/** Waits until the members have come so far; a member that fails, fails the test. */
export async function untilMembers(reached: () => boolean, ...members: readonly Member[]): Promise<void> {
  while (!reached()) await Promise.race(members.map((member) => member.changed()))
}

/** A member that reads all the time, commits what it read, and gives up what it is asked for. */
export class Member {
  readonly held = new Set<number>()
  readonly seen = new Set<string>()
  readonly #reader: Reader
  readonly #loop: Promise<void>
  readonly #waiting: (() => void)[] = []
  #closing = false

  constructor(subscription: Subscription) {
    this.#reader = new Reader(subscription)
    this.#loop = this.#read()
  }

  /** Resolves after the next event, rejects when reading failed. */
  changed(): Promise<void> {
    return Promise.race([new Promise<void>((resolve) => this.#waiting.push(resolve)), this.#loop])
  }

  async close(): Promise<void> {
    this.#closing = true
    await this.#reader.close()
    await this.#loop
  }

  async #read(): Promise<void> {
    const next = new Map<number, number>()
    for (;;) {
      const event = await this.#reader.next().catch((error: unknown) => {
        if (this.#closing) return null
        throw error
      })
      if (event === null) return
      if (event.kind === 'assigned') for (const { partition } of event.partitions) this.held.add(partition)
      if (event.kind === 'records') {
        for (const { partition, offset, value } of event.records) {
          next.set(partition, offset + 1)
          this.seen.add(Buffer.from(value!).toString())
        }
      }
      if (event.kind === 'revoked') {
        await this.#reader.subscription.commit(next)
        for (const partition of event.partitions) this.held.delete(partition)
        event.done()
      }
      for (const resolve of this.#waiting.splice(0)) resolve()
    }
  }
}

/** `capabilities`: those the transport says it has. What it has not it must refuse; tests of it are skipped, by name. */
export function describeMesh(
  name: string,
  capabilities: MeshCapabilities,
  open: () => Promise<MeshUnderTest>
): void {
  const having = (capability: keyof MeshCapabilities): typeof test.skip =>
    capabilities[capability] ? test : test.skip
  const lacking = (capability: keyof MeshCapabilities): typeof test.skip =>
    capabilities[capability] ? test.skip : test

  describe(name, () => {
    let world: MeshUnderTest
    beforeAll(async () => {
      world = await open()
    })
    afterAll(() => world.close())

    async function reader(topic: string, groupId: string, recordsMax?: number): Promise<Reader> {
      return new Reader(await world.mesh.subscribe(topic, { groupId }), recordsMax)
    }

    test('it has the capabilities it is known for', () => {
      expect(world.mesh.capabilities).toEqual(capabilities)
    })

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
      for (const { low, resume, committed } of partitions)
        expect([low, resume, committed]).toEqual([0, 0, null])
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
    })

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
    })

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
    })

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
      const ofGroup = await world.mesh.groupOffsets('resume', 'group-resume')
      expect(ofGroup.get(partition)).toBe(4)
      expect([...ofGroup.values()].filter((offset) => offset === null)).toHaveLength(ofGroup.size - 1)
      await first.close()
      await send(5)

      const second = await reader('resume', 'group-resume')
      const { partitions } = await second.nextOf('assigned')
      expect(partitions.find((p) => p.partition === partition)).toEqual({
        partition,
        low: 0,
        resume: 4,
        committed: 4
      })
      const again = await second.records(15)
      expect(again.map((r) => r.offset)).toEqual(Array.from({ length: 15 }, (_, i) => i))
      await second.close()

      const other = await reader('resume', 'other-group')
      const fresh = await other.nextOf('assigned')
      expect(fresh.partitions.every(({ resume }) => resume === 0)).toBe(true)
      await other.close()
    })

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
    })

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
    })

    test('a record goes to the partition it names, whatever its key', async () => {
      await world.mesh.createStream('placed', PARTITIONS)
      const sent = [0, 1, 2, 3].map((partition) => ({ key: 'same', value: `${partition}`, partition }))
      await world.mesh.publish('placed', sent)
      for (const { partition, value } of sent) {
        expect(await valuesOf(world.mesh, 'placed', partition)).toEqual([value])
      }
    })

    test('one partition is read from an offset to the end it has, in order, without a group', async () => {
      await world.mesh.createStream('one', PARTITIONS)
      const sent = Array.from({ length: 2500 }, (_, i) => ({ key: 'k', value: `v${i}`, partition: 1 }))
      await world.mesh.publish('one', sent)
      expect(await world.mesh.bounds('one', 1)).toEqual({ low: 0, high: 2500 })
      expect(await valuesOf(world.mesh, 'one', 1)).toEqual(sent.map(({ value }) => value))
      expect(await valuesOf(world.mesh, 'one', 1, 2498)).toEqual(['v2498', 'v2499'])
      expect(await valuesOf(world.mesh, 'one', 1, 2500)).toEqual([])
      expect(await valuesOf(world.mesh, 'one', 2)).toEqual([])
      expect(await world.mesh.partitions('one')).toBe(PARTITIONS)
    })

    having('createTopics')('createTopics: any number of partitions, and once more does nothing', async () => {
      await world.mesh.createStream('six', 6)
      await world.mesh.createStream('six', 6)
      expect(await partitionsOf(world.mesh, 'six')).toBe(6)
    })

    lacking('createTopics')('no createTopics: other partitions and settings are refused', async () => {
      const refused = { code: 'NOT_SUPPORTED' }
      await expect(world.mesh.createStream('six', 6)).rejects.toMatchObject(refused)
      const settings = { 'cleanup.policy': 'compact' }
      await expect(world.mesh.createStream('set', PARTITIONS, settings)).rejects.toMatchObject(refused)
    })

    having('offsetsForTimes')('offsetsForTimes: the oldest record that is not older', async () => {
      await world.mesh.createStream('times', PARTITIONS)
      const at = (i: number): number => 1_700_000_000_000 + 1000 * i
      const sent = [0, 1, 2, 3].map((i) => ({ key: 'k', value: '', partition: 2, timestamp: at(i) }))
      await world.mesh.publish('times', sent)
      const offset = async (timestampMs: number): Promise<(number | undefined)[]> => {
        const offsets = await world.mesh.offsetsAt('times', timestampMs)
        return [offsets.get(1), offsets.get(2)]
      }
      expect(await offset(0)).toEqual([0, 0])
      expect(await offset(at(2))).toEqual([0, 2])
      expect(await offset(at(2) - 1)).toEqual([0, 2])
      expect(await offset(at(4))).toEqual([0, 4])
    })

    lacking('offsetsForTimes')('no offsetsForTimes: it is refused', async () => {
      await world.mesh.createStream('times', PARTITIONS)
      await expect(world.mesh.offsetsAt('times', 0)).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
    })

    having('compaction')(
      'compaction: what a newer record of its key replaces goes, the newest of each key stays',
      async () => {
        await world.mesh.createStream('compacted', 1, COMPACTED)
        const publish = (key: string, value: Buffer): Promise<void> =>
          world.mesh.publish('compacted', [{ key, value, partition: 0 }])
        await publish('once', Buffer.from('stays'))
        let newest: Buffer
        let published = 1
        let found: MeshRecord[] = []
        // More than a log of records keeps as they came; then until the broker has got round to it.
        let bytes = 0
        do {
          newest = randomBytes(VALUE_BYTES)
          await publish('often', newest)
          published += 1
          bytes += VALUE_BYTES
          if (bytes < COMPACTED_BYTES) continue
          await delay(COMPACTION_POLL_MS)
          found = await recordsOf(world.mesh, 'compacted', 0)
        } while (bytes < COMPACTED_BYTES || found.length >= published)
        const ofKey = (key: string): MeshRecord[] => found.filter((record) => String(record.key) === key)
        expect(ofKey('once').map(({ offset, value }) => [offset, String(value)])).toEqual([[0, 'stays']])
        const last = ofKey('often').at(-1)!
        expect(last.offset).toBe(published - 1)
        expect(newest.equals(last.value!)).toBe(true)
      }
    )

    having('groups')(
      'groups: members share the partitions, each record is read by one, and who leaves hands over',
      async () => {
        await world.mesh.createStream('shared', PARTITIONS)
        const send = (from: number): Promise<void> =>
          world.mesh.publish(
            'shared',
            Array.from({ length: 40 }, (_, i) => ({
              key: `k${i}`,
              value: `${from + i}`,
              partition: i % PARTITIONS
            }))
          )
        const join = async (): Promise<Member> =>
          new Member(await world.mesh.subscribe('shared', { groupId: 'group-shared' }))
        await send(0)
        const first = await join()
        await untilMembers(() => first.held.size === PARTITIONS && first.seen.size === 40, first)
        const second = await join()
        await untilMembers(() => first.held.size === 2 && second.held.size === 2, first, second)
        expect([...first.held, ...second.held].sort()).toEqual([0, 1, 2, 3])
        const seen = first.seen.size
        await send(40)
        const since = (): number =>
          first.seen.size - seen + [...second.seen].filter((one) => Number(one) >= 40).length
        await untilMembers(() => since() >= 40, first, second)
        expect(first.seen.size - seen).toBe(20)
        await second.close()
        await untilMembers(() => first.held.size === PARTITIONS && first.seen.size === 80, first)
        await first.close()
      }
    )

    lacking('groups')('no groups: a second member is refused', async () => {
      await world.mesh.createStream('alone', PARTITIONS)
      const only = await world.mesh.subscribe('alone', { groupId: 'group-alone' })
      const second = world.mesh.subscribe('alone', { groupId: 'group-alone' })
      await expect(second).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
      await only.close()
      const next = await world.mesh.subscribe('alone', { groupId: 'group-alone' })
      await next.close()
    })

    describe('transactions', () => {
      const letters = ['a', 'b', 'c', 'd', 'e']

      /** A member that has read five records from partition 0 of a topic of its own. */
      async function member(name: string): Promise<Reader> {
        await world.mesh.createStream(name, PARTITIONS)
        await world.mesh.createStream(`${name}-out`, PARTITIONS)
        await world.mesh.publish(
          name,
          letters.map((value) => ({ key: 'k', value, partition: 0 }))
        )
        const from = await reader(name, `group-${name}`)
        await from.nextOf('assigned')
        await from.records(letters.length)
        return from
      }

      const out = (name: string, values: readonly string[], next: number): Transaction => ({
        records: [
          { topic: `${name}-out`, records: values.map((value) => ({ key: 'k', value, partition: 0 })) },
          { topic: `${name}-out`, records: values.map((value) => ({ key: 'k', value, partition: 3 })) }
        ],
        next: new Map([[0, next]])
      })

      /** What a member that joins after this one finds committed. */
      async function resumesAt(name: string, from: Reader): Promise<number> {
        await from.close()
        const later = await reader(name, `group-${name}`)
        const { partitions } = await later.nextOf('assigned')
        await later.close()
        return partitions.find(({ partition }) => partition === 0)!.resume
      }

      lacking('transactions')('no transactions: they are refused', async () => {
        const from = await reader('none', 'group-none')
        await expect(world.mesh.transactions(from.subscription)).rejects.toMatchObject({
          code: 'NOT_SUPPORTED'
        })
        await from.close()
      })

      having('transactions')(
        'records of several partitions and offsets become visible together',
        async () => {
          const from = await member('together')
          const transactions = await world.mesh.transactions(from.subscription)
          expect(await transactions.commit(out('together', ['A', 'B'], 2))).toBe(true)
          expect(await transactions.commit(out('together', ['C'], 3))).toBe(true)
          expect(await transactions.commit({ records: [], next: new Map([[0, 4]]) })).toBe(true)
          for (const partition of [0, 3]) {
            expect(await valuesOf(world.mesh, 'together-out', partition)).toEqual(['A', 'B', 'C'])
          }
          // What belongs to transactions is in the log, and nobody waits for it.
          const subscription = await world.mesh.subscribe('together-out', { groupId: 'group-together-out' })
          const behind = new Member(subscription)
          await untilMembers(() => behind.seen.size === 3, behind)
          await caughtUp(world.mesh, subscription, 'together-out', 30_000)
          await behind.close()
          await transactions.close()
          expect(await resumesAt('together', from)).toBe(4)
        }
      )

      having('transactions')(
        'one that fails leaves nothing, and the same again succeeds without it',
        async () => {
          const from = await member('failing')
          const transactions = await world.mesh.transactions(from.subscription)
          const huge = 'x'.repeat(70 * 1024 * 1024)
          const failing = transactions.commit(out('failing', ['A', huge], 2))
          await expect(failing).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE', retriable: false })
          expect(await valuesOf(world.mesh, 'failing-out', 0)).toEqual([])
          expect(await transactions.commit(out('failing', ['A'], 1))).toBe(true)
          expect(await valuesOf(world.mesh, 'failing-out', 0)).toEqual(['A'])
          await transactions.close()
          expect(await resumesAt('failing', from)).toBe(1)
        }
      )

      having('transactions')('a member that has left commits nothing', async () => {
        const from = await member('left')
        const transactions = await world.mesh.transactions(from.subscription)
        await from.close()
        expect(await transactions.commit(out('left', ['A'], 1))).toBe(false)
        await transactions.close()
        expect(await valuesOf(world.mesh, 'left-out', 0)).toEqual([])
        expect(await resumesAt('left', from)).toBe(0)
      })
    })
  })
}

async function recordsOf(
  mesh: EventMesh,
  topic: string,
  partition: number,
  from?: number
): Promise<MeshRecord[]> {
  const all: MeshRecord[] = []
  for await (const records of mesh.readPartition(topic, partition, from === undefined ? {} : { from })) {
    all.push(...records)
  }
  return all
}

async function valuesOf(mesh: EventMesh, topic: string, partition: number, from?: number): Promise<string[]> {
  return (await recordsOf(mesh, topic, partition, from)).map(({ value }) => Buffer.from(value!).toString())
}

/** A topic that was just made may not be known to every broker yet. */
async function partitionsOf(mesh: EventMesh, topic: string): Promise<number> {
  for (;;) {
    const count = await mesh.partitions(topic)
    if (count > 0) return count
  }
}
