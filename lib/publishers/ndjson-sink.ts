/** Results as lines of JSON: updates in one file, dead letters in another (or only counted). */
import { isUtf8 } from 'node:buffer'
import type { RejectedRecord, RejectReason } from '../adapters/decoder.js'
import type { OutgoingRecord } from '../mesh/event-mesh.js'

/** Where lines go; resolves when more may come. */
export type LineWriter = (text: string) => Promise<void>

/** A sink for a pipeline. The value of each update is a line; keys are in the values, so they are not written. */
export class NdjsonSink {
  readonly #updates: LineWriter
  readonly #deadLetters: LineWriter | null
  readonly #rejected = new Map<RejectReason, number>()

  constructor(updates: LineWriter, deadLetters: LineWriter | null) {
    this.#updates = updates
    this.#deadLetters = deadLetters
  }

  /** Records refused so far, by reason. */
  get rejected(): ReadonlyMap<RejectReason, number> {
    return this.#rejected
  }

  async publish(updates: readonly OutgoingRecord[]): Promise<void> {
    await this.#updates(updates.map(({ value }) => `${valueText(value ?? '')}\n`).join(''))
  }

  async reject(records: readonly RejectedRecord[]): Promise<void> {
    for (const { reason } of records) this.#rejected.set(reason, (this.#rejected.get(reason) ?? 0) + 1)
    await this.#deadLetters?.(records.map((one) => `${JSON.stringify(deadLetterLine(one))}\n`).join(''))
  }
}

/** `{reason, message, partition, offset, value}`; in a file, the offset is the row. Bytes that are no text: `valueBase64`. */
function deadLetterLine({ record, reason, message }: RejectedRecord): object {
  const { partition, offset, value } = record
  const bytes = Buffer.from(value ?? [])
  const content = isUtf8(bytes)
    ? { value: bytes.toString('utf8') }
    : { valueBase64: bytes.toString('base64') }
  return { reason, message, partition, offset, ...content }
}

function valueText(value: string | Uint8Array): string {
  if (typeof value === 'string') return value
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8')
}
