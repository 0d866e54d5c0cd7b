import { expect, test } from '@jest/globals'
import type { OutgoingRecord } from '../../../lib/mesh/event-mesh.js'
import { deadLetter } from '../../../lib/publishers/dead-letters.js'

test('a dead letter is the original record with reason and origin in headers', () => {
  const key = Buffer.from('k')
  const value = Buffer.from('{')
  const record = {
    topic: 'points',
    partition: 2,
    offset: 41,
    key,
    value,
    timestamp: 9,
    headers: [['trace', 'a']] as const
  }
  expect(deadLetter({ record, reason: 'unparsable', message: 'not\nJSON \u0007 at all' })).toEqual({
    key,
    value,
    headers: [
      ['trace', 'a'],
      ['tda-reason', 'unparsable'],
      ['tda-message', 'not JSON   at all'],
      ['tda-topic', 'points'],
      ['tda-partition', '2'],
      ['tda-offset', '41'],
      ['tda-timestamp', '9']
    ]
  })
})

test('a record without key, value and headers keeps them absent, and long messages are cut', () => {
  const record = { topic: 't', partition: 0, offset: 0, key: null, value: null, timestamp: -1 }
  const letter = deadLetter({ record, reason: 'empty', message: 'x'.repeat(5000) })
  expect(letter).toMatchObject({ key: null, value: null })
  expect(letter.headers?.[1]?.[1]).toHaveLength(1000)
})

test('a record that no broker would take with our headers stays where it is: its letter says where and how large', () => {
  const [key, headers] = [Buffer.from('k'), [['trace', 'a']] as const]
  const letter = (length: number): OutgoingRecord => {
    const value = Buffer.alloc(length, '{')
    const record = { topic: 'points', partition: 2, offset: 41, key, value, timestamp: 9, headers }
    return deadLetter({ record, reason: 'unparsable', message: 'no' })
  }
  expect(letter(899_993).value).toHaveLength(899_993)
  expect(letter(899_994)).toEqual({
    key: null,
    value: null,
    headers: [
      ['tda-reason', 'unparsable'],
      ['tda-message', 'no'],
      ['tda-topic', 'points'],
      ['tda-partition', '2'],
      ['tda-offset', '41'],
      ['tda-timestamp', '9'],
      ['tda-omitted-bytes', '900001']
    ]
  })
})
