/** Rows of a CSV file as records of a log with one partition, so that they take the way of every other record. */
import type { Config } from '../config/schema.js'
import type { MeshRecord } from '../mesh/event-mesh.js'
import type { CsvFile } from './csv-file.js'

/** What the records of a file say as their topic. */
export const FILE_TOPIC = 'file'

/** The configuration for reading this file: its header names the columns, whatever the format of the broker's records. */
export function configForFile(config: Config, file: CsvFile): Config {
  return { ...config, input: { ...config.input, format: 'csv', columns: [...file.columns] } }
}

/**
 * The rows as records in lists of `recordsMax` (the last one shorter): the offset is the row number from 0, the key the
 * name of the file, which names the stream where the configuration takes it from the key.
 */
export async function* fileRecords(
  file: CsvFile,
  recordsMax: number
): AsyncGenerator<MeshRecord[], void, undefined> {
  const key = Buffer.from(file.name)
  let offset = 0
  let records: MeshRecord[] = []
  for await (const rows of file.rows()) {
    for (const value of rows) {
      records.push({ topic: FILE_TOPIC, partition: 0, offset, key, value, timestamp: -1 })
      offset++
      if (records.length < recordsMax) continue
      yield records
      records = []
    }
  }
  if (records.length > 0) yield records
}
