/**
 * What a restart needs to know of a stream, so that it goes on as if it had never stopped: where each engine stood at its
 * last emission, and where the points come from that the engines still need.
 *
 *   arrival numbers   ......... first ............. replay.arrival ........ next
 *                               stored in chunks    read from the log again
 *
 *   (V1) It describes the stream after every record before `position` was decided, and before any later one was.
 *   (V2) A record from `replay.offset` on and before `position` entered, unless `refused` names its offset or it breaks a
 *        rule that can be judged again from the points alone (`batch-admission.ts`).
 */
import type { EngineResume, PointColumns } from '../native.js'

/** Where in the log a point lies. */
export interface PointPlace {
  /** Its arrival number. */
  readonly arrival: number
  readonly offset: number
  /** In its record. */
  readonly index: number
}

/** Some points of a stream that are stored themselves: [from, to). */
export interface StoredPoints {
  readonly from: number
  readonly to: number
  read(): PointColumns
}

export interface StreamState {
  readonly stream: string
  /** Offset: everything before it is decided. */
  readonly position: number
  /** Arrival number the next point gets. */
  readonly next: number
  /** Oldest arrival number that an engine still needs; `next` for a stream without points. */
  readonly first: number
  /** The first point to be read from the log again; `null`: none, all are stored. */
  readonly replay: PointPlace | null
  /** The stream may have begun before the oldest record retained when it was first read. */
  readonly truncated: boolean
  /** Scales in the order of the configuration. */
  readonly engines: readonly EngineResume[]
  /** Ascending offsets. */
  readonly refused: readonly number[]
  /** Number of the checkpoint that wrote it first. */
  readonly since: number
  /** Tells which record of it the last whole checkpoint has; 0: none. */
  readonly mark: number
  /** Its own record is another one, of a checkpoint that was cut off: only the next checkpoint can name it. */
  readonly cutOff: boolean
  /** By `from`; they cover [first, replay.arrival), and may hold more. */
  readonly stored: readonly StoredPoints[]
}

/** The streams of a partition as they were at an offset of its log. */
export interface PartitionState {
  readonly position: number
  /** What was oldest when the partition was first read was not its first record: new streams may have begun before. */
  readonly truncated: boolean
  readonly streams: readonly StreamState[]
  /**
   * Offsets, from `position` on, that streams at a later one know were refused: such a record may have points of streams that
   * decide on it again, without those that it was refused for.
   */
  readonly refused: ReadonlySet<number>
}

/** Offset from which on the log has to be read for these streams: at most `position`. */
export function replayFrom({ position, streams }: PartitionState): number {
  return streams.reduce((from, { replay }) => Math.min(from, replay?.offset ?? from), position)
}
