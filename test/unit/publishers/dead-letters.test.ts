import { expect, test } from '@jest/globals'
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
  expect(deadLetter({ record, reason: 'unparsable', message: 'not\nJSON \u0007 at all' }, 1000)).toEqual({
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
  const letter = deadLetter({ record, reason: 'empty', message: 'x'.repeat(5000) }, 9000)
  expect(letter).toMatchObject({ key: null, value: null })
  expect(letter.headers?.[1]?.[1]).toHaveLength(1000)
})

test('a letter that would be too long leaves out the value, then the headers, then the key', () => {
  const huge = 'é'.repeat(600)
  const record = { topic: 't', partition: 1, offset: 2, timestamp: 3 }
  const own = [['own', huge]] as const
  const cases = [
    { key: Buffer.from('k'), value: Buffer.from(huge), headers: [['own', 'x']] as const, omitted: 'value' },
    { key: Buffer.from('k'), value: Buffer.from('v'), headers: own, omitted: 'value, headers' },
    { key: Buffer.from(huge), value: null, headers: own, omitted: 'value, headers, key' }
  ]
  for (const { omitted, ...content } of cases) {
    const letter = deadLetter({ record: { ...record, ...content }, reason: 'empty', message: 'm' }, 1000)
    expect(letter.value).toBeNull()
    expect(letter.key).toEqual(omitted.includes('key') ? null : content.key)
    expect(letter.headers?.filter(([name]) => name === 'own')).toHaveLength(omitted === 'value' ? 1 : 0)
    expect(letter.headers).toContainEqual(['tda-omitted', omitted])
    expect(letter.headers).toContainEqual(['tda-offset', '2'])
  }
})
