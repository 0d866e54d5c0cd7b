/** Seeded worlds: crashes, rebalances, poison records and stalls at random places of one log. */
import { expect, test } from '@jest/globals'
import { validateConfig } from '../../lib/config/load.js'
import type { MeshEvent, Subscription } from '../../lib/mesh/event-mesh.js'
import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import type { Sink } from '../../lib/pipeline/sink.js'
import {
  assigned,
  batches,
  crashing,
  MemorySink,
  pipelineOf,
  records,
  repeatsOnly,
  runToEnd,
  ScriptedSource,
  seeded
} from '../support/pipeline-world.js'

const RECORDS = 600
const config = validateConfig({
  input: { channels: ['x'], timestamp: { from: 'field', field: 't', unit: 'ms' } },
  pipeline: { workers: 2, recordsMax: 23, batchesInFlight: 3 },
  publish: { snapshotEvery: 5 },
  scales: [
    { name: 'short', window: 8, slide: 3, filtration: 'sublevel' },
    { name: 'long', window: 64, slide: 10, filtration: 'superlevel' },
    { name: 'time', window: '40s', slide: '15s', filtration: 'sublevel', pointsMax: 30 }
  ]
})

/** Three keys in one log; about one record in twenty is broken, some times go back, some come too thick. */
function poisonedLog(seed: number): { key: string; value: string }[] {
  const random = seeded(seed)
  let t = 1_700_000_000_000
  return Array.from({ length: RECORDS }, () => {
    t += Math.floor(random() * 800)
    const late = random() < 0.03 ? 100_000 : 0
    const key = `k${Math.floor(random() * 3)}`
    if (random() < 0.05) return { key, value: random() < 0.5 ? '{"x":' : '{"x":"NaN"}' }
    return { key, value: JSON.stringify({ x: Math.floor(random() * 20), t: t - late }) }
  })
}

/** Passes a subscription on, and says when the group has committed the whole log. */
class Watched implements Subscription {
  readonly #source: Subscription
  readonly #committed: Map<number, number>
  readonly #whenDone: () => void

  constructor(source: Subscription, committed: Map<number, number>, whenDone: () => void) {
    this.#source = source
    this.#committed = committed
    this.#whenDone = whenDone
  }

  events(options: Parameters<Subscription['events']>[0]): AsyncIterable<MeshEvent> {
    return this.#source.events(options)
  }

  async commit(next: ReadonlyMap<number, number>): Promise<ReadonlySet<number>> {
    const committed = await this.#source.commit(next)
    for (const [partition, offset] of next) this.#committed.set(partition, offset)
    if ([...this.#committed.values()].reduce((sum, offset) => sum + offset, 0) === RECORDS) this.#whenDone()
    return committed
  }

  lag(): Promise<ReadonlyMap<number, number>> {
    return this.#source.lag()
  }

  close(): Promise<void> {
    return this.#source.close()
  }
}

interface World {
  readonly mesh: InProcessEventMesh
  readonly committed: Map<number, number>
}

async function world(seed: number): Promise<World> {
  const mesh = new InProcessEventMesh({ now: () => 0 })
  await mesh.createStream('points', 2)
  await mesh.publish('points', poisonedLog(seed))
  return { mesh, committed: new Map() }
}

/** One life of the daemon, until everything is committed or it crashes; returns what it died of, or null. */
async function life({ mesh, committed }: World, sink: Sink): Promise<unknown> {
  const stop = new AbortController()
  const source = new Watched(await mesh.subscribe('points', { groupId: 'g' }), committed, () => stop.abort())
  try {
    await pipelineOf(config, source, sink, { signal: stop.signal }).run()
    return null
  } catch (error) {
    return error
  } finally {
    await source.close()
  }
}

async function undisturbed(seed: number): Promise<MemorySink> {
  const sink = new MemorySink()
  expect(await life(await world(seed), sink)).toBeNull()
  return sink
}

function letters(sink: MemorySink): string[] {
  return [
    ...new Set(sink.rejected.map(({ record, reason }) => `${record.partition}/${record.offset} ${reason}`))
  ].sort()
}

function expectSame(whole: MemorySink, got: MemorySink): void {
  expect([...got.values.keys()].sort()).toEqual([...whole.values.keys()].sort())
  for (const [stream, values] of whole.values) expect(repeatsOnly(values, got.values.get(stream)!)).toBeNull()
  expect(letters(got)).toEqual(letters(whole))
}

test('the undisturbed world has updates and every kind of rejection', async () => {
  const sink = await undisturbed(1)
  expect(sink.published).toBeGreaterThan(300)
  const reasons = new Set(sink.rejected.map(({ reason }) => reason))
  expect([...reasons].sort()).toEqual(['non_finite', 'timestamp_backwards', 'unparsable', 'window_capacity'])
})

test.each([11, 12, 13, 14, 15])(
  'simulation: crashes at any publish lose nothing and change no byte (seed %i)',
  async (seed) => {
    const whole = await undisturbed(seed)
    const random = seeded(seed)
    const same = await world(seed)
    const got = new MemorySink()
    for (let crashes = 0; crashes < 4; crashes++) {
      const sink = crashing(got, 1 + Math.floor(random() * 6), random() < 0.5)
      if ((await life(same, sink)) === null) break
    }
    expect(await life(same, got)).toBeNull()
    expectSame(whole, got)
  }
)

test.each([21, 22, 23])('simulation: rebalances lose nothing and change no byte (seed %i)', async (seed) => {
  const whole = await undisturbed(seed)
  const random = seeded(seed)
  const same = await world(seed)
  const got = new MemorySink()
  let left = 3
  const shaken: Sink = {
    async publish(updates) {
      await got.publish(updates)
      if (left > 0 && random() < 0.4) {
        left -= 1
        same.mesh.rebalance('points', 'g')
      }
    },
    reject: (rejected) => got.reject(rejected)
  }
  expect(await life(same, shaken)).toBeNull()
  expect(left).toBeLessThan(3)
  expectSame(whole, got)
})

test('a stalled sink stops the source after a bounded number of batches, and nothing is lost when it goes on', async () => {
  const log = records(Array.from({ length: 400 }, (_, i) => ({ x: i % 7, t: 1000 * i })))
  const events = [assigned(), ...batches(log, 10)]
  const whole = await runToEnd(config, events)
  const source = new ScriptedSource(events)
  const got = new MemorySink()
  let release = (): void => {}
  const stalled = new Promise<void>((resolve) => (release = resolve))
  let entered = (): void => {}
  const publishing = new Promise<void>((resolve) => (entered = resolve))
  const sink: Sink = {
    async publish(updates) {
      entered()
      await stalled
      await got.publish(updates)
    },
    reject: (rejected) => got.reject(rejected)
  }
  const pipeline = pipelineOf(config, source, sink)
  const run = pipeline.run()
  await publishing
  // Everything that can move has moved once the loop waits for a place: give it more turns than it can use.
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(source.taken).toBeLessThanOrEqual(1 + config.pipeline.batchesInFlight + 1)
  expect(source.committed).toEqual([])
  release()
  await run
  expect(got.values).toEqual(whole.values)
})
