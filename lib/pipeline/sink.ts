/** Where results go at least once: topics of a mesh, a file, a test. */
import type { RejectedRecord } from '../adapters/decoder.js'
import type { Config } from '../config/schema.js'
import type { EventMesh, OutgoingRecord } from '../mesh/event-mesh.js'
import { recordsTooLarge } from '../mesh/too-large.js'
import { deadLetter, omittedResult, withoutValue } from '../publishers/dead-letters.js'

export interface Sink {
  /**
   * Resolves when every update is safely out. Called once at a time; the updates of a stream come in their order.
   * A rejection ends the pipeline: what was not committed is repeated after a restart.
   */
  publish(updates: readonly OutgoingRecord[]): Promise<void>
  /** The same for records that could not be used. */
  reject(records: readonly RejectedRecord[]): Promise<void>
  /** The same for results that `publish` threw MESSAGE_TOO_LARGE for, all others being out. Without it they end the pipeline. */
  omit?(updates: readonly OutgoingRecord[]): Promise<void>
  /** The same for the state of streams. Without it there is none to keep. */
  keep?(state: readonly OutgoingRecord[]): Promise<void>
}

/** The topics an outcome goes to, and how a refused record becomes a letter. */
export interface OutcomeTopics {
  readonly updates: string
  readonly letters: string
  readonly state: string
  readonly letter: (record: RejectedRecord) => OutgoingRecord
}

export function topicsOf({ output, publish }: Pick<Config, 'output' | 'publish'>): OutcomeTopics {
  return {
    updates: output.topic,
    letters: output.deadLetterTopic,
    state: output.stateTopic,
    letter: (record) => deadLetter(record, publish.maxBytes)
  }
}

/** Publishes to the output topic, the dead letter topic and the state topic. */
export function meshSink(mesh: Pick<EventMesh, 'publish'>, config: Pick<Config, 'output' | 'publish'>): Sink {
  const { updates, letters, state, letter } = topicsOf(config)
  const write = async (records: readonly OutgoingRecord[]): Promise<void> => {
    try {
      await mesh.publish(letters, records)
    } catch (error) {
      const tooLarge = recordsTooLarge(error)
      if (tooLarge.size === 0) throw error
      await mesh.publish(letters, [...tooLarge].map(withoutValue))
    }
  }
  return {
    publish: (records) => mesh.publish(updates, records),
    reject: (records) => write(records.map(letter)),
    omit: (records) => write(records.map((record) => omittedResult(record, updates))),
    keep: (records) => mesh.publish(state, records)
  }
}
