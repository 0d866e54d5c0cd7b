/** Records of JSON: one object is one point, an array of objects is one point each. Field paths are compiled once. */
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
import { compileFieldPath, readNumber, show, type Refusal } from './scalars.js'

type PointReader = (record: MeshRecord, point: unknown, index: number, into: PointCollector) => Refusal | null

export function jsonReader(input: InputConfig): RecordReader {
  const readPoint = pointReader(input)
  return (record, into) => {
    if (record.value === null || record.value.length === 0) {
      return { reason: 'empty', message: 'the record has no value' }
    }
    const text = textOf(record.value)
    if (text === undefined) return { reason: 'unparsable', message: 'the value is not UTF-8 text' }
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (error) {
      return { reason: 'unparsable', message: `the value is not JSON: ${(error as SyntaxError).message}` }
    }
    if (!Array.isArray(value)) return readPoint(record, value, 0, into)
    if (value.length === 0) return { reason: 'empty', message: 'the value is an empty array' }
    for (let index = 0; index < value.length; index++) {
      const refusal = readPoint(record, value[index], index, into)
      if (refusal !== null) return { ...refusal, message: `point ${index}: ${refusal.message}` }
    }
    return null
  }
}

function pointReader(input: InputConfig): PointReader {
  const names = input.channels
  const channels = names.map(compileFieldPath)
  const stream = streamReader(input)
  const timestamp = timestampReader(input)
  return (record, point, index, into) => {
    if (typeof point !== 'object' || point === null || Array.isArray(point)) {
      return { reason: 'unparsable', message: `the value is ${show(point)}, expected a JSON object` }
    }
    const row = into.nextRow()
    for (let c = 0; c < channels.length; c++) {
      const found = channels[c]!(point)
      const value = typeof found === 'number' && Number.isFinite(found) ? found : readNumber(found, names[c]!)
      if (typeof value !== 'number') return value
      into.values[row + c] = value
    }
    const name = stream(record, point)
    if (typeof name !== 'string') return name
    const time = timestamp(record, point)
    if (typeof time !== 'number') return time
    into.add(record, name, time, index)
    return null
  }
}

function streamReader(input: InputConfig): (record: MeshRecord, point: unknown) => string | Refusal {
  if (input.stream.from === 'key') return streamFromKey
  const field = required(input.stream.field, 'input.stream.field')
  const read = compileFieldPath(field)
  return (_record, point) => streamFromField(read(point), field)
}

function timestampReader(input: InputConfig): (record: MeshRecord, point: unknown) => number | Refusal {
  if (input.timestamp.from === 'none') return () => NaN
  if (input.timestamp.from === 'record') return recordTimestamp
  const field = required(input.timestamp.field, 'input.timestamp.field')
  const read = compileFieldPath(field)
  const { unit } = input.timestamp
  return (_record, point) => readTimestamp(read(point), unit, field)
}
