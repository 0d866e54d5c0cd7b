/**
 * Dead letters: the original key and value, so that a record can be sent again after repair, with the reason and its
 * origin in headers. The record's own headers come first and are kept. A record too large to be sent again stays where it is.
 *
 * The letter has no timestamp of its own: with the original one, an old record would be gone by retention at once.
 */
import type { RejectedRecord } from '../adapters/decoder.js'
import type { OutgoingRecord } from '../mesh/event-mesh.js'

/** Longest `tda-message`; what it quotes was cut before. */
const MESSAGE_MAX = 1000
/** Key, value and headers of a record that is passed on: clients and brokers refuse messages from 1 000 000 bytes on. */
const RECORD_BYTES_MAX = 900_000

/**
 * Headers: `tda-reason` (a `RejectReason`), `tda-message` (one line for people), `tda-topic`, `tda-partition`,
 * `tda-offset`, `tda-timestamp` (milliseconds since the epoch, as the log had it). Of a record above
 * RECORD_BYTES_MAX only these and `tda-omitted-bytes`, its size: with our headers no broker might take it, and the
 * stream has to go on. The origin tells where it lies.
 */
export function deadLetter({ record, reason, message }: RejectedRecord): OutgoingRecord {
  const { key, value, headers = [] } = record
  const own: [name: string, value: string][] = [
    ['tda-reason', reason],
    ['tda-message', oneLine(message)],
    ['tda-topic', record.topic],
    ['tda-partition', String(record.partition)],
    ['tda-offset', String(record.offset)],
    ['tda-timestamp', String(record.timestamp)]
  ]
  const bytes = headers.reduce(
    (sum, header) => header.reduce((length, text) => length + Buffer.byteLength(text), sum),
    (key?.length ?? 0) + (value?.length ?? 0)
  )
  if (bytes <= RECORD_BYTES_MAX) return { key, value, headers: [...headers, ...own] }
  return { key: null, value: null, headers: [...own, ['tda-omitted-bytes', String(bytes)]] }
}

function oneLine(message: string): string {
  return message.replace(/\p{Cc}+/gu, ' ').slice(0, MESSAGE_MAX)
}
