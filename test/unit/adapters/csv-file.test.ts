import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { ROW_BYTES_MAX, withCsv, type CsvFile } from '../../../lib/adapters/csv-file.js'

function chunks(...parts: (string | Uint8Array)[]): AsyncIterable<Uint8Array> {
  return Readable.from(parts.map((part) => Buffer.from(part as string)))
}

function fromStdin(...parts: (string | Uint8Array)[]): Promise<CsvFile> {
  return withCsv('-', chunks(...parts), (file) => Promise.resolve(file))
}

async function rowsOf(file: CsvFile): Promise<string[]> {
  const rows: string[] = []
  for await (const list of file.rows()) rows.push(...list.map(String))
  return rows
}

test('header and rows, with CRLF, a byte order mark, blank lines, quotes, and no line break at the end', async () => {
  const file = await fromStdin('\ufeffa, "b, c" \r\n1,2\r\n\r\n  \n"x\n""y""",3\r\n4,5')
  expect(file.columns).toEqual(['a', 'b, c'])
  expect([file.path, file.name, file.bytes]).toEqual(['stdin', 'stdin', null])
  expect(await rowsOf(file)).toEqual(['1,2', '"x\n""y""",3', '4,5'])
  expect(file.bytesRead()).toBe(41)
})

test('a header alone has no rows', async () => {
  expect(await rowsOf(await fromStdin('a,b'))).toEqual([])
  expect(await rowsOf(await fromStdin('a,b\n'))).toEqual([])
})

describe('what is no CSV file', () => {
  test.each([
    ['', 'stdin is empty; expected a first line with column names'],
    ['\n \r\n', 'stdin is empty; expected a first line with column names'],
    [
      new Uint8Array([0x00, 0x01, 0x0a]),
      'stdin: the first line has bytes that are no text; expected a first line'
    ],
    [new Uint8Array([0x89, 0x50, 0xff, 0x0a]), 'stdin: the first line has bytes that are no text'],
    ['1,2\n3,4', 'stdin: the first line has numbers only; expected a first line with column names'],
    ['a,b,a\n', 'stdin: two columns are named "a"'],
    ['"a"b,c\n', 'stdin: the quotes of the first line do not match'],
    ['"a,b\n1,2\n', 'stdin:3: a quoted field is not closed; correct the file']
  ])('%p', async (text, message) => {
    await expect(fromStdin(text)).rejects.toMatchObject({
      code: 'FILE',
      message: expect.stringContaining(message)
    })
  })

  test('a quote that is never closed and a row without end are found in bounded memory', async () => {
    const open = await fromStdin('a\n1\n"2\n3\n')
    await expect(rowsOf(open)).rejects.toThrow('stdin:5: a quoted field is not closed')
    const long = 'x'.repeat(ROW_BYTES_MAX + 1)
    await expect(rowsOf(await fromStdin('a\n1\n', long, '\n'))).rejects.toThrow(
      'stdin:3: a row is longer than 1048576 bytes'
    )
    await expect(rowsOf(await fromStdin('a\n', `1\n${long}\n2`))).rejects.toThrow('stdin:3: a row is longer')
    await expect(rowsOf(await fromStdin('a\n1\n', `"${long}`))).rejects.toThrow(
      'stdin:3: a quoted field is not closed'
    )
  })
})

describe('files', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tda-csv-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('a file larger than a chunk, cut at any place', async () => {
    const path = join(folder, 'long.points.csv')
    const rows = Array.from({ length: 20_000 }, (_, i) => `${i},"${i}\n${i}"`)
    await writeFile(path, `a,b\n${rows.join('\n')}\n`)
    await withCsv(path, chunks(), async (file) => {
      expect([file.path, file.name]).toEqual([path, 'long.points'])
      expect(await rowsOf(file)).toEqual(rows)
      expect(file.bytesRead()).toBe(file.bytes)
    })
  })

  test('a file is closed whether it was read or not', async () => {
    const path = join(folder, 'closed.csv')
    await writeFile(path, `a\n${'1\n'.repeat(100_000)}`)
    const open = (): number => readdirSync('/proc/self/fd').length
    const before = existsSync('/proc/self/fd') ? open() : 0
    await withCsv(path, chunks(), () => Promise.resolve())
    await withCsv(path, chunks(), rowsOf)
    await withCsv(path, chunks(), (file) => file.rows().next())
    await expect(withCsv(path, chunks(), () => Promise.reject(new Error('x')))).rejects.toThrow('x')
    if (existsSync('/proc/self/fd')) expect(open()).toBeLessThanOrEqual(before)
  })

  test('what cannot be read', async () => {
    await expect(withCsv(join(folder, 'none.csv'), chunks(), rowsOf)).rejects.toMatchObject({
      code: 'FILE',
      message: `cannot read ${join(folder, 'none.csv')}: no such file or directory`
    })
    await expect(withCsv(folder, chunks(), rowsOf)).rejects.toMatchObject({
      code: 'FILE',
      message: `cannot read ${folder}: it is a directory`
    })
  })

  test('an error while reading is FILE, with its cause', async () => {
    const broken = new Readable({
      read() {
        this.destroy(Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' }))
      }
    })
    await expect(withCsv('-', broken, rowsOf)).rejects.toMatchObject({
      code: 'FILE',
      message: 'cannot read stdin: EIO: i/o error, read'
    })
  })
})

test('law_rows: however the bytes are cut, the rows are those csv-parse sees', async () => {
  const field = fc.oneof(
    fc.constantFrom('1', 'a b', ''),
    fc.constantFrom('"x,y"', '"x\ny"', '"x\r\ny"', '""', '"say ""hi"""')
  )
  const row = fc.array(field, { minLength: 2, maxLength: 4 }).map((fields) => fields.join(','))
  const text = fc
    .tuple(fc.array(row, { minLength: 1, maxLength: 10 }), fc.constantFrom('\n', '\r\n'), fc.boolean())
    .map(([rows, end, last]) => `h,i${end}${rows.join(end)}${last ? end : ''}`)
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(80)), async (csv, cuts) => {
      const bytes = Buffer.from(csv)
      const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length]
      const parts = at.slice(1).map((end, i) => bytes.subarray(at[i], end))
      const rows = await rowsOf(await fromStdin(...parts))
      const options = { record_delimiter: ['\r\n', '\n'], relax_column_count: true }
      expect(rows.flatMap((one) => parse(one, options))).toEqual(parse(csv, options).slice(1))
    }),
    { numRuns: 300 }
  )
})
