/**
 * Dead letters: the original key and value, so that a record can be sent again after repair, with the reason and its
 * origin in headers. The record's own headers come first and are kept.
 *
 * The letter has no timestamp of its own: with the original one, an old record would be gone by retention at once.
 *
 *   (D1) A letter is never longer than `maxBytes`: the input topic may take records that this producer or topic does
 *        not, and a letter that is refused would end the daemon after every restart. What does not fit is left out,
 *        the value first; the origin says where it still is.
 */
import type { RejectedRecord } from '../adapters/decoder.js'
import type { DiagramMessage } from '../diagram.js'
import type { OutgoingRecord } from '../mesh/event-mesh.js'

/** Longest `tda-message`; what it quotes was cut before. */
const MESSAGE_MAX = 1000

/** What may be left out, in this order. */
const OMISSIBLE = ['value', 'headers', 'key'] as const

/**
 * Headers: `tda-reason` (a `RejectReason`), `tda-message` (one line for people), `tda-topic`, `tda-partition`,
 * `tda-offset`, `tda-timestamp` (milliseconds since the epoch, as the log had it); and `tda-omitted` where the letter
 * would be longer than `maxBytes`: which of value, headers and key of the record are left out.
 */
export function deadLetter(rejected: RejectedRecord, maxBytes: number): OutgoingRecord {
  let letter = letterWithout(rejected, [])
  for (let count = 1; count <= OMISSIBLE.length && bytesOf(letter) > maxBytes; count++) {
    letter = letterWithout(rejected, OMISSIBLE.slice(0, count))
  }
  return letter
}

/**
 * A letter for a result that the output topic does not take: no value, but what it was and where it belongs. Headers:
 * `tda-reason: result_too_large`, `tda-message`, `tda-topic` (of the result), `tda-bytes`, and of the result
 * `tda-stream`, `tda-scale`, `tda-sequence`, `tda-partition` and `tda-last` (offset and index of its newest point).
 */
export function omittedResult({ key, value }: OutgoingRecord, topic: string): OutgoingRecord {
  const place = resultPlace(value)
  const bytes = value?.length ?? 0
  return {
    key,
    value: null,
    headers: [
      ['tda-reason', 'result_too_large'],
      ['tda-message', `a result of ${bytes} bytes is longer than topic "${topic}" takes`],
      ['tda-topic', topic],
      ['tda-bytes', String(bytes)],
      ['tda-stream', place.stream],
      ['tda-scale', place.scale],
      ['tda-sequence', String(place.sequence)],
      ['tda-partition', String(place.partition)],
      ['tda-last', place.last.join(',')]
    ]
  }
}

/** What a result speaks of, read back from its bytes: rare enough to be parsed again. */
export function resultPlace(value: OutgoingRecord['value']): {
  readonly stream: string
  readonly scale: string
  readonly partition: number
  readonly sequence: number
  readonly last: readonly number[]
} {
  const text = typeof value === 'string' ? value : Buffer.from(value ?? []).toString()
  const { stream, scale, partition, sequence, window } = JSON.parse(text) as DiagramMessage
  return { stream, scale, partition, sequence, last: window.last }
}

/** The input partition a letter speaks of. */
export function letterPartition({ headers = [] }: OutgoingRecord): number {
  // The record's own headers come first.
  return Number(headers.findLast(([name]) => name === 'tda-partition')?.[1])
}

/** The same letter with its value left out, for a dead letter topic that does not take it. */
export function withoutValue({ key, headers = [] }: OutgoingRecord): OutgoingRecord {
  return { key, value: null, headers: [...headers, ['tda-omitted', 'value']] }
}

function letterWithout(
  { record, reason, message }: RejectedRecord,
  omitted: readonly (typeof OMISSIBLE)[number][]
): OutgoingRecord {
  return {
    key: omitted.includes('key') ? null : record.key,
    value: omitted.includes('value') ? null : record.value,
    headers: [
      ...(omitted.includes('headers') ? [] : (record.headers ?? [])),
      ['tda-reason', reason],
      ['tda-message', oneLine(message)],
      ['tda-topic', record.topic],
      ['tda-partition', String(record.partition)],
      ['tda-offset', String(record.offset)],
      ['tda-timestamp', String(record.timestamp)],
      ...(omitted.length > 0 ? [['tda-omitted', omitted.join(', ')] as const] : [])
    ]
  }
}

function bytesOf({ key, value, headers = [] }: OutgoingRecord): number {
  const bytes = (key?.length ?? 0) + (value?.length ?? 0)
  return headers.reduce((sum, [name, text]) => sum + name.length + Buffer.byteLength(text), bytes)
}

function oneLine(message: string): string {
  return message.replace(/\p{Cc}+/gu, ' ').slice(0, MESSAGE_MAX)
}
