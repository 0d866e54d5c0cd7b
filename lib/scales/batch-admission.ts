/**
 * Which records of a batch are refused, and what is left of each stream. A record is taken or refused whole, also when
 * its points belong to several streams: then records are decided one by one, in the order of the log.
 */
import type { RejectedRecord, StreamPoints } from '../adapters/decoder.js'
import type { MeshRecord } from '../mesh/event-mesh.js'
import type { Admission, Refusal } from './admission.js'
import { misfitRefusal } from './misfits.js'
import type { StreamEntry, StreamSlice } from './stream-entry.js'

/** The points of one record in one stream: rows [from, to). */
interface Run {
  readonly part: Part
  readonly from: number
  readonly to: number
}

/** One stream's share of a batch while it is being admitted. */
export interface Part {
  readonly points: StreamPoints
  /** `null`: the stream is not held, and may not be. */
  readonly entry: StreamEntry | null
  /** Why not. */
  readonly barred: Refusal | null
  readonly admission: Admission | null
  /** What the Rips scales say of each point by itself; null when they take all. */
  readonly misfits: Uint8Array | null
  /** Rows that are refused; null while there are none. */
  refused: Uint8Array | null
}

export type Rows = Pick<StreamSlice, 'values' | 'timestamps' | 'offsets' | 'indices'>

/**
 * Says of each part which rows are refused, and remembers with its stream what a repetition of the record could not find
 * out from the stream's points alone.
 *
 * @param mixed whether a record may have points of several of the parts.
 */
export function refuseRecords(parts: readonly Part[], mixed: boolean): RejectedRecord[] {
  const refused: RejectedRecord[] = []
  const runs = parts.flatMap((part) => runsToCheck(part, mixed))
  if (mixed) refuseByRecord(runs, refused)
  else for (const run of runs) refuse([run], check(run), refused, false)
  return refused
}

/** Nothing to check for a stream that is held and takes every timestamp, unless a record's other points may fail. */
function runsToCheck(part: Part, mixed: boolean): Run[] {
  const { records, count } = part.points
  if (part.entry && !part.admission && !part.misfits && !mixed) return []
  const runs: Run[] = []
  for (let from = 0; from < count;) {
    let to = from + 1
    while (to < count && records[to] === records[from]) to += 1
    runs.push({ part, from, to })
    from = to
  }
  return runs
}

function check({ part, from, to }: Run): Refusal | null {
  if (part.barred || !part.entry) return part.barred
  const offset = part.points.offsets[from]!
  const { kept } = part.entry
  const given = offset < kept.position
  if (kept.wasRefused(offset)) {
    return { reason: 'window_capacity', message: 'refused when it came first' } // Answered for then: told nobody now.
  }
  return misfitRefusal(part.points, part.misfits, from, to) ?? part.admission?.check(from, to, given) ?? null
}

function refuse(
  runs: readonly Run[],
  refusal: Refusal | null,
  refused: RejectedRecord[],
  mixed: boolean
): void {
  if (!refusal) return
  const { part, from } = runs[0]!
  refused.push({ record: part.points.records[from]!, ...refusal })
  for (const run of runs) {
    run.part.refused ??= new Uint8Array(run.part.points.count)
    run.part.refused.fill(1, run.from, run.to)
    // By other points of the window, or by those of another stream.
    if (mixed || refusal.reason === 'window_capacity')
      run.part.entry?.kept.refused(run.part.points.offsets[run.from]!)
  }
}

/** Record by record in the order of the log, because what one takes decides on the next. */
function refuseByRecord(runs: readonly Run[], refused: RejectedRecord[]): void {
  const byRecord = new Map<MeshRecord, Run[]>()
  for (const run of runs) {
    const record = run.part.points.records[run.from]!
    const others = byRecord.get(record)
    if (others) others.push(run)
    else byRecord.set(record, [run])
  }
  const inOrder = [...byRecord].sort(([a], [b]) => a.partition - b.partition || a.offset - b.offset)
  for (const [, ofRecord] of inOrder) {
    // The reason given must not depend on which stream came first in the batch.
    ofRecord.sort((a, b) => a.part.points.indices[a.from]! - b.part.points.indices[b.from]!)
    const taken: Run[] = []
    let refusal: Refusal | null = null
    for (const run of ofRecord) {
      refusal = check(run)
      if (refusal) break
      taken.push(run)
    }
    if (refusal) for (const { part } of taken) part.admission?.undo()
    refuse(ofRecord, refusal, refused, true)
  }
}

export function keptRows({ points, refused }: Part): Rows {
  const { values, timestamps, offsets, indices, count } = points
  if (!refused) return { values, timestamps, offsets, indices }
  const channels = values.length / count
  const kept = (_: number, row: number): boolean => refused[row] === 0
  return {
    values: values.filter((_, i) => refused[Math.floor(i / channels)] === 0),
    timestamps: timestamps && timestamps.filter(kept),
    offsets: offsets.filter(kept),
    indices: indices.filter(kept)
  }
}

export function stepsBack(timestamps: Float64Array | null, newest: number): number {
  if (!timestamps) return 0
  let steps = 0
  let before = newest
  for (const timestamp of timestamps) {
    if (timestamp < before) steps += 1
    before = timestamp
  }
  return steps
}
