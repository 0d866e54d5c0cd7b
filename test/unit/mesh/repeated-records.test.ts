import { expect, test } from '@jest/globals'
import type { MeshRecord } from '../../../lib/mesh/event-mesh.js'
import { LastRecords } from '../../../lib/mesh/repeated-records.js'

const record = (partition: number, offset: number, timestamp = offset): MeshRecord => ({
  topic: 't',
  partition,
  offset,
  key: null,
  value: null,
  timestamp
})

test('the last record of a partition is not taken twice, anything else is let through', () => {
  const last = new LastRecords()
  const first = [record(0, 5), record(0, 6), record(1, 6)]
  expect(last.fresh(first)).toBe(first) // As it is: with its columns.
  expect(last.fresh([record(1, 6), record(0, 6), record(0, 7)])).toEqual([record(0, 7)])
  expect(last.fresh([record(1, 6)])).toEqual([]) // However often it comes.
  const older = [record(0, 6), record(1, 5)]
  expect(last.fresh(older)).toBe(older)
  const other = [record(0, 6, 99)]
  expect(last.fresh(other)).toBe(other)
})

test('after partitions were given up they may be read from anywhere', () => {
  const last = new LastRecords()
  last.fresh([record(0, 5)])
  last.forget([0])
  expect(last.fresh([record(0, 5)])).toHaveLength(1)
})
