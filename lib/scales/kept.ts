/**
 * What of one stream lies in the state topic, and what happened since: kept beside the stream by whoever admits records,
 * read by whoever writes checkpoints (lib/state/checkpoint.ts).
 */
import type { PartitionState, PointPlace, StreamState } from './stream-state.js'

/** Beyond so many refusals a checkpoint stores the window instead of listing them. */
const REFUSALS_MAX = 16_384

export interface Chunk {
  readonly from: number
  readonly to: number
}

/** The points of a stream that its engines need: those from `first` on, of these the log has those from `replay` on. */
export interface Placed {
  readonly first: number
  readonly replay: PointPlace | null
}

export class Kept {
  /** Everything before this offset was decided before this process; 0 for a stream that began in it. */
  readonly position: number
  /** The checkpoint that wrote the stream first; `null`: none has yet. */
  since: number | null
  /** Of its record in the last whole checkpoint; 0: none. */
  mark: number
  /** What is stored of its points, by `from`. */
  chunks: readonly Chunk[]
  /** As of the last checkpoint; `null`: not known. */
  placed: Placed | null
  /** A record spoke of the stream since the last whole checkpoint. */
  touched: boolean
  /** When one last did; `performance.now()`. */
  touchedMs: number
  readonly #given: ReadonlySet<number>
  #refusals: number[] | null

  /** @param known Of the partition, when it goes on from there. */
  constructor(
    state: StreamState | null,
    known: Pick<PartitionState, 'position' | 'refused'> | null,
    nowMs = performance.now()
  ) {
    const position = known?.position ?? 0
    this.position = state ? Math.max(state.position, position) : 0
    this.since = state?.since ?? null
    this.mark = state?.mark ?? 0
    this.chunks = state?.stored.map(({ from, to }) => ({ from, to })) ?? []
    this.touched = state?.cutOff ?? false
    this.touchedMs = nowMs
    this.placed = state && { first: state.first, replay: state.replay }
    this.#refusals = [...(state?.refused ?? [])]
    this.#given = new Set([...this.#refusals, ...(known?.refused ?? [])])
  }

  /** Whether a record was refused when it came first, and to this process only comes again. */
  wasRefused(offset: number): boolean {
    return this.#given.has(offset)
  }

  /** There are more refusals than a list can hold. */
  get isOverflowing(): boolean {
    return this.#refusals === null
  }

  touch(nowMs: number): void {
    this.touched = true
    this.touchedMs = nowMs
  }

  /** Remembers a refusal that a repetition could not find out by itself. */
  refused(offset: number): void {
    if (offset < this.position || this.#refusals === null) return
    if (this.#refusals.length >= REFUSALS_MAX) this.#refusals = null
    else if (this.#refusals.at(-1) !== offset) this.#refusals.push(offset)
  }

  /** Refusals from an offset on, ascending; `null`: more than can be listed. */
  refusals(from: number): readonly number[] | null {
    if (this.#refusals === null) return null
    return (this.#refusals = this.#refusals.filter((offset) => offset >= from))
  }

  /** Nothing of it is written any more. */
  restart(): void {
    this.since = null
    this.mark = 0
    this.chunks = []
    this.placed = null
    this.touched = true
  }

  /** All points are stored: of the refusals so far only those from an offset on may be asked for again. */
  forgetRefusals(before: number): void {
    this.#refusals = this.#refusals?.filter((offset) => offset >= before) ?? []
  }
}
