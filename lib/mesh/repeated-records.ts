/**
 * librdkafka may hand the last record of a partition over twice when other partitions are added or taken away: it fetches
 * all anew then, from the last record it has noted as handed over, and a record that is handed over at that moment is not noted
 * yet (its check of a record's version and the note of its position are two steps). Such a record is left out here. One that
 * differs, even by its timestamp alone, is of another log, and is let through.
 */
import type { MeshRecord } from './event-mesh.js'

export class LastRecords {
  readonly #last = new Map<number, Pick<MeshRecord, 'offset' | 'timestamp'>>()

  /** The records without those that came last. Records of a partition come in runs. O(records). */
  fresh<T extends readonly MeshRecord[]>(records: T): T | MeshRecord[] {
    let repeated: Set<MeshRecord> | null = null
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!
      const { partition } = record
      if (records[i - 1]?.partition !== partition && this.#isLast(record))
        (repeated ??= new Set()).add(record)
      if (records[i + 1]?.partition !== partition) {
        this.#last.set(partition, { offset: record.offset, timestamp: record.timestamp })
      }
    }
    return repeated === null ? records : records.filter((record) => !repeated.has(record))
  }

  /** Whoever gets these partitions anew may read them from anywhere. */
  forget(partitions: readonly number[]): void {
    for (const partition of partitions) this.#last.delete(partition)
  }

  #isLast({ partition, offset, timestamp }: MeshRecord): boolean {
    const last = this.#last.get(partition)
    return last !== undefined && last.offset === offset && last.timestamp === timestamp
  }
}
