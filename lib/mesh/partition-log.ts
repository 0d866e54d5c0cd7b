/**
 * One partition's log in memory: records with ascending offsets, the oldest in front.
 *
 *   (I1) Offsets of a partition ascend; `low` is the oldest one retained, `high` the next one to be given. Without
 *        compaction they are consecutive.
 *
 * Cost: O(1) a record appended or dropped, O(log n) to find an offset, O(n) to compact.
 */
import type { MeshRecord } from './event-mesh.js'

/** What a record costs beside its bytes, roughly: an object, a Buffer header, a slot. */
export const RECORD_OVERHEAD_BYTES = 200

/** Mutable, shared between the mesh and its subscriptions. */
export class PartitionLog {
  readonly topic: string
  readonly partition: number
  low = 0
  high = 0
  bytes = 0
  #records: MeshRecord[] = []
  /** Index in `#records` of the oldest; the part before it is dropped in blocks. */
  #head = 0

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  append(record: Omit<MeshRecord, 'topic' | 'partition' | 'offset'>): void {
    const { topic, partition, high } = this
    const placed = { topic, partition, offset: high, ...record }
    this.#records.push(placed)
    this.bytes += sizeOf(placed)
    this.high += 1
  }

  /** At most `count` records from the first whose offset is at least `from`. */
  read(from: number, count: number): MeshRecord[] {
    const start = this.#find((record) => record.offset >= from)
    return this.#records.slice(start, start + count)
  }

  /** Offset of the first record that is not older than `timestampMs`, or `high`. Timestamps need not ascend. */
  offsetAt(timestampMs: number): number {
    for (let i = this.#head; i < this.#records.length; i++) {
      if (this.#records[i]!.timestamp >= timestampMs) return this.#records[i]!.offset
    }
    return this.high
  }

  /** REQUIRES: a record. */
  dropOldest(): void {
    this.bytes -= sizeOf(this.#records[this.#head]!)
    this.#head += 1
    this.low = this.#records[this.#head]?.offset ?? this.high
    if (this.#head * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#head)
      this.#head = 0
    }
  }

  /** Keeps the newest record of each key, and none of keys whose newest has no value. False when all are kept. */
  compact(): boolean {
    const newest = new Map<string, number>()
    const kept = this.#records.slice(this.#head)
    for (const { key, offset } of kept) if (key) newest.set(keyText(key), offset)
    const records = kept.filter(
      ({ key, value, offset }) => !key || (newest.get(keyText(key)) === offset && value !== null)
    )
    if (records.length === kept.length) return false
    this.#records = records
    this.#head = 0
    this.bytes = records.reduce((sum, record) => sum + sizeOf(record), 0)
    this.low = records[0]?.offset ?? this.high
    return true
  }

  /** Index of the first record that answers yes; all behind it do. */
  #find(answers: (record: MeshRecord) => boolean): number {
    let from = this.#head
    let to = this.#records.length
    while (from < to) {
      const middle = (from + to) >>> 1
      if (answers(this.#records[middle]!)) to = middle
      else from = middle + 1
    }
    return from
  }
}

export function sizeOf(record: Pick<MeshRecord, 'key' | 'value'>): number {
  return RECORD_OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0)
}

function keyText(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}
