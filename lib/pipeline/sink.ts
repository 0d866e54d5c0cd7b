/** Where results go. The pipeline does not know what is behind it: topics of a mesh, a file, a test. */
import type { RejectedRecord } from '../adapters/decoder.js'
import type { Config } from '../config/schema.js'
import type { EventMesh, OutgoingRecord } from '../mesh/event-mesh.js'
import { deadLetter } from '../publishers/dead-letters.js'

export interface Sink {
  /**
   * Resolves when every update is safely out. Called once at a time; the updates of a stream come in their order.
   * A rejection ends the pipeline: what was not committed is repeated after a restart.
   */
  publish(updates: readonly OutgoingRecord[]): Promise<void>
  /** The same for records that could not be used. */
  reject(records: readonly RejectedRecord[]): Promise<void>
}

/** Publishes to the output topic and the dead letter topic. */
export function meshSink(
  mesh: Pick<EventMesh, 'publish'>,
  { output, publish }: Pick<Config, 'output' | 'publish'>
): Sink {
  const letter = (record: RejectedRecord): OutgoingRecord => deadLetter(record, publish.maxBytes)
  return {
    publish: (updates) => mesh.publish(output.topic, updates),
    reject: (records) => mesh.publish(output.deadLetterTopic, records.map(letter))
  }
}
