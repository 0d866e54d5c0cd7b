import { expect, test } from '@jest/globals'
import { withCsv, type CsvFile } from '../../../lib/adapters/csv-file.js'
import { readSeries } from '../../../lib/adapters/csv-series.js'
import { fileRecords } from '../../../lib/adapters/file-records.js'
import { fileSource } from '../../../lib/adapters/file-source.js'
import { chooseColumn } from '../../../lib/adapters/numeric-column.js'
import type { MeshEvent } from '../../../lib/mesh/event-mesh.js'
import { configWith } from '../../support/config.js'
import { fakeTerminal } from '../../support/fake-terminal.js'

function csv(text: string): Promise<CsvFile> {
  return withCsv('-', fakeTerminal({ input: text }).stdin, (file) => Promise.resolve(file))
}

const READINGS = `t,id,a,b
1,x,1,10
2,y,2,20
3,x,oops,30
4,x,4,40
5,y,NaN,50
`

test('the series of each stream, with the rows they come from, and what could not be used', async () => {
  const config = configWith({
    channels: ['b', 'a'],
    stream: { from: 'field', field: 'id' },
    timestamp: { from: 'field', field: 't', unit: 's' }
  })
  let steps = 0
  const read = await readSeries(
    await csv(READINGS),
    { ...config, pipeline: { ...config.pipeline, recordsMax: 2 } },
    () => steps++
  )
  expect([steps, read.rows, [...read.rejected]]).toEqual([
    3,
    5,
    [
      ['unparsable', 1],
      ['non_finite', 1]
    ]
  ])
  expect(read.series).toEqual([
    {
      stream: 'x',
      count: 2,
      channels: 2,
      values: Float64Array.of(10, 1, 40, 4),
      timestamps: Float64Array.of(1000, 4000),
      offsets: Float64Array.of(0, 3),
      indices: new Uint32Array(2)
    },
    {
      stream: 'y',
      count: 1,
      channels: 2,
      values: Float64Array.of(20, 2),
      timestamps: Float64Array.of(2000),
      offsets: Float64Array.of(1),
      indices: new Uint32Array(1)
    }
  ])
})

test('without a stream field, the file is one stream named after it', async () => {
  const { series } = await readSeries(await csv('a\n1\n2\n'), configWith({ channels: ['a'] }), () => {})
  expect(series.map(({ stream, count, timestamps }) => [stream, count, timestamps])).toEqual([
    ['stdin', 2, null]
  ])
})

test('a column the file does not have is an error of the configuration', async () => {
  await expect(
    readSeries(await csv('a\n1\n'), configWith({ channels: ['c'] }), () => {})
  ).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: 'the configuration needs a CSV column "c"; there are a'
  })
})

test('rows become records in lists of one length', async () => {
  const lists = []
  for await (const records of fileRecords(await csv('a\n1\n2\n3\n'), 2)) lists.push(records)
  expect(lists.map((records) => records.map(({ offset, value }) => [offset, String(value)]))).toEqual([
    [
      [0, '1'],
      [1, '2']
    ],
    [[2, '3']]
  ])
  expect(lists[0]![0]).toMatchObject({ topic: 'file', partition: 0, timestamp: -1 })
  expect(String(lists[0]![0]!.key)).toBe('stdin')
})

test('a file is a source with one partition that ends, or stops when asked to', async () => {
  const events = async (stopAfter: number): Promise<MeshEvent['kind'][]> => {
    const kinds: MeshEvent['kind'][] = []
    const abort = new AbortController()
    const source = fileSource(await csv('a\n1\n2\n3\n'), () => {})
    for await (const { kind } of source.events({ recordsMax: 1, lingerMs: 0, signal: abort.signal })) {
      kinds.push(kind)
      if (kinds.length === stopAfter) abort.abort()
    }
    await source.commit(new Map([[0, 1]]))
    expect((await source.lag()).size).toBe(0)
    await source.close()
    return kinds
  }
  expect(await events(99)).toEqual(['assigned', 'records', 'records', 'records'])
  expect(await events(2)).toEqual(['assigned', 'records'])
})

test('the column meant is the only numeric one that is no time', async () => {
  const choose = async (text: string, wanted?: string): Promise<string> => {
    const { file, column } = await chooseColumn(await csv(text), wanted)
    const rows = []
    for await (const list of file.rows()) rows.push(...list)
    expect(rows).toHaveLength(text.trim().split('\n').length - 1)
    return column
  }
  expect(
    await choose(
      'timestamp,value\n2014-01-07 02:55:00,1\n2014-01-07 03:00:00,\n2014-01-07 03:00:00,x\n2014-01-07,2\n2014-01-07,3\n'
    )
  ).toBe('value')
  expect(await choose('Time,label,v\n5,a,1\n6,b,2\n')).toBe('v')
  expect(await choose('a,b\n1,2\n', 'b')).toBe('b')
  await expect(choose('a,b\n1,2\n')).rejects.toMatchObject({
    code: 'USAGE',
    message: 'stdin has several numeric columns (a, b); name one with --column NAME, of a, b'
  })
  await expect(choose('a,b\nx,\n')).rejects.toThrow(
    'stdin has no numeric column; name one with --column NAME, of a, b'
  )
  await expect(choose('a,b\n1,2\n', 'c')).rejects.toThrow('stdin has no column "c"; it has a, b')
  await expect(choose('a,b\n')).rejects.toMatchObject({
    code: 'FILE',
    message: 'stdin has a header but no rows'
  })
})
