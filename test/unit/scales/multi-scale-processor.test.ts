import { afterEach, expect, test } from '@jest/globals'
import { nativeAddon } from '../../../lib/native.js'
import { MultiScaleProcessor, type ScaleOptions } from '../../../lib/scales/multi-scale-processor.js'
import { StreamingTdaProcessor } from '../../../lib/scales/streaming-tda-processor.js'
import type { UpdateRows } from '../../../lib/scales/update-rows.js'
import { seeded } from '../../support/pipeline-world.js'

const scales: Record<string, ScaleOptions> = {
  short: { filtration: 'sublevel', window: { count: 16 }, slide: { count: 3 } },
  long: {
    filtration: 'superlevel',
    window: { count: 1000 },
    slide: { count: 50 },
    channel: 1,
    snapshotEvery: 4
  },
  often: { filtration: 'sublevel', window: { count: 5 }, slide: { count: 7 }, channel: 1 }
}

const open: MultiScaleProcessor[] = []
function processorOf(options: ConstructorParameters<typeof MultiScaleProcessor>[0]): MultiScaleProcessor {
  const processor = new MultiScaleProcessor(options)
  open.push(processor)
  return processor
}
afterEach(async () => {
  for (const processor of open.splice(0)) await processor.close()
})

function rowsOf(updates: UpdateRows): unknown[] {
  return [...updates].map(({ changes, snapshot, ...rest }) => [rest, changes.rows, snapshot?.rows ?? null])
}

test('law: each scale gives what a processor of its own gives, on any number of threads', async () => {
  const random = seeded(5)
  const values = Float64Array.from({ length: 12_000 }, () => Math.floor(random() * 50))
  for (const workers of [1, 3]) {
    const many = processorOf({ scales, dimension: 2, workers })
    const single = Object.entries(scales).map(
      ([name, scale]) => [name, new StreamingTdaProcessor({ ...scale, dimension: 2 })] as const
    )
    // Calls overlap, and the last is larger than the ring's backlog.
    const cuts = [0, 2, 602, 2_000, 12_000]
    const pieces = cuts.slice(1).map((end, i) => values.subarray(cuts[i], end))
    const results = await Promise.all(pieces.map((piece) => many.processPoints(piece)))
    const diagrams = await many.getCurrentDiagrams()
    for (const [name, one] of single) {
      for (const [i, piece] of pieces.entries()) {
        expect(rowsOf(results[i]!.get(name)!)).toEqual(rowsOf(one.processPoints(piece)))
      }
      expect(diagrams.get(name)!.rows).toEqual(one.getCurrentDiagram().rows)
      const { updates, pairs, windowPoints } = one.getStatistics()
      expect(many.getStatistics().scales.get(name)).toMatchObject({ updates, pairs, windowPoints })
      one.close()
    }
    expect(many.getStatistics().points).toBe(6_000)
    expect(many.scales).toEqual(Object.keys(scales))
  }
})

test('a batch that is refused leaves no trace, and the next one goes on', async () => {
  const processor = processorOf({ scales: { a: { filtration: 'sublevel', window: { count: 3 } } } })
  const refused = processor.processPoints([1, NaN])
  const taken = processor.processPoints([1, 2])
  await expect(refused).rejects.toMatchObject({ code: 'NON_FINITE_POINT' })
  expect((await taken).get('a')!.length).toBe(2)
  expect(processor.getStatistics().points).toBe(2)
})

test('windows by time', async () => {
  const processor = processorOf({
    scales: {
      a: { filtration: 'sublevel', window: { spanMs: 10, pointsMax: 4 }, slide: { everyMs: 10 } }
    }
  })
  const updates = await processor.processPoints([1, 2, 3], [1, 12, 25])
  expect([...updates.get('a')!].map(({ boundaryTimestamp }) => boundaryTimestamp)).toEqual([10, 20])
  await expect(processor.processPoints([1], [2])).rejects.toMatchObject({ code: 'TIMESTAMP_BACKWARDS' })
})

test('impossible options are refused and leave nothing behind', () => {
  const before = nativeAddon().liveHandles()
  expect(() => new MultiScaleProcessor({ scales: {} })).toThrow(/at least one/)
  const bad = { a: { filtration: 'sublevel', window: { count: 3 }, channel: 7 } } as const
  expect(() => new MultiScaleProcessor({ scales: bad })).toThrow(/channel 7/)
  const good = { a: { filtration: 'sublevel', window: { count: 3 } } } as const
  for (const workers of [0, -1, 1.5, NaN, Infinity, 257]) {
    expect(() => new MultiScaleProcessor({ scales: good, workers })).toThrow(/workers: expected 1 to 256/)
  }
  expect(nativeAddon().liveHandles()).toBe(before)
})

test('close waits for calls made before and frees everything; later calls are refused', async () => {
  const before = nativeAddon().liveHandles()
  const processor = processorOf({ scales, dimension: 2 })
  const last = processor.processPoints([1, 1, 2, 2])
  const closed = processor.close()
  await expect(processor.processPoints([1, 1])).rejects.toMatchObject({ code: 'CANCELLED' })
  expect((await last).get('often')!.length).toBe(0)
  await closed
  await processor.close()
  expect(nativeAddon().liveHandles()).toBe(before)
})
