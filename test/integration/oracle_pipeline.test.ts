/** Every update of the whole pipeline, applied to a replica, against the batch diagram of a plainly kept window. */
import { expect, test } from '@jest/globals'
import type { Config } from '../../lib/config/schema.js'
import { validateConfig } from '../../lib/config/load.js'
import { DiagramReplica } from '../../lib/publishers/diagram-replica.js'
import { naiveUpdates, type NaivePoint, type NaiveScale } from '../support/naive-pipeline.js'
import { assigned, batches, type MemorySink, records, runToEnd, seeded } from '../support/pipeline-world.js'

const config = validateConfig({
  input: { channels: ['a', 'b'], timestamp: { from: 'field', field: 't', unit: 'ms' } },
  pipeline: { workers: 2 },
  publish: { snapshotEvery: 3, maxBytes: 1024 },
  scales: [
    { name: 'every', window: 5, slide: 1, filtration: 'sublevel', channel: 'a' },
    { name: 'tens', window: 32, slide: 10, filtration: 'superlevel', channel: 'b' },
    { name: 'span', window: '20s', slide: 7, filtration: 'sublevel', channel: 'b', pointsMax: 500 },
    { name: 'clock', window: '15s', slide: '10s', filtration: 'superlevel', channel: 'a', pointsMax: 500 },
    { name: 'mixed', window: 9, slide: '4s', filtration: 'sublevel', channel: 'a', pointsMax: 500 }
  ]
})

interface Sample {
  readonly a: number
  readonly b: number
  readonly t: number
}

/** Heavily tied values, uneven times with equal ones among them. */
function samples(seed: number, count: number): Sample[] {
  const random = seeded(seed)
  let t = 1_700_000_000_000
  return Array.from({ length: count }, () => {
    t += random() < 0.3 ? 0 : Math.floor(random() * 3_000)
    return { a: Math.floor(random() * 6), b: Math.round(random() * 1000) / 10, t }
  })
}

function expectExact(config: Config, log: readonly Sample[], sink: MemorySink): void {
  for (const scale of config.scales) {
    const channel = scale.channel as 'a' | 'b'
    const points = log.map((sample, i): NaivePoint => ({
      offset: i,
      index: 0,
      value: sample[channel],
      timestamp: sample.t
    }))
    const expected = naiveUpdates(points, scale as NaiveScale)
    expect(expected.length).toBeGreaterThan(0)
    const replica = new DiagramReplica()
    let seen = 0
    for (const message of sink.messages('s')) {
      if (message.scale !== scale.name) continue
      const applied = replica.apply(message)
      if (applied === 'pending') continue
      expect(applied).toBe('applied')
      const twin = expected[message.sequence - 1]!
      if (message.type === 'update') {
        seen += 1
        expect(message.sequence).toBe(seen)
        expect(message.boundaryTimestamp ?? null).toBe(twin.boundary)
      }
      expect(message.window.points).toBe(twin.window.length)
      expect(message.window.first).toEqual([twin.window[0]!.offset, 0])
      expect(message.window.lastTimestamp).toBe(twin.window.at(-1)!.timestamp)
      const pairs = replica
        .pairs()
        .map(
          (p) => `${p.birth} ${p.death} ${p.birthPoints[0]!.join('.')} ${p.deathPoints[0]?.join('.') ?? '-'}`
        )
      expect(pairs.sort()).toEqual(twin.pairs)
    }
    expect(seen).toBe(expected.length)
  }
}

test.each([1, 2, 3])('oracle: every window of every scale equals batch (seed %i)', async (seed) => {
  const log = samples(seed, 400)
  const sink = await runToEnd(config, [assigned(), ...batches(records(log), 37)])
  expect(sink.rejected).toEqual([])
  expectExact(config, log, sink)
})

test('law: what is put out does not depend on batches, threads or batches in flight', async () => {
  const log = records(samples(4, 600))
  const whole = await runToEnd(config, [assigned(), ...batches(log, 600)])
  for (const [size, workers, batchesInFlight] of [
    [1, 1, 1],
    [7, 3, 5],
    [113, 2, 2]
  ] as const) {
    const other = { ...config, pipeline: { ...config.pipeline, workers, batchesInFlight } }
    const sink = await runToEnd(other, [assigned(), ...batches(log, size)])
    expect(sink.values.get('s')).toEqual(whole.values.get('s'))
  }
})

test('every scale of every stream has a snapshot in each round of updates, streams in step not all in the same', async () => {
  const every = 10
  const spread = validateConfig({
    input: { channels: ['a'] },
    publish: { snapshotEvery: every },
    scales: ['short', 'long'].map((name) => ({ name, window: 4, slide: 1, filtration: 'sublevel' }))
  })
  const names = Array.from({ length: 20 }, (_, i) => `k${i}`)
  const log = Array.from({ length: 40 }, (_, round) =>
    names.flatMap((key) => records([{ a: (round * 7) % 5 }], { key }))
  )
  const inOrder = log.flat().map((record, offset) => ({ ...record, offset }))
  const sink = await runToEnd(spread, [assigned(), ...batches(inOrder, 100)])
  const perUpdate = new Map<number, number>()
  for (const stream of names) {
    for (const scale of ['short', 'long']) {
      const messages = sink.messages(stream).filter((message) => message.scale === scale)
      const due = messages.filter(({ type }) => type === 'snapshot').map(({ sequence }) => sequence)
      const first = due[0]!
      expect(first).toBeLessThanOrEqual(every)
      expect(due).toEqual([0, 1, 2, 3].map((n) => first + n * every).filter((sequence) => sequence <= 40))
      for (const sequence of due) perUpdate.set(sequence, (perUpdate.get(sequence) ?? 0) + 1)
    }
  }
  expect(Math.max(...perUpdate.values())).toBeLessThanOrEqual(10) // Of 40, where 4 are a tenth.
})

test('law: long results and short ones of one task are the same bytes as those of tasks of their own', async () => {
  const mixed = validateConfig({
    input: { channels: ['a'] },
    pipeline: { workers: 1 },
    publish: { snapshotEvery: 1 },
    scales: [
      { name: 'short', window: 8, slide: 50, filtration: 'sublevel' },
      { name: 'long', window: 1500, slide: 50, filtration: 'sublevel' },
      { name: 'last', window: 8, slide: 50, filtration: 'superlevel' }
    ]
  })
  const random = seeded(9)
  const names = ['k0', 'k1']
  const log = Array.from({ length: 3300 }, (_, i) => ({
    ...records([{ a: random() }], { key: names[i % 2]! })[0]!,
    offset: i
  }))
  const apart = await runToEnd(mixed, [assigned(), ...batches(log, 1)])
  const together = await runToEnd(mixed, [assigned(), ...batches(log, 660)])
  for (const stream of names) {
    expect(together.values.get(stream)).toEqual(apart.values.get(stream))
    expect(Math.max(...together.values.get(stream)!.map((value) => value.length))).toBeGreaterThan(65_536)
  }
})
