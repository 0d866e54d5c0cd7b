/**
 * Records of CSV: every line that is not blank is one point, with the fields of `input.columns` in order. Lines without
 * a quote are split by hand; quoted ones go through csv-parse.
 */
import { CsvError, parse } from 'csv-parse/sync'
import { TdaError } from '../errors.js'
import type { MeshRecord } from '../mesh/event-mesh.js'
import { readTimestamp } from './event-time.js'
import type { PointCollector } from './point-collector.js'
import {
  recordTimestamp,
  required,
  streamFromField,
  streamFromKey,
  textOf,
  type InputConfig,
  type RecordReader
} from './record-reader.js'
import { readNumber, type Refusal } from './scalars.js'

type RowReader = (
  record: MeshRecord,
  row: readonly string[],
  index: number,
  into: PointCollector
) => Refusal | null

export function csvReader(input: InputConfig): RecordReader {
  const readRow = rowReader(input)
  return (record, into) => {
    if (record.value === null || record.value.length === 0) {
      return { reason: 'empty', message: 'the record has no value' }
    }
    const text = textOf(record.value)
    if (text === undefined) return { reason: 'unparsable', message: 'the value is not UTF-8 text' }
    const rows = splitCsv(text)
    if (rows === null) return { reason: 'unparsable', message: 'the value is not CSV: quotes do not match' }
    if (rows.length === 0) return { reason: 'empty', message: 'the value has no line' }
    for (let index = 0; index < rows.length; index++) {
      const refusal = readRow(record, rows[index]!, index, into)
      if (refusal !== null)
        return rows.length === 1 ? refusal : { ...refusal, message: `line ${index + 1}: ${refusal.message}` }
    }
    return null
  }
}

/** Fields of each line that is not blank, without the blanks around them; `null` where quotes do not match. */
export function splitCsv(text: string): string[][] | null {
  if (!text.includes('"')) return plainRows(text)
  try {
    const options = {
      record_delimiter: ['\r\n', '\n'],
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true
    }
    return parse(text, options)
  } catch (error) {
    if (error instanceof CsvError) return null
    throw error
  }
}

function plainRows(text: string): string[][] {
  const rows: string[][] = []
  for (const line of text.split('\n')) {
    if (line.trim() !== '') rows.push(line.split(',').map(trimmed))
  }
  return rows
}

function trimmed(field: string): string {
  return field.trim()
}

function rowReader(input: InputConfig): RowReader {
  const columns = input.columns ?? []
  const column = (name: string): number => {
    const at = columns.indexOf(name)
    if (at >= 0) return at
    const known = columns.length === 0 ? 'none are named' : `there are ${columns.join(', ')}`
    throw new TdaError('CONFIG_INVALID', `the configuration needs a CSV column "${name}"; ${known}`)
  }
  const names = input.channels
  const channels = names.map(column)
  const stream = streamReader(input, column)
  const timestamp = timestampReader(input, column)
  return (record, row, index, into) => {
    if (row.length !== columns.length) {
      const expected = `${columns.length} (${columns.join(', ')})`
      return { reason: 'wrong_dimension', message: `${row.length} fields, expected ${expected}` }
    }
    const at = into.nextRow()
    for (let c = 0; c < channels.length; c++) {
      const value = readNumber(row[channels[c]!], names[c]!)
      if (typeof value !== 'number') return value
      into.values[at + c] = value
    }
    const name = stream(record, row)
    if (typeof name !== 'string') return name
    const time = timestamp(record, row)
    if (typeof time !== 'number') return time
    into.add(record, name, time, index)
    return null
  }
}

function streamReader(
  input: InputConfig,
  column: (name: string) => number
): (record: MeshRecord, row: readonly string[]) => string | Refusal {
  if (input.stream.from === 'key') return streamFromKey
  const field = required(input.stream.field, 'input.stream.field')
  const at = column(field)
  return (_record, row) => streamFromField(row[at]!, field)
}

function timestampReader(
  input: InputConfig,
  column: (name: string) => number
): (record: MeshRecord, row: readonly string[]) => number | Refusal {
  if (input.timestamp.from === 'none') return () => NaN
  if (input.timestamp.from === 'record') return recordTimestamp
  const field = required(input.timestamp.field, 'input.timestamp.field')
  const at = column(field)
  const { unit } = input.timestamp
  return (_record, row) => readTimestamp(row[at]!, unit, field)
}
