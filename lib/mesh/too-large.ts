/** Records that no broker takes as they are: an error that names them, so that the rest can go out without them. */
import { TdaError } from '../errors.js'
import type { OutgoingRecord } from './event-mesh.js'

class Refused extends Error {
  readonly records: ReadonlySet<OutgoingRecord>

  constructor(records: ReadonlySet<OutgoingRecord>) {
    super('longer than the broker, the topic or the client takes')
    this.records = records
  }
}

export function tooLargeError(what: string, records: ReadonlySet<OutgoingRecord>): TdaError {
  const bytes = Math.max(0, ...[...records].map(({ value }) => value?.length ?? 0))
  const advice = 'raise max.message.bytes of the topic, or lower publish.maxBytes'
  const text = `${what}: ${records.size} records of up to ${bytes} bytes are longer than it takes; ${advice}`
  return new TdaError('MESSAGE_TOO_LARGE', text, { cause: new Refused(records) })
}

/** The records an error names; empty where it names none. */
export function recordsTooLarge(error: unknown): ReadonlySet<OutgoingRecord> {
  if (!(error instanceof TdaError) || !(error.cause instanceof Refused)) return new Set()
  return error.cause.records
}
