/** What the readers of all formats share: bytes to text, the stream's name, the record's own timestamp. */
import { isUtf8 } from 'node:buffer'
import type { Config } from '../config/schema.js'
import type { MeshRecord } from '../mesh/event-mesh.js'
import type { PointCollector } from './point-collector.js'
import { show, type Refusal } from './scalars.js'

export type InputConfig = Config['input']

/** Adds the points of one record to the collector, or says why not (points added before that are rewound). */
export type RecordReader = (record: MeshRecord, into: PointCollector) => Refusal | null

/** Longest name of a stream, in UTF-16 units: it is repeated in every message. */
export const STREAM_NAME_MAX = 256

/** UTF-8 bytes as text; `undefined` when they are not UTF-8 (two broken keys must not become one stream). */
export function textOf(bytes: Uint8Array): string | undefined {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = buffer.toString('utf8')
  return text.includes('\ufffd') && !isUtf8(buffer) ? undefined : text
}

/** The stream a record belongs to when its key says so. */
export function streamFromKey(record: MeshRecord): string | Refusal {
  if (record.key === null || record.key.length === 0) {
    return { reason: 'missing_key', message: 'the record has no key, and input.stream.from is "key"' }
  }
  const name = textOf(record.key)
  if (name === undefined) return { reason: 'missing_key', message: 'the record key is not UTF-8 text' }
  return name.length <= STREAM_NAME_MAX ? name : tooLong('the record key')
}

/** The stream a field's value names: a text, or a number such as a sensor's number. */
export function streamFromField(found: unknown, field: string): string | Refusal {
  if (typeof found === 'number') return String(found)
  if (typeof found === 'string' && found !== '') {
    return found.length <= STREAM_NAME_MAX ? found : tooLong(`stream field "${field}"`)
  }
  const what = found === undefined || found === '' ? 'missing or empty' : show(found)
  return { reason: 'missing_key', message: `stream field "${field}" is ${what}, expected a text or a number` }
}

function tooLong(what: string): Refusal {
  return { reason: 'missing_key', message: `${what} is longer than ${STREAM_NAME_MAX} characters` }
}

/** The log's own timestamp as event time. */
export function recordTimestamp(record: MeshRecord): number | Refusal {
  if (record.timestamp >= 0 && Number.isFinite(record.timestamp)) return record.timestamp
  return {
    reason: 'bad_timestamp',
    message: 'the record has no timestamp, and input.timestamp.from is "record"'
  }
}

/** The field a setting names; the configuration was validated, so it is there. */
export function required(field: string | undefined, setting: string): string {
  if (field === undefined) throw new TypeError(`${setting} is not set`)
  return field
}
