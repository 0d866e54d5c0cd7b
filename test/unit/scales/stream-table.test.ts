/** What may enter: streams, timestamps and windows with limits, against a twin that keeps plain lists. */
import { expect, test } from '@jest/globals'
import { createDecoder } from '../../../lib/adapters/decoder.js'
import { validateConfig } from '../../../lib/config/load.js'
import type { Config } from '../../../lib/config/schema.js'
import { nativeAddon } from '../../../lib/native.js'
import { planStream } from '../../../lib/scales/scale-plan.js'
import type { StreamSlice } from '../../../lib/scales/stream-entry.js'
import { StreamTable } from '../../../lib/scales/stream-table.js'
import { WorkerPool } from '../../../lib/scales/worker-pool.js'
import { assigned, batches, records, runToEnd, seeded } from '../../support/pipeline-world.js'

const SPAN_MS = 5_000
const EVERY_MS = 2_000
const WINDOW_MAX = 6
const SLIDE_MAX = 4

const limited = validateConfig({
  input: { channels: ['x'], timestamp: { from: 'field', field: 't', unit: 'ms' } },
  pipeline: { workers: 1 },
  scales: [
    { name: 'span', window: `${SPAN_MS}ms`, slide: 1, filtration: 'sublevel', pointsMax: WINDOW_MAX },
    { name: 'clock', window: 3, slide: `${EVERY_MS}ms`, filtration: 'sublevel', pointsMax: SLIDE_MAX }
  ]
})

/** The rules A1 to A3 on plain lists. */
function naiveRefusals(records: readonly { readonly t: readonly number[] }[]): (string | null)[] {
  let accepted: number[] = []
  const refusal = (t: number, before: readonly number[]): string | null => {
    if (before.length > 0 && t < before.at(-1)!) return 'timestamp_backwards'
    if (before.filter((b) => b > t - SPAN_MS).length >= WINDOW_MAX) return 'window_capacity'
    const slide = Math.ceil(t / EVERY_MS)
    if (before.filter((b) => Math.ceil(b / EVERY_MS) === slide).length >= SLIDE_MAX) return 'window_capacity'
    return null
  }
  return records.map(({ t }) => {
    const tried = [...accepted]
    for (const each of t) {
      const reason = refusal(each, tried)
      if (reason) return reason
      tried.push(each)
    }
    accepted = tried
    return null
  })
}

test.each([1, 2, 3, 4])(
  'fuzz: refusals are those of the twin, however the log is cut (seed %i)',
  async (seed) => {
    const random = seeded(seed)
    let now = 1_000_000
    const log = Array.from({ length: 300 }, () => {
      const t = Array.from({ length: 1 + Math.floor(random() * 3) }, () => {
        now += Math.floor(random() * 1_200)
        return random() < 0.05 ? now - 3_000 : now
      })
      return { t }
    })
    const expected = naiveRefusals(log)
    expect(new Set(expected).size).toBe(3)
    const encoded = records(log.map(({ t }) => t.map((each) => ({ x: each % 3, t: each }))))
    for (const size of [1, 9, 300]) {
      const sink = await runToEnd(limited, [assigned(), ...batches(encoded, size)])
      const got = new Map(sink.rejected.map(({ record, reason }) => [record.offset, reason as string]))
      expect(log.map((_, i) => got.get(i) ?? null)).toEqual(expected)
    }
  }
)

test('a record with points of several streams is taken or refused whole', async () => {
  const config = validateConfig({
    input: {
      channels: ['x'],
      stream: { from: 'field', field: 'id' },
      timestamp: { from: 'field', field: 't', unit: 'ms' }
    },
    streams: { max: 2 },
    pipeline: { workers: 1 },
    scales: [{ name: 'span', window: '1m', slide: 1, filtration: 'sublevel' }]
  })
  const log = records([
    [
      { id: 'a', x: 1, t: 10 },
      { id: 'b', x: 1, t: 10 }
    ],
    [
      { id: 'a', x: 2, t: 20 },
      { id: 'b', x: 2, t: 5 }
    ],
    [
      { id: 'a', x: 3, t: 15 },
      { id: 'b', x: 3, t: 12 }
    ],
    [
      { id: 'c', x: 4, t: 15 },
      { id: 'a', x: 4, t: 16 }
    ],
    [{ id: 'a', x: 5, t: 15 }]
  ])
  for (const size of [1, 5]) {
    const sink = await runToEnd(config, [assigned(), ...batches(log, size)])
    expect(sink.rejected.map(({ record, reason }) => [record.offset, reason])).toEqual([
      [1, 'timestamp_backwards'],
      [3, 'too_many_streams']
    ])
    expect(sink.messages('a').map(({ window }) => window.last)).toEqual([
      [0, 0],
      [2, 0],
      [4, 0]
    ])
    expect(sink.messages('b').map(({ window }) => window.last)).toEqual([
      [0, 1],
      [2, 1]
    ])
  }
})

test('with windows by count only, timestamps may go back; they are counted', async () => {
  const { config, table, close } = tableOf({
    input: { channels: ['x'], timestamp: { from: 'field', field: 't', unit: 'ms' } },
    scales: [{ name: 'a', window: 4, filtration: 'sublevel' }]
  })
  const log = records([
    { x: 1, t: 5 },
    { x: 1, t: 3 },
    { x: 1, t: 4 },
    { x: 1, t: 2 }
  ])
  const { slices, refused, backwards } = table.admit(createDecoder(config).decode(log))
  expect([slices.length, refused.length, backwards]).toEqual([1, 0, 2])
  await close()
})

test('further streams than streams.max are refused; a partition that is given up makes room', async () => {
  const { config, table, close } = tableOf({
    streams: { max: 2 },
    scales: [{ name: 'a', window: 4, filtration: 'sublevel' }]
  })
  const decoder = createDecoder(config)
  const admit = (key: string): number =>
    table.admit(decoder.decode(records([{ x: 1 }], { key }))).refused.length
  expect(['k', 'l', 'm', 'k'].map(admit)).toEqual([0, 0, 1, 0])
  expect(table.size).toBe(2)
  await table.release(0)
  expect(table.size).toBe(0)
  table.assign({ partition: 0, low: 0, resume: 0, committed: null })
  expect(admit('m')).toBe(0)
  await close()
})

test('a batch is cut into rounds that fit the backlog of each stream', async () => {
  const { config, table, close } = tableOf({ scales: [{ name: 'a', window: 4, filtration: 'sublevel' }] })
  const points = Array.from({ length: 5_000 }, (_, i) => ({ x: i }))
  const decoder = createDecoder(config)
  const log = [...records([points]), ...records([points.slice(0, 10)], { key: 'other' })]
  const { slices } = table.admit(decoder.decode(log))
  const sizes: number[][] = []
  for (const round of table.rounds(slices)) sizes.push(round.map(({ count }) => count))
  expect(sizes).toEqual([[2048], [2048], [904, 10]])
  await close()
})

test('updates far larger than their points are cut into rounds by their bytes', async () => {
  const { config, table, close } = tableOf({
    publish: { snapshotEvery: 1 },
    scales: [{ name: 'a', window: 100_000, filtration: 'sublevel' }]
  })
  const points = Array.from({ length: 2_000 }, (_, i) => ({ x: i }))
  const { slices } = table.admit(createDecoder(config).decode(records([points])))
  const counts = [...table.rounds(slices)].map(([slice]) => slice!.count)
  expect(counts.length).toBeGreaterThan(3)
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(2_000)
  await close()
})

test('no point is lost where one alone may bring more than a round takes', async () => {
  const { table, close } = tableOf({ scales: [{ name: 'a', window: 4, filtration: 'sublevel' }] })
  const slice = (count: number): StreamSlice => ({
    entry: { slicePointsMax: 1_000, bytesOf: (points: number) => points * 40e6 } as never,
    count,
    values: Float64Array.from({ length: count }, (_, i) => i),
    timestamps: null,
    offsets: new Float64Array(count),
    indices: new Uint32Array(count),
    replay: false
  })
  const rounds = [...table.rounds([slice(1), slice(3)])].map((round) =>
    round.map(({ values }) => [...values])
  )
  expect(rounds).toEqual([[[0]], [[0]], [[1]], [[2]]])
  await close()
})

test('releasing frees all native memory', async () => {
  const before = nativeAddon().liveHandles()
  const { config, table, close } = tableOf({ scales: [{ name: 'a', window: 4, filtration: 'sublevel' }] })
  table.admit(createDecoder(config).decode(records([{ x: 1 }])))
  expect(nativeAddon().liveHandles()).toBe(before + 2)
  await close()
  expect(nativeAddon().liveHandles()).toBe(before)
})

test('a scale must name a channel there is', () => {
  const wrong = (channel?: string): Config => ({
    ...limited,
    input: { ...limited.input, channels: ['x', 'y'] },
    scales: [{ ...limited.scales[0]!, channel }]
  })
  expect(() => planStream(wrong())).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  expect(() => planStream(wrong('z'))).toThrow(/found z/)
  expect(planStream(wrong('y')).scales[0]!.engine).toMatchObject({ channel: 1 })
})

function tableOf(part: Record<string, unknown>): {
  config: Config
  table: StreamTable
  close: () => Promise<void>
} {
  const config = validateConfig({ input: { channels: ['x'] }, ...part })
  const plan = planStream(config)
  const pool = new WorkerPool({ workers: 1, scales: plan.scales, maxBytes: 1e6, eventTime: false })
  const table = new StreamTable(config, plan, pool)
  table.assign({ partition: 0, low: 0, resume: 0, committed: null })
  return {
    config,
    table,
    close: async () => {
      await table.close()
      await pool.close()
    }
  }
}
