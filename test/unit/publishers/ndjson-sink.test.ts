import { expect, test } from '@jest/globals'
import { NdjsonSink } from '../../../lib/publishers/ndjson-sink.js'

function collector(): { text: string; write: (text: string) => Promise<void> } {
  const target = {
    text: '',
    write: (text: string): Promise<void> => {
      target.text += text
      return Promise.resolve()
    }
  }
  return target
}

const record = { topic: 'file', partition: 0, offset: 7, key: null, timestamp: -1 }

test('updates and dead letters are lines of JSON', async () => {
  const [updates, letters] = [collector(), collector()]
  const sink = new NdjsonSink(updates.write, letters.write)
  await sink.publish([
    { key: 's', value: '{"a":1}' },
    { key: 's', value: Buffer.from('{"b":"é"}') },
    { key: 's', value: null }
  ])
  expect(updates.text).toBe('{"a":1}\n{"b":"é"}\n\n')
  await sink.reject([
    { record: { ...record, value: Buffer.from('1,"x') }, reason: 'unparsable', message: 'no' },
    { record: { ...record, value: Buffer.from([0xff]) }, reason: 'unparsable', message: 'no' },
    { record: { ...record, value: null }, reason: 'empty', message: 'none' }
  ])
  expect(
    letters.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
  ).toEqual([
    { reason: 'unparsable', message: 'no', partition: 0, offset: 7, value: '1,"x' },
    { reason: 'unparsable', message: 'no', partition: 0, offset: 7, valueBase64: '/w==' },
    { reason: 'empty', message: 'none', partition: 0, offset: 7, value: '' }
  ])
  expect([...sink.rejected]).toEqual([
    ['unparsable', 2],
    ['empty', 1]
  ])
})

test('without a place for dead letters they are counted', async () => {
  const sink = new NdjsonSink(collector().write, null)
  await sink.reject([{ record: { ...record, value: null }, reason: 'empty', message: 'none' }])
  expect([...sink.rejected]).toEqual([['empty', 1]])
})
