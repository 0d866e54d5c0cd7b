/**
 * A short cut for JSON records of the ordinary shape, one flat object with numbers in it: the core reads the numbers of a
 * whole batch (`native/records/flat_json.h`) where the mesh says where its bytes lie. What is unusual goes the way
 * of every record, through `json-reader.ts`, which alone says what is valid and why not.
 *
 * Cost: about 0.2 us a record of one point; `JSON.parse` and the strings for it took 0.6 us.
 */
import type { MeshRecord, RecordColumns } from '../mesh/event-mesh.js'
import { nativeAddon } from '../native.js'
import { readTimestamp } from './event-time.js'
import type { PointCollector } from './point-collector.js'
import { recordTimestamp, streamFromKey, type InputConfig } from './record-reader.js'

/** Most fields the core looks for (kFlatFieldsMax). */
const FIELDS_MAX = 64

/** Adds the points of record `i`, or says that somebody else has to look at the record; then nothing was added. */
export type FlatReader = (record: MeshRecord, i: number, into: PointCollector) => boolean

/** Makes the reader of one batch; `null` where the configuration needs more than numbers of flat objects. */
export function flatJson(input: InputConfig): ((columns: RecordColumns) => FlatReader) | null {
  const { channels, stream, timestamp } = input
  const timeField = timestamp.from === 'field' ? timestamp.field : undefined
  const names = timeField === undefined ? channels : [...channels, timeField]
  if (input.format !== 'json' || stream.from !== 'key' || names.length > FIELDS_MAX) return null
  if (timeField !== undefined && timestamp.unit === 'iso') return null
  const width = names.length
  return (columns) => {
    const { bytes, keyStarts, keyLengths, valueStarts, valueLengths } = columns
    const { numbers, taken } = nativeAddon().flatJson(bytes, valueStarts, valueLengths, names)
    const keys = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    /** Names of the batch's streams by the bytes of their keys. */
    const streams = new Map<string, string>()
    const nameOf = (record: MeshRecord, i: number): string | null => {
      const key = keys.toString('latin1', keyStarts[i], keyStarts[i]! + Math.max(0, keyLengths[i]!))
      const known = streams.get(key)
      if (known !== undefined) return known
      const name = streamFromKey(record)
      if (typeof name !== 'string') return null
      streams.set(key, name)
      return name
    }
    const timeOf = (record: MeshRecord, at: number): number | null => {
      if (timestamp.from === 'none') return NaN
      const time =
        timeField === undefined
          ? recordTimestamp(record)
          : readTimestamp(numbers[at + width - 1], timestamp.unit, timeField)
      return typeof time === 'number' ? time : null
    }
    return (record, i, into) => {
      if (taken[i] !== 1) return false
      const name = nameOf(record, i)
      const time = timeOf(record, i * width)
      if (name === null || time === null) return false
      const row = into.nextRow()
      for (let c = 0; c < channels.length; c++) into.values[row + c] = numbers[i * width + c]!
      into.add(record, name, time, 0)
      return true
    }
  }
}
