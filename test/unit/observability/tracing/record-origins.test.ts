import { expect, test } from '@jest/globals'
import type { DiagramUpdate, PersistencePair, PointNumber } from '../../../../lib/diagram.js'
import type { OutgoingRecord } from '../../../../lib/mesh/event-mesh.js'
import { RecordOrigins, type Result } from '../../../../lib/observability/tracing/record-origins.js'

interface UpdateOptions {
  readonly stream?: string
  readonly scale?: string
  readonly partition?: number
  readonly first: number
  readonly last: number
  readonly births?: readonly number[]
  readonly padding?: number
}

/** As the encoder writes it; `test/integration/tracing.test.ts` holds the two together. */
function update({
  stream = 's',
  scale = 'a',
  partition = 0,
  first,
  last,
  births = [],
  padding = 0
}: UpdateOptions): OutgoingRecord {
  const point = (offset: number): PointNumber => [offset, 0]
  const added = births.map((offset): PersistencePair => ({
    id: `0:${offset}.0`,
    dimension: 0,
    birth: 1,
    death: 2,
    birthPoints: [point(offset)],
    deathPoints: [point(offset)]
  }))
  const message: DiagramUpdate = {
    type: 'update',
    stream,
    scale,
    sequence: 7,
    partition,
    window: {
      points: last - first + 1,
      full: true,
      first: point(first),
      last: point(last),
      firstTimestamp: null,
      lastTimestamp: null
    },
    removed: Array.from({ length: padding }, () => '0:0.0'),
    added,
    moved: [],
    features: { pairs: 1 }
  }
  return { key: stream, value: Buffer.from(JSON.stringify(message)) }
}

const named = (result: Result<string> | null): unknown =>
  result && { entered: result.entered, births: result.births }

test('a record enters each scale once, with the first update that reaches it', () => {
  const origins = new RecordOrigins<string>(10, ['a', 'b'])
  origins.add(0, 5, ['s'], 'r5')
  expect(origins.resultOf(update({ first: 0, last: 4 }), 0)).toBeNull()
  expect(named(origins.resultOf(update({ first: 0, last: 9 }), 0))).toEqual({ entered: ['r5'], births: [] })
  expect(origins.resultOf(update({ first: 0, last: 11 }), 0)).toBeNull()
  const other = origins.resultOf(update({ scale: 'b', first: 0, last: 9 }), 0)
  expect(other).toEqual({ stream: 's', scale: 'b', sequence: 7, partition: 0, entered: ['r5'], births: [] })
})

test('a bar leads back to the record where it was born, also later', () => {
  const origins = new RecordOrigins<string>(10, ['a'])
  origins.add(0, 5, ['s'], 'r5')
  origins.add(0, 6, ['s'], 'r6')
  expect(named(origins.resultOf(update({ first: 0, last: 9, births: [6] }), 0))).toEqual({
    entered: ['r5', 'r6'],
    births: ['r6']
  })
  expect(named(origins.resultOf(update({ first: 3, last: 12, births: [5, 11] }), 0))).toEqual({
    entered: [],
    births: ['r5']
  })
})

test('other streams and partitions have nothing to do with it; names may hold anything', () => {
  const name = 'a "stream" \\ with, {"signs"}: é'
  const origins = new RecordOrigins<string>(10, ['a'])
  origins.add(1, 5, [name], 'r5')
  expect(origins.resultOf(update({ first: 0, last: 9 }), 0)).toBeNull()
  expect(origins.resultOf(update({ stream: name, partition: 0, first: 0, last: 9 }), 0)).toBeNull()
  expect(named(origins.resultOf(update({ stream: name, partition: 1, first: 0, last: 9 }), 0))).toEqual({
    entered: ['r5'],
    births: []
  })
})

test('O1, O3: records are forgotten when they have left everywhere, and the oldest when there are too many', () => {
  const origins = new RecordOrigins<string>(2, ['a', 'b'])
  origins.add(0, 5, ['s'], 'r5')
  origins.resultOf(update({ scale: 'a', first: 6, last: 9 }), 0)
  expect(origins.size).toBe(1)
  origins.resultOf(update({ scale: 'b', first: 6, last: 9 }), 0)
  expect(origins.size).toBe(0)
  for (const offset of [10, 11, 12]) origins.add(0, offset, ['s'], `r${offset}`)
  expect(origins.size).toBe(2)
  expect(named(origins.resultOf(update({ first: 10, last: 12 }), 0))).toEqual({
    entered: ['r11', 'r12'],
    births: []
  })
  origins.add(0, 13, [], 'refused')
  expect(origins.size).toBe(2)
})

test('reading bars is limited in bytes a second; entering is not', () => {
  const origins = new RecordOrigins<string>(10, ['a'])
  origins.add(0, 5, ['s'], 'r5')
  const large = (last: number): OutgoingRecord => update({ first: 0, last, births: [5], padding: 10_000 })
  expect(named(origins.resultOf(large(9), 0))).toEqual({ entered: ['r5'], births: ['r5'] })
  expect(origins.resultOf(large(10), 0)).toBeNull()
  origins.add(0, 11, ['s'], 'r11')
  expect(named(origins.resultOf(large(12), 0))).toEqual({ entered: ['r11'], births: [] })
  expect(named(origins.resultOf(large(13), 2000))).toEqual({ entered: [], births: ['r5'] })
})

test('it looks at results while a record waits to enter, or when bars may be read again', () => {
  const origins = new RecordOrigins<string>(10, ['a'])
  expect(origins.isLooking(0)).toBe(false)
  origins.add(0, 5, ['s'], 'r5')
  const large = (last: number): OutgoingRecord => update({ first: 0, last, padding: 15_000 })
  origins.resultOf(large(9), 0)
  expect(origins.isLooking(0)).toBe(false)
  origins.add(0, 11, ['s'], 'r11')
  expect(origins.isLooking(0)).toBe(true)
  origins.resultOf(large(12), 0)
  expect(origins.isLooking(0)).toBe(false)
  expect(origins.isLooking(2000)).toBe(true)
})

test('snapshots, other texts, other keys and no value are no results', () => {
  const origins = new RecordOrigins<string>(10, ['a'])
  origins.add(0, 5, ['s'], 'r5')
  expect(origins.resultOf({ key: 's', value: '{"type":"snapshot"}' }, 0)).toBeNull()
  expect(origins.resultOf({ key: 's', value: 'nonsense' }, 0)).toBeNull()
  expect(origins.resultOf({ key: 's', value: null }, 0)).toBeNull()
  expect(origins.resultOf({ key: Buffer.from('s'), value: 'x' }, 0)).toBeNull()
})
