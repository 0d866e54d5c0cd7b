/** What is written to the state topic is what is read back, and any other byte is noticed. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  chunkKey,
  decodeState,
  encodeChunk,
  encodePartition,
  encodeStream,
  markOf,
  movedMarks,
  PARTITION_KEY,
  streamKey,
  type StreamRecord
} from '../../lib/state/state-records.js'

const offset = fc.maxSafeNat()
const engine = fc.record({ first: offset, emitted: offset, sequence: offset, snapshotDue: fc.boolean() })
const stream: fc.Arbitrary<StreamRecord> = fc.record({
  term: fc.nat(),
  stream: fc.string({ unit: 'binary' }),
  position: offset,
  next: offset,
  first: offset,
  replay: fc.option(fc.record({ arrival: offset, offset, index: fc.nat() })),
  truncated: fc.boolean(),
  since: fc.nat(),
  checkpoint: fc.nat(),
  replaces: fc.nat(),
  scales: fc.dictionary(
    fc.string({ minLength: 1, maxLength: 8 }).filter((name) => name !== '__proto__'),
    engine
  ),
  refused: fc.uniqueArray(offset).map((offsets) => offsets.sort((a, b) => a - b))
})

test('law: a stream comes back as it was written', () => {
  fc.assert(
    fc.property(stream, (record) => {
      const value = encodeStream(record)
      const mark = markOf(value)
      const written = JSON.parse(JSON.stringify(record)) as StreamRecord
      expect(decodeState(streamKey(record.stream), value)).toEqual({ kind: 'stream', record: written, mark })
      expect(markOf(encodeStream({ ...record, term: record.term + 1 }))).not.toBe(mark)
    })
  )
})

test('law: a sum of marks is the same in any order, and without what was taken away', () => {
  const mark = fc.integer({ min: 0, max: 2 ** 48 - 1 })
  fc.assert(
    fc.property(fc.array(mark), mark, mark, (marks, one, other) => {
      const sum = (of: readonly number[]): number => of.reduce((sum, each) => movedMarks(sum, each, 0), 0)
      expect(sum([...marks].reverse())).toBe(sum(marks))
      expect(movedMarks(sum([...marks, one]), other, one)).toBe(sum([other, ...marks]))
    })
  )
})

test('law: points come back bit by bit, with the stream and the arrival number of their key', () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
  const points = fc.record({
    name: fc.string({ unit: 'binary' }),
    from: offset,
    channels: fc.integer({ min: 1, max: 3 }),
    timed: fc.boolean(),
    rows: fc.array(
      fc.record({ values: fc.tuple(finite, finite, finite), t: finite, offset, index: fc.nat() }),
      { minLength: 1 }
    )
  })
  fc.assert(
    fc.property(points, ({ name, from, channels, timed, rows }) => {
      const columns = {
        values: Float64Array.from(rows.flatMap(({ values }) => values.slice(0, channels))),
        timestamps: timed ? Float64Array.from(rows, ({ t }) => t) : null,
        offsets: Float64Array.from(rows, (row) => row.offset),
        indices: Uint32Array.from(rows, ({ index }) => index)
      }
      const decoded = decodeState(chunkKey(name, from), encodeChunk(7, from, columns))
      if (decoded?.kind !== 'chunk') throw new Error('no chunk')
      const { record } = decoded
      expect([record.stream, record.from, record.count, record.term]).toEqual([name, from, rows.length, 7])
      expect(record.read()).toEqual(columns)
    })
  )
})

test('law: a changed or missing byte makes a record nothing', () => {
  const config = { group: 'g', input: 'i', scales: {} }
  const head = {
    term: 3,
    epoch: 1,
    checkpoint: 9,
    position: 12,
    truncated: false,
    streams: 2,
    marks: 4,
    config
  }
  const columns = {
    values: Float64Array.of(1, 2),
    timestamps: null,
    offsets: Float64Array.of(3, 4),
    indices: Uint32Array.of(0, 1)
  }
  const values: (readonly [string, Buffer])[] = [
    [PARTITION_KEY, encodePartition(head)],
    [chunkKey('s', 5), encodeChunk(3, 5, columns)]
  ]
  for (const [key, value] of values) {
    expect(decodeState(key, value)).not.toBeNull()
    for (let at = 0; at < value.length; at++) {
      const damaged = Buffer.from(value)
      damaged[at]! ^= 1 << (at % 8)
      expect(decodeState(key, damaged)).toBeNull()
      expect(decodeState(key, value.subarray(0, at))).toBeNull()
    }
  }
  expect(decodeState('x', encodePartition(head))).toBeNull()
})
