/**
 * A CSV file as a log: the first line names the columns, every further row is one record with its row number, from 0,
 * as offset. Here rows are only told apart; their fields are read by `csv-reader.ts`, as for records of a broker, so a
 * row that makes no sense is a dead letter and not the end of the file.
 *
 *   (F1) A row ends at a line break outside of double quotes; CRLF is a line break, blank lines are no rows.
 *   (F2) Memory is bounded: one chunk of the file, and one row of at most ROW_BYTES_MAX.
 * What cannot be told apart any more (a longer row, a quote that is never closed) ends the reading with FILE and the
 * number of the line. Cost: about 0.1 us per row.
 */
import { open, type FileHandle } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { fileError } from '../config/file-error.js'
import { TdaError } from '../errors.js'
import { splitCsv } from './csv-reader.js'
import { decimal } from './scalars.js'

/** Longest row. */
export const ROW_BYTES_MAX = 1 << 20

const QUOTE = 0x22
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const SPACE = 0x20
const TAB = 0x09

export interface CsvFile {
  /** As given on the command line; `stdin` for `-`. */
  readonly path: string
  /** The file's name without folder and extension: what names its stream. */
  readonly name: string
  readonly columns: readonly string[]
  /** Size in bytes, where the file has one. */
  readonly bytes: number | null
  /** Bytes taken from the file so far. */
  bytesRead(): number
  /** The rows in order, in lists of 1 to a few thousand. Can be read once. */
  rows(): AsyncGenerator<Buffer[], void, undefined>
}

/**
 * Opens a CSV file, or standard input for `-`, reads its header, and closes it when `work` is done.
 * @throws {TdaError} FILE when it cannot be read, is empty, is no text, or its first line names no columns.
 */
export async function withCsv<T>(
  path: string,
  stdin: AsyncIterable<Uint8Array>,
  work: (file: CsvFile) => Promise<T>
): Promise<T> {
  if (path === '-') return work(await csvFile('stdin', 'stdin', null, stdin))
  const handle = await openFile(path)
  const source = handle.createReadStream({ autoClose: false })
  try {
    const { size } = await handle.stat() // 0 for a pipe
    return await work(await csvFile(path, basename(path, extname(path)), size > 0 ? size : null, source))
  } finally {
    source.destroy()
    await handle.close()
  }
}

async function openFile(path: string): Promise<FileHandle> {
  let handle
  try {
    handle = await open(path)
    if (!(await handle.stat()).isDirectory()) return handle
  } catch (cause) {
    throw fileError(`cannot read ${path}`, cause)
  }
  await handle.close()
  throw new TdaError('FILE', `cannot read ${path}: it is a directory`)
}

async function csvFile(
  path: string,
  name: string,
  bytes: number | null,
  source: AsyncIterable<Uint8Array>
): Promise<CsvFile> {
  const splitter = new RowSplitter(path)
  const lists = rowLists(path, source, splitter)
  const first = await lists.next()
  if (first.done === true)
    throw new TdaError('FILE', `${path} is empty; expected a first line with column names`)
  const columns = header(path, first.value[0]!)
  return {
    path,
    name,
    columns,
    bytes,
    bytesRead: () => splitter.bytes,
    async *rows() {
      if (first.value.length > 1) yield first.value.slice(1)
      yield* lists
    }
  }
}

async function* rowLists(
  path: string,
  source: AsyncIterable<Uint8Array>,
  splitter: RowSplitter
): AsyncGenerator<Buffer[], void, undefined> {
  try {
    for await (const chunk of source) {
      const rows = splitter.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
      if (rows.length > 0) yield rows
    }
  } catch (cause) {
    throw cause instanceof TdaError ? cause : fileError(`cannot read ${path}`, cause)
  }
  const rows = splitter.end()
  if (rows.length > 0) yield rows
}

function header(path: string, row: Buffer): string[] {
  const problem = (what: string): TdaError =>
    new TdaError('FILE', `${path}: ${what}; expected a first line with column names`)
  const text = row.toString('utf8')
  if (/[^\P{Cc}\t\n\r]|\ufffd/u.test(text)) throw problem('the first line has bytes that are no text')
  const [columns] = splitCsv(text) ?? []
  if (columns === undefined) throw problem('the quotes of the first line do not match')
  if (columns.every((column) => decimal(column) !== undefined))
    throw problem('the first line has numbers only')
  const twice = columns.find((column, i) => column !== '' && columns.indexOf(column) < i)
  if (twice !== undefined) throw new TdaError('FILE', `${path}: two columns are named "${twice}"`)
  return columns
}

/** Cuts chunks into rows. */
class RowSplitter {
  readonly #path: string
  #rest: Buffer = Buffer.alloc(0)
  /** Whether a quote is open at the end of the rest. */
  #quoted = false
  #line = 1
  bytes = 0

  constructor(path: string) {
    this.#path = path
  }

  push(chunk: Buffer): Buffer[] {
    const start = this.bytes === 0 && chunk.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0
    this.bytes += chunk.length
    const data = this.#rest.length === 0 ? chunk.subarray(start) : Buffer.concat([this.#rest, chunk])
    const rows: Buffer[] = []
    let from = 0
    let quote = position(data, QUOTE, this.#rest.length)
    let lineEnd = position(data, LINE_FEED, this.#rest.length)
    while (lineEnd < data.length || quote < data.length) {
      if (quote < lineEnd) {
        this.#quoted = !this.#quoted
        quote = position(data, QUOTE, quote + 1)
        continue
      }
      if (!this.#quoted) {
        this.#check(lineEnd - from)
        addRow(rows, data.subarray(from, lineEnd))
        from = lineEnd + 1
      }
      this.#line++
      lineEnd = position(data, LINE_FEED, lineEnd + 1)
    }
    // A copy, so that a few bytes do not keep a whole chunk.
    this.#rest = Buffer.from(data.subarray(from))
    this.#check(this.#rest.length)
    return rows
  }

  /** The last row, where the file does not end with a line break. */
  end(): Buffer[] {
    if (this.#quoted) this.#fail('a quoted field is not closed')
    const rows: Buffer[] = []
    addRow(rows, this.#rest)
    return rows
  }

  #check(length: number): void {
    if (length <= ROW_BYTES_MAX) return
    this.#fail(this.#quoted ? 'a quoted field is not closed' : `a row is longer than ${ROW_BYTES_MAX} bytes`)
  }

  #fail(what: string): never {
    throw new TdaError('FILE', `${this.#path}:${this.#line}: ${what}; correct the file`)
  }
}

/** Where the byte is from `from` on; beyond the end when it is not there. */
function position(data: Buffer, byte: number, from: number): number {
  const at = data.indexOf(byte, from)
  return at < 0 ? data.length : at
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

/** Adds the row without the CR of its line break, unless it is blank. */
function addRow(rows: Buffer[], row: Buffer): void {
  const end = row.at(-1) === CARRIAGE_RETURN ? row.length - 1 : row.length
  for (let i = 0; i < end; i++) {
    if (row[i] === SPACE || row[i] === TAB) continue
    rows.push(row.subarray(0, end))
    return
  }
}
