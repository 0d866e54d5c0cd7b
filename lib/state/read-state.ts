/**
 * From the records of a state partition to the state of an input partition, or why there is none of use.
 *
 *   (Z1) What comes out is complete: every stream of the last whole checkpoint, with all the points it needs.
 *   (Z2) Records that somebody wrote who had lost the partition are left out: those whose term is smaller than one before
 *        them in the log, removals included. Where compaction has given such a record the place of a good one, (Z1)
 *        fails and nothing is used.
 *   (Z3) A checkpoint that was cut off is no harm: its streams are at a later position, which each of them names, with the
 *        record that they took the place of. They are written again, so that the next checkpoint is theirs. One that came
 *        again after it was whole, and was cut off then, is whole.
 *   (Z4) The records of all streams are those of the last whole checkpoint, by the sum of their marks. Where a former
 *        owner's came between an owner's and compaction removed these, it is another sum; also where a state that was to take
 *        the place of this one was cut off.
 */
import type { MeshRecord } from '../mesh/event-mesh.js'
import type { StoredPoints, StreamState } from '../scales/stream-state.js'
import { configChange, type StateConfig } from './state-config.js'
import {
  decodeState,
  movedMarks,
  PARTITION_KEY,
  streamKey,
  TERM_HEADER,
  type ChunkRecord,
  type PartitionRecord,
  type StateRecord,
  type StreamRecord
} from './state-records.js'

/** What goes on from a state: the next checkpoint continues it. */
export interface KnownState {
  readonly position: number
  readonly truncated: boolean
  readonly streams: readonly StreamState[]
  readonly refused: ReadonlySet<number>
  readonly epoch: number
  readonly checkpoint: number
  readonly marks: number
}

export interface ReadState {
  /** `null`: there is none of use. */
  readonly state: KnownState | null
  /** Why, where there are records. */
  readonly reason: string | null
  /** Largest term of any record; 0 without. */
  readonly term: number
  /** Keys of all records that have a value. */
  readonly keys: readonly string[]
}

/** Reads them all. Cost: memory for all that is stored. */
export async function readState(
  batches: AsyncIterable<readonly MeshRecord[]>,
  config: StateConfig,
  scales: readonly string[]
): Promise<ReadState> {
  // In the order of the log, by the newest record of a key.
  const values = new Map<string, StateRecord | null>()
  let term = 0
  for await (const records of batches) {
    for (const { key, value, headers } of records) {
      if (key === null) continue
      const name = Buffer.from(key).toString()
      if (value === null) {
        const removed = Number(headers?.find(([name]) => name === TERM_HEADER)?.[1] ?? term)
        if (removed < term) continue // Z2
        term = removed
        values.delete(name)
        continue
      }
      const decoded = decodeState(name, value)
      if (decoded && decoded.record.term < term) continue // Z2
      if (decoded) term = decoded.record.term
      values.delete(name)
      values.set(name, decoded)
    }
  }
  const found = values.size === 0 ? null : compose(values, config, scales)
  const usable = typeof found === 'string' ? null : found
  return { state: usable, reason: typeof found === 'string' ? found : null, term, keys: [...values.keys()] }
}

function compose(
  values: ReadonlyMap<string, StateRecord | null>,
  config: StateConfig,
  scales: readonly string[]
): KnownState | string {
  const head = values.get(PARTITION_KEY)
  if (head?.kind !== 'partition') return head === null ? 'its head is damaged' : 'its head is missing'
  const partition = head.record
  const change = configChange(partition.config, config)
  if (change !== null) return change
  const { streams, chunks, damaged } = sorted(values, partition)
  const whole = streams.filter(({ record }) => record.since <= partition.checkpoint).length
  if (whole !== partition.streams) {
    const why = damaged > 0 ? `; ${damaged} records are damaged` : ''
    return `it has ${whole} of ${partition.streams} streams${why}`
  }
  if (streams.reduce((sum, { mark }) => movedMarks(sum, mark, 0), 0) !== partition.marks) {
    return 'some of its streams were written over, by a former owner or by a state begun anew that was cut off'
  }
  const states: StreamState[] = []
  for (const stream of streams) {
    const { record } = stream
    const state = streamState(stream, chunks.get(record.stream) ?? [], scales)
    if (state === null) return `points of stream "${record.stream}" are missing or damaged`
    states.push(state)
  }
  const { position, truncated, epoch, checkpoint, marks } = partition
  const refused = new Set(states.flatMap((state) => state.refused.filter((offset) => offset >= position)))
  return { position, truncated, epoch, checkpoint, marks, streams: states, refused }
}

/** A stream, and the mark of its record in the last whole checkpoint. */
interface MarkedStream {
  readonly record: StreamRecord
  readonly mark: number
  /** The record is not that one, but of a checkpoint that was cut off. */
  readonly cutOff: boolean
}

function sorted(
  values: ReadonlyMap<string, StateRecord | null>,
  head: PartitionRecord
): { streams: MarkedStream[]; chunks: Map<string, ChunkRecord[]>; damaged: number } {
  const streams: MarkedStream[] = []
  const chunks = new Map<string, ChunkRecord[]>()
  let damaged = 0
  let isBehindHead = false
  for (const [key, value] of values) {
    if (value === null) damaged += 1
    else if (value.record.term < head.epoch) continue
    else if (value.kind === 'partition') isBehindHead = true
    else if (value.kind === 'stream' && key === streamKey(value.record.stream)) {
      const { record, mark } = value
      const isOfHead = record.term === head.term && record.checkpoint <= head.checkpoint
      const cutOff = isBehindHead && !isOfHead
      streams.push({ record, mark: cutOff ? record.replaces : mark, cutOff })
    } else if (value.kind === 'chunk') {
      const ofStream = chunks.get(value.record.stream)
      if (ofStream) ofStream.push(value.record)
      else chunks.set(value.record.stream, [value.record])
    }
  }
  for (const ofStream of chunks.values()) ofStream.sort((a, b) => a.from - b.from)
  return { streams, chunks, damaged }
}

/** `null`: its chunks do not cover what it needs. */
function streamState(
  { record, mark, cutOff }: MarkedStream,
  chunks: readonly ChunkRecord[],
  scales: readonly string[]
): StreamState | null {
  const { stream, position, next, first, replay, truncated, since, refused } = record
  const end = replay?.arrival ?? next
  const stored: StoredPoints[] = []
  for (const chunk of chunks)
    stored.push({ from: chunk.from, to: chunk.from + chunk.count, read: () => chunk.read() })
  let covered = first
  for (const { from, to } of stored) if (from <= covered) covered = Math.max(covered, to)
  const engines = scales.map((name) => record.scales[name])
  if (covered < end || engines.includes(undefined)) return null
  const known = engines.filter((engine) => engine !== undefined)
  const place = { stream, position, next, first, replay, truncated, since, mark, cutOff }
  return { ...place, refused, stored, engines: known }
}
