/**
 * Dead letters: the original key and value, so that a record can be sent again after repair, with the reason and its
 * origin in headers. The record's own headers come first and are kept.
 *
 * The letter has no timestamp of its own: with the original one, an old record would be gone by retention at once.
 */
import type { RejectedRecord } from '../adapters/decoder.js'
import type { OutgoingRecord } from '../mesh/event-mesh.js'

/** Longest `tda-message`; what it quotes was cut before. */
const MESSAGE_MAX = 1000

/**
 * Headers: `tda-reason` (a `RejectReason`), `tda-message` (one line for people), `tda-topic`, `tda-partition`,
 * `tda-offset`, `tda-timestamp` (milliseconds since the epoch, as the log had it).
 */
export function deadLetter({ record, reason, message }: RejectedRecord): OutgoingRecord {
  return {
    key: record.key,
    value: record.value,
    headers: [
      ...(record.headers ?? []),
      ['tda-reason', reason],
      ['tda-message', oneLine(message)],
      ['tda-topic', record.topic],
      ['tda-partition', String(record.partition)],
      ['tda-offset', String(record.offset)],
      ['tda-timestamp', String(record.timestamp)]
    ]
  }
}

function oneLine(message: string): string {
  return message.replace(/\p{Cc}+/gu, ' ').slice(0, MESSAGE_MAX)
}
