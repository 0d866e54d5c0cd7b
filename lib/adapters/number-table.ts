/**
 * Files of numbers as point clouds and distance matrices: fields separated by semicolons, commas, tabs or blanks
 * (whichever of these, in this order, the line has), with or without a line of names.
 */
import { TdaError } from '../errors.js'
import { splitCsv } from './csv-reader.js'
import type { RejectReason } from './decoder.js'
import { isNumericColumn } from './numeric-column.js'
import { readNumber } from './scalars.js'
import type { TextFile } from './text-lines.js'

/** Most numbers read into memory: 1 GiB. */
const NUMBERS_MAX = 1 << 27
/** Rows that decide which columns are numeric. */
const SAMPLE_ROWS = 1000

/** A cloud: `count` points of `columns.length` coordinates. */
export interface PointTable {
  /** Of the coordinates, in order; numbers from 1 where the file has no names. */
  readonly columns: readonly string[]
  readonly count: number
  /** Point by point. */
  readonly values: Float64Array
  /** Row of each point, from 0, without the line of names. */
  readonly rows: Float64Array
  readonly rowsRead: number
  /** Rows that could not be used, by reason. */
  readonly rejected: ReadonlyMap<RejectReason, number>
}

export interface MatrixTable {
  readonly kind: 'lower' | 'full'
  /** The whole matrix, or what is below its diagonal, row by row. */
  readonly numbers: Float64Array
}

/**
 * Reads the points of the columns `wanted`, by name or, where the file has no names, by number from 1; else of all that
 * are numeric and not called a time. `progress` hears after every few thousand rows.
 * @throws {TdaError} FILE when the file cannot be read or has too many numbers, USAGE for columns it does not have.
 */
export async function readPoints(
  file: TextFile,
  wanted: readonly string[] | undefined,
  progress: () => void
): Promise<PointTable> {
  const fields = fieldRows(file)
  const first = await fields.next()
  if (first.done === true) throw new TdaError('FILE', `${file.path} is empty`)
  const named = first.value.some((field) => isName(field))
  const names = named ? first.value : first.value.map((_, i) => String(i + 1))
  const sample = named ? [] : [first.value]
  while (sample.length < SAMPLE_ROWS) {
    const next = await fields.next()
    if (next.done === true) break
    sample.push(next.value)
  }
  const columns = wanted === undefined ? numericColumns(file, names, sample) : columnsOf(file, names, wanted)
  const points = new PointRowsReader(names.length, columns)
  for (const row of sample) points.add(row)
  for await (const row of fields) {
    points.add(row)
    if (points.rowsRead % 4096 !== 0) continue
    if (points.values.length > NUMBERS_MAX) {
      throw new TdaError('FILE', `${file.path} has more than ${NUMBERS_MAX} numbers; use a part of it`)
    }
    progress()
  }
  return points.table(columns.map((column) => names[column]!))
}

/**
 * Reads a distance matrix: as many rows as each has numbers is the whole one; otherwise all numbers together are what
 * lies below the diagonal, row by row, wherever lines end (Ripser's format).
 * @throws {TdaError} FILE when the file cannot be read, has something that is no number, or its numbers make neither.
 */
export async function readMatrix(file: TextFile, progress: () => void): Promise<MatrixTable> {
  const numbers = new GrowingNumbers()
  const lengths: number[] = []
  let zeroDiagonal = true
  for await (const line of file.lines()) {
    const fields = splitter(separatorOf(line))(line)
    if (fields.at(-1) === '') fields.pop()
    lengths.push(fields.length)
    for (const [at, field] of fields.entries()) {
      const length = isInfinite(field) ? Infinity : readNumber(field, `number ${at + 1}`)
      if (typeof length !== 'number')
        throw new TdaError('FILE', `${file.path}: row ${lengths.length}: ${length.message}`)
      numbers.push(length)
    }
    if (numbers.length > NUMBERS_MAX) {
      throw new TdaError('FILE', `${file.path} has more than ${NUMBERS_MAX} numbers; use a part of it`)
    }
    zeroDiagonal &&= numbers.last === 0
    progress()
  }
  if (lengths.every((length) => length === lengths.length)) return { kind: 'full', numbers: numbers.take() }
  if (zeroDiagonal && lengths.every((length, row) => length === row + 1)) {
    throw new TdaError(
      'FILE',
      `${file.path}: row k has k numbers, the last of each 0: leave the diagonal out, a lower triangle starts below it`
    )
  }
  const total = numbers.length
  const points = Math.round((1 + Math.sqrt(1 + 8 * total)) / 2)
  if ((points * (points - 1)) / 2 === total) return { kind: 'lower', numbers: numbers.take() }
  throw new TdaError(
    'FILE',
    `${file.path} is no distance matrix: ${total} numbers in ${lengths.length} rows are neither square nor a triangle`
  )
}

/** The fields of each row that is not blank, separated as in the first one. */
async function* fieldRows(file: TextFile): AsyncGenerator<string[], void, undefined> {
  let split: ((line: string) => string[]) | undefined
  let trailing = false
  for await (const line of file.lines()) {
    if (split === undefined) {
      const separator = separatorOf(line)
      split = splitter(separator)
      trailing = separator !== undefined && line.trimEnd().endsWith(separator)
    }
    const fields = split(line)
    if (trailing && fields.at(-1) === '') fields.pop()
    yield fields
  }
}

function separatorOf(line: string): string | undefined {
  return [';', ',', '\t'].find((character) => line.includes(character))
}

function splitter(separator: string | undefined): (line: string) => string[] {
  if (separator === ',') return (line) => splitCsv(line)?.[0] ?? [line]
  if (separator === ';')
    return (line) => line.split(';').map((field) => field.trim().replace(/^"(.*)"$/, '$1'))
  return (line) => line.trim().split(/\s+/)
}

/** Something that stands for no number, not even for a missing one. */
function isName(field: string): boolean {
  const value = readNumber(field, '')
  return typeof value !== 'number' && value.reason === 'unparsable'
}

function isInfinite(field: string): boolean {
  return /^\+?inf(inity)?$/i.test(field)
}

function numericColumns(file: TextFile, names: readonly string[], sample: readonly string[][]): number[] {
  const columns = names.flatMap((name, i) =>
    isNumericColumn(
      name,
      sample.map((row) => row[i] ?? '')
    )
      ? [i]
      : []
  )
  if (columns.length > 0) return columns
  throw new TdaError('FILE', `${file.path} has no numeric column`)
}

function columnsOf(file: TextFile, names: readonly string[], wanted: readonly string[]): number[] {
  return wanted.map((name) => {
    const column = names.indexOf(name)
    if (column >= 0) return column
    throw new TdaError('USAGE', `${file.path} has no column "${name}"; it has ${names.join(', ')}`)
  })
}

/** Numbers of an unknown count. */
class GrowingNumbers {
  #numbers = new Float64Array(1024)
  length = 0

  push(number: number): void {
    if (this.length === this.#numbers.length) {
      const larger = new Float64Array(2 * this.length)
      larger.set(this.#numbers)
      this.#numbers = larger
    }
    this.#numbers[this.length++] = number
  }

  get last(): number | undefined {
    return this.length === 0 ? undefined : this.#numbers[this.length - 1]
  }

  take(): Float64Array {
    return this.#numbers.slice(0, this.length)
  }

  cut(length: number): void {
    this.length = length
  }
}

class PointRowsReader {
  readonly values = new GrowingNumbers()
  readonly #rows = new GrowingNumbers()
  readonly #rejected = new Map<RejectReason, number>()
  readonly #width: number
  readonly #columns: readonly number[]
  rowsRead = 0

  constructor(width: number, columns: readonly number[]) {
    this.#width = width
    this.#columns = columns
  }

  add(row: readonly string[]): void {
    const reason = row.length === this.#width ? this.#take(row) : 'wrong_dimension'
    if (reason === null) this.#rows.push(this.rowsRead)
    else this.#rejected.set(reason, (this.#rejected.get(reason) ?? 0) + 1)
    this.rowsRead += 1
  }

  /** Takes the coordinates, all or none; the reason where one is no number. */
  #take(row: readonly string[]): RejectReason | null {
    const before = this.values.length
    for (const column of this.#columns) {
      const value = readNumber(row[column]!, '')
      if (typeof value !== 'number') {
        this.values.cut(before)
        return value.reason
      }
      this.values.push(value)
    }
    return null
  }

  table(columns: readonly string[]): PointTable {
    return {
      columns,
      count: this.#rows.length,
      values: this.values.take(),
      rows: this.#rows.take(),
      rowsRead: this.rowsRead,
      rejected: this.#rejected
    }
  }
}
