/** Which column of a CSV file is meant when nobody says: the only one with numbers in it that are not times. */
import { TdaError } from '../errors.js'
import type { CsvFile } from './csv-file.js'
import { splitCsv } from './csv-reader.js'
import { decimal } from './scalars.js'

/** Rows looked at. */
const SAMPLE_ROWS = 1000
const TIME_NAME = /^(time|timestamp|date|datetime|ts|epoch)$/i

/**
 * The file with its rows unread, and the column meant: `wanted` where given, else the single numeric one.
 * @throws {TdaError} USAGE when there is no such column, none is numeric, or several are.
 */
export async function chooseColumn(
  file: CsvFile,
  wanted: string | undefined
): Promise<{ file: CsvFile; column: string }> {
  if (wanted !== undefined) {
    if (file.columns.includes(wanted)) return { file, column: wanted }
    throw new TdaError('USAGE', `${file.path} has no column "${wanted}"; it has ${file.columns.join(', ')}`)
  }
  const lists = file.rows()
  const sample: Buffer[] = []
  // As many rows whatever the pieces they come in, or the choice would depend on the speed of a pipe.
  while (sample.length < SAMPLE_ROWS) {
    const next = await lists.next()
    if (next.done === true) break
    sample.push(...next.value)
  }
  if (sample.length === 0) throw new TdaError('FILE', `${file.path} has a header but no rows`)
  const peeked: CsvFile = {
    ...file,
    async *rows() {
      yield sample
      yield* lists
    }
  }
  const table = sample.slice(0, SAMPLE_ROWS).flatMap((row) => splitCsv(row.toString('utf8')) ?? [])
  const numeric = file.columns.filter((name, i) =>
    isNumericColumn(
      name,
      table.map((row) => row[i] ?? '')
    )
  )
  if (numeric.length === 1) return { file: peeked, column: numeric[0]! }
  const found = numeric.length === 0 ? 'no numeric column' : `several numeric columns (${numeric.join(', ')})`
  throw new TdaError(
    'USAGE',
    `${file.path} has ${found}; name one with --column NAME, of ${file.columns.join(', ')}`
  )
}

/** Numbers in most cells, and not called a time (a time in ISO 8601 is no number). A few bad cells do not matter. */
export function isNumericColumn(name: string, cells: readonly string[]): boolean {
  if (TIME_NAME.test(name)) return false
  const filled = cells.filter((cell) => cell !== '')
  const numbers = filled.filter((cell) => decimal(cell) !== undefined)
  return numbers.length * 2 > filled.length
}
