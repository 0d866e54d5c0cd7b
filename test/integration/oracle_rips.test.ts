/**
 * Rips scales through the whole pipeline and the library: every window of what is put out equals batch persistence of its
 * cloud, whatever the batches and threads; points a metric cannot take are dead letters and leave no trace.
 */
import { expect, test } from '@jest/globals'
import type { Config } from '../../lib/config/schema.js'
import { validateConfig } from '../../lib/config/load.js'
import { CHANGE_KIND, nativeAddon, type NativeRips } from '../../lib/native.js'
import { DiagramReplica } from '../../lib/publishers/diagram-replica.js'
import { expectedWindows } from '../../lib/rollout/expected-windows.js'
import { windowTwin } from '../../lib/rollout/window-twin.js'
import { IncrementalPersistence } from '../../lib/scales/incremental-persistence.js'
import { MultiScaleProcessor } from '../../lib/scales/multi-scale-processor.js'
import { planStream } from '../../lib/scales/scale-plan.js'
import { StreamingTdaProcessor } from '../../lib/scales/streaming-tda-processor.js'
import type { UpdateRows } from '../../lib/scales/update-rows.js'
import { assigned, batches, type MemorySink, records, runToEnd, seeded } from '../support/pipeline-world.js'
import { ripsOptions } from '../support/rips-options.js'

const config = validateConfig({
  input: { channels: ['a', 'b'], timestamp: { from: 'field', field: 't', unit: 'ms' } },
  pipeline: { workers: 2 },
  publish: { snapshotEvery: 7, maxBytes: 2048 },
  scales: [
    { name: 'cloud', window: 30, filtration: 'rips', weights: [1, 0.5] },
    { name: 'level', window: 16, filtration: 'sublevel', channel: 'a' },
    {
      name: 'embedding',
      window: 40,
      slide: 3,
      filtration: 'rips',
      channel: 'b',
      embedding: { dimension: 3, delay: 2, stride: 2 }
    },
    { name: 'span', window: '25s', slide: '5s', pointsMax: 60, filtration: 'rips', metric: 'manhattan' }
  ]
})

interface Sample {
  readonly a: number
  readonly b: number
  readonly t: number
}

/** Waves with ties and repeated points; uneven times. */
function samples(seed: number, count: number): Sample[] {
  const random = seeded(seed)
  let t = 1_700_000_000_000
  return Array.from({ length: count }, (_, i) => {
    t += random() < 0.3 ? 0 : Math.floor(random() * 2_000)
    return {
      a: Math.round(4 * Math.sin(i / 5) + random()),
      b: Math.round(20 * Math.cos(i / 7) + random()) / 4,
      t
    }
  })
}

function expectExact(
  config: Config,
  log: readonly Sample[],
  offsets: readonly number[],
  sink: MemorySink
): void {
  const series = {
    count: log.length,
    channels: 2,
    values: Float64Array.from(log.flatMap(({ a, b }) => [a, b])),
    offsets: Float64Array.from(offsets),
    indices: new Uint32Array(log.length)
  }
  const timestamps = Float64Array.from(log, ({ t }) => t)
  for (const { name, engine } of planStream(config).scales) {
    if ('byHand' in engine.slide) throw new Error('no such slide in a configuration')
    const twin = windowTwin(nativeAddon(), series, engine)
    const due = expectedWindows(series.count, timestamps, engine.window, engine.slide)
    const replica = new DiagramReplica()
    let seen = 0
    for (const message of sink.messages('s')) {
      if (message.scale !== name) continue
      const applied = replica.apply(message)
      if (applied === 'pending') continue
      expect(applied).toBe('applied')
      if (message.type === 'update') {
        seen += 1
        const window = due.next().value!
        expect(message.window.last).toEqual([offsets[window.last], 0])
        twin.compute(window)
      }
      expect(twin.difference(replica)).toBeNull()
    }
    expect(seen).toBeGreaterThan(10)
    expect(due.next().done).toBe(true)
  }
}

test.each([1, 2])('oracle: every window of every scale equals batch (seed %i)', async (seed) => {
  const log = samples(seed, 250)
  const sink = await runToEnd(config, [assigned(), ...batches(records(log), 37)])
  expect(sink.rejected).toEqual([])
  expectExact(
    config,
    log,
    log.map((_, i) => i),
    sink
  )
})

test('law: what is put out does not depend on batches, threads or batches in flight', async () => {
  const log = records(samples(3, 300))
  const whole = await runToEnd(config, [assigned(), ...batches(log, 300)])
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

test('a restart continues where the updates ended: replayed points are counted, not put out', async () => {
  const log = records(samples(4, 200))
  const whole = await runToEnd(config, [assigned(), ...batches(log, 200)])
  const rest = await runToEnd(config, [assigned(0, 120), ...batches(log, 50)])
  const values = rest.values.get('s')!
  expect(values.length).toBeGreaterThan(50)
  expect(values).toEqual(whole.values.get('s')!.slice(-values.length))
})

test('points too large for a Rips scale are dead letters; the windows do not notice', async () => {
  const good = samples(5, 200)
  const log: unknown[] = [...good]
  const bad = [20, 90, 91, 150]
  for (const at of bad)
    log.splice(at, 0, { a: at === 91 ? 1 : -1e39, b: at === 91 ? 1e300 : 0, t: good[at - 1]!.t })
  const sink = await runToEnd(config, [assigned(), ...batches(records(log), 29)])
  expect(sink.rejected.map(({ record, reason }) => [record.offset, reason])).toEqual(
    bad.map((at) => [at, 'distance_overflow'])
  )
  expect(sink.rejected[0]!.message).toMatch(/^the point \(-1e\+39, 0\) is too large .* \(limit 8.5e37/)
  const offsets = log.flatMap((_, i) => (bad.includes(i) ? [] : [i]))
  expectExact(config, good, offsets, sink)
})

test('a record is refused whole when one of its points has no direction', async () => {
  const angular = validateConfig({
    input: { channels: ['a', 'b'] },
    scales: [{ name: 'angles', window: 10, filtration: 'rips', metric: 'cosine' }]
  })
  const log = records([
    [{ a: 1, b: 0 }],
    [
      { a: 1, b: 1 },
      { a: 0, b: 0 }
    ],
    [{ a: 0, b: 1 }]
  ])
  const sink = await runToEnd(angular, [assigned(), ...batches(log, 3)])
  expect(sink.rejected.map(({ record, reason }) => [record.offset, reason])).toEqual([[1, 'no_direction']])
  expect(sink.messages('s').map(({ window }) => window.points)).toEqual([1, 2])
})

const loop = { filtration: 'rips', dimension: 2 } as const
const square = [0, 0, 1, 0, 1, 1, 0, 1]

test('shape: a square has one loop, by its points', () => {
  const processor = new StreamingTdaProcessor({ ...loop, window: { count: 4 } })
  const updates = [...processor.processPoints(square)]
  expect(updates.map(({ pairs }) => pairs)).toEqual([1, 2, 3, 5])
  expect(processor.getCurrentDiagram().pair(4)).toEqual({
    id: '1:2.0-3.0',
    dimension: 1,
    birth: 1,
    death: Math.fround(Math.SQRT2),
    birthPoints: [
      [2, 0],
      [3, 0]
    ],
    deathPoints: [
      [0, 0],
      [1, 0],
      [2, 0]
    ]
  })
  const [next] = [...processor.processPoint([9, 9])]
  expect(next!.changes.removed()).toContain('1:2.0-3.0')
  expect(() => processor.processPoint([1e39, 0])).toThrow(
    expect.objectContaining({ code: 'DISTANCE_OVERFLOW' })
  )
  expect(processor.getStatistics()).toMatchObject({ points: 5, windowPoints: 4 })
  processor.close()
})

test('a batch of several pieces is refused whole', () => {
  const processor = new StreamingTdaProcessor({ filtration: 'rips', window: { count: 3 }, maxDimension: 0 })
  const values = new Float64Array(5000).map((_, i) => i % 17)
  values[4900] = 1e39
  expect(() => processor.processPoints(values)).toThrow(
    expect.objectContaining({ code: 'DISTANCE_OVERFLOW' })
  )
  expect(processor.getStatistics().points).toBe(0)
  processor.close()
})

test('a window by time holds at most its pointsMax', () => {
  const processor = new StreamingTdaProcessor({ filtration: 'rips', window: { spanMs: 10, pointsMax: 3 } })
  processor.processPoints([1, 2, 4], [0, 1, 2])
  expect(() => processor.processPoint(8, 9)).toThrow(expect.objectContaining({ code: 'CAPACITY_EXCEEDED' }))
  expect(processor.processPoint(8, 10).at(0).window.points).toBe(3)
  processor.close()
})

test('law: points added and removed by hand give what a fresh window gives', () => {
  const persistence = new IncrementalPersistence({ ...loop, capacity: 50 })
  const random = seeded(6)
  const points: number[] = []
  const kept = new Map<string, unknown>()
  for (let step = 0; step < 60; step++) {
    const more = Array.from({ length: 2 * Math.floor(random() * 5) }, () => Math.floor(random() * 4))
    const changes = [persistence.addPoints(more)]
    points.push(...more)
    if (persistence.size > 12) changes.push(persistence.removePoints(Math.floor(random() * persistence.size)))
    for (const rows of changes) {
      for (let row = 0; row < rows.length; row++) {
        if (rows.rows[row * rows.stride] === CHANGE_KIND.removed) kept.delete(rows.id(row))
        else kept.set(rows.id(row), rows.pair(row))
      }
    }
    const fresh = new IncrementalPersistence({ ...loop, capacity: 50 })
    const first = points.length / 2 - persistence.size
    fresh.addPoints(points.slice(2 * first))
    const shifted = fresh
      .diagram()
      .toPairs()
      .map(({ dimension, birth, death }) => ({ dimension, birth, death }))
    const diagram = persistence.diagram().toPairs()
    expect(diagram.map(({ dimension, birth, death }) => ({ dimension, birth, death }))).toEqual(shifted)
    expect(new Map(diagram.map((pair) => [pair.id, pair]))).toEqual(kept)
    fresh.close()
  }
  persistence.close()
})

test('several scales in threads give what each gives alone', async () => {
  const scales = {
    cloud: { filtration: 'rips', window: { count: 20 } },
    embedding: {
      filtration: 'rips',
      channels: [1],
      embedding: { dimension: 2, delay: 3 },
      window: { count: 25 }
    },
    level: { filtration: 'superlevel', window: { count: 9 }, channel: 1 }
  } as const
  const values = samples(7, 120).flatMap(({ a, b }) => [a, b])
  const together = new MultiScaleProcessor({ scales, dimension: 2, workers: 2 })
  const updates = await together.processPoints(values)
  const rows = (all: UpdateRows): unknown[] =>
    [...all].map(({ sequence, changes }) => [sequence, [...changes.rows]])
  for (const [name, options] of Object.entries(scales)) {
    const alone = new StreamingTdaProcessor({ ...options, dimension: 2 })
    expect(rows(updates.get(name)!)).toEqual(rows(alone.processPoints(values)))
    expect((await together.getCurrentDiagrams()).get(name)!.toPairs()).toEqual(
      alone.getCurrentDiagram().toPairs()
    )
    alone.close()
  }
  await together.close()
})

test('what can never be right is refused with what would be', () => {
  const rips = (options: Partial<NativeRips>): (() => void) => {
    return () => {
      const addon = nativeAddon()
      const stream = addon.streamCreate({
        dimension: 2,
        capacity: 20,
        timestamps: false,
        logPositions: false
      })
      try {
        addon.engineRelease(
          addon.engineCreate(stream, {
            filtration: 'rips',
            rips: ripsOptions(options),
            window: { count: 10 },
            slide: { count: 1 },
            snapshotEvery: 0
          })
        )
      } finally {
        addon.streamRelease(stream)
      }
    }
  }
  expect(rips({})).not.toThrow()
  expect(rips({ channels: Uint32Array.of(2) })).toThrow(/channels from 0 to 1/)
  expect(rips({ weights: Float64Array.of(1) })).toThrow(/one a coordinate \(2; 1 given\)/)
  expect(rips({ threshold: NaN })).toThrow(/rips.threshold/)
  expect(rips({ embedding: { dimension: 6, delay: 2, stride: 1 } })).toThrow(/\(0 in its 10 points\)/)
  expect(rips({ metric: 'hamming' as 'cosine' })).toThrow(/rips.metric: expected 'euclidean'/)
  expect(
    () =>
      new StreamingTdaProcessor({
        ...loop,
        channels: [0, 1],
        embedding: { dimension: 2 },
        window: { count: 5 }
      })
  ).toThrow(/a delay embedding is of one channel/)
})
