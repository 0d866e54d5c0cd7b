import type { OutgoingRecord } from '../mesh/event-mesh.js'

/** Bytes of keys and values, for limits. Texts count by their length. */
export function bytesOf(records: readonly OutgoingRecord[]): number {
  let bytes = 0
  for (const { key, value } of records) bytes += (key?.length ?? 0) + (value?.length ?? 0)
  return bytes
}
