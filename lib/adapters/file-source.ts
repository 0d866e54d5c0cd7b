/** A CSV file as the source of a pipeline: one partition, never committed, read from its start to its end. */
import type { MeshEvent, Subscription } from '../mesh/event-mesh.js'
import type { CsvFile } from './csv-file.js'
import { fileRecords } from './file-records.js'

/** `progress` hears after every batch. Batches are as long as `recordsMax` says, so they are the same on every run. */
export function fileSource(file: CsvFile, progress: () => void): Subscription {
  async function* events({
    recordsMax,
    signal
  }: {
    recordsMax: number
    signal: AbortSignal
  }): AsyncGenerator<MeshEvent> {
    yield { kind: 'assigned', partitions: [{ partition: 0, low: 0, resume: 0, committed: null }] }
    for await (const records of fileRecords(file, recordsMax)) {
      if (signal.aborted) return
      yield { kind: 'records', records }
      progress()
    }
  }
  return {
    events,
    commit: (next) => Promise.resolve(new Set(next.keys())),
    lag: () => Promise.resolve(new Map<number, number>()),
    close: () => Promise.resolve()
  }
}
