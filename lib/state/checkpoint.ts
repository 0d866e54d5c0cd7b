/**
 * Writes down the streams of a partition, as they are when everything read of it is decided and its updates are out of
 * the engines. A stream is written when a record spoke of it; its points are stored where the log cannot be counted on:
 *
 *   - it has been idle for longer than `idleAfter`, or retention will soon reach what it needs;
 *   - reading the log again from its oldest point would be longer than `replayRecordsMax`;
 *   - what was refused beside its points is more than can be listed.
 *
 *   (W1) Each stored point is written about once: chunks are full before a new one begins, and only the last of a stream
 *        is written again, longer.
 *   (W2) Records come in the order in which any beginning of them is harmless: points, streams that refer to them, the
 *        partition, and only then the removal of what nothing refers to any more.
 *   (W3) A partition whose log has lost its beginning is written before it has streams: without a state of it, nobody
 *        could tell a beginning at its oldest record from a state that is lost.
 *
 * Cost: a few native calls for a stream that was touched, O(1) for another one, and the points that are stored.
 */
import type { OutgoingRecord } from '../mesh/event-mesh.js'
import type { Placed } from '../scales/kept.js'
import type { StreamEntry } from '../scales/stream-entry.js'
import type { ReadState } from './read-state.js'
import type { StateConfig } from './state-config.js'
import {
  chunkKey,
  encodeChunk,
  encodePartition,
  encodeStream,
  markOf,
  movedMarks,
  PARTITION_KEY,
  streamKey,
  TERM_HEADER
} from './state-records.js'

/** Bytes of a chunk: a fraction of what a broker takes, and small against the window it saves. */
const CHUNK_BYTES = 65_536
/** Points stored by one checkpoint, where it can wait: the rest is stored by the next ones. */
const STORED_BYTES_MAX = 8 * 1024 * 1024

/** How a partition is written; kept from its assignment to its revocation. */
export interface Ledger {
  readonly partition: number
  readonly term: number
  readonly epoch: number
  readonly truncated: boolean
  readonly config: StateConfig
  readonly scales: readonly string[]
  /** Number of the last checkpoint. */
  checkpoint: number
  /** Sum of the marks of the streams as it wrote them. */
  marks: number
  /** Position of the last checkpoint, or where reading begins. */
  position: number
  /** Keys of a state that was given up, to be removed. */
  obsolete: readonly string[]
  /** Keys of all that was there. */
  readonly keys: readonly string[]
}

/**
 * How the next checkpoint of a partition is to be numbered, after what was read of its state. A term is a time, so that none is
 * used twice: late records of a former owner may have taken the place of all that was written since, and of its terms.
 */
export function openLedger(
  partition: number,
  read: ReadState,
  low: number,
  config: StateConfig,
  scales: readonly string[],
  nowMs = performance.timeOrigin + performance.now()
): Ledger {
  const term = Math.max(read.term + 1, nowMs)
  const { state } = read
  return {
    partition,
    term,
    epoch: state?.epoch ?? term,
    truncated: state?.truncated ?? low > 0,
    config,
    scales,
    checkpoint: state?.checkpoint ?? 0,
    marks: state?.marks ?? 0,
    position: state?.position ?? low,
    obsolete: state ? [] : read.keys,
    keys: read.keys
  }
}

/** A ledger that gives up what there is and begins anew, with all streams. */
export function rewritten(ledger: Ledger, entries: Iterable<StreamEntry>): Ledger {
  for (const { kept } of entries) kept.restart()
  return { ...ledger, epoch: ledger.term, checkpoint: 0, marks: 0, obsolete: ledger.keys }
}

export interface StorePolicy {
  /** Points before this offset are to be stored. */
  readonly storeBefore: number
  readonly idleAfterMs: number
  readonly nowMs: number
}

export interface Checkpoint {
  /** For the state topic, in order. */
  readonly records: readonly OutgoingRecord[]
  /** Points were left for the next checkpoint. */
  readonly unfinished: boolean
}

/**
 * REQUIRES: (V1) holds for `entries` at `position`, and `entries` are all streams of the partition. The ledger and the
 * streams take it as written: when it is not, they are of no use any more. `null`: nothing has changed.
 */
export function checkpoint(
  ledger: Ledger,
  entries: ReadonlyMap<string, StreamEntry>,
  position: number,
  policy: StorePolicy
): Checkpoint | null {
  const page = new Page(ledger, position)
  const uncertain: StreamEntry[] = []
  for (const entry of entries.values()) {
    const { replay } = placed(entry)
    if (replay !== null && isUncertain(entry, replay.offset, policy)) uncertain.push(entry)
    else if (entry.kept.touched) page.stream(entry)
  }
  uncertain.sort((a, b) => a.kept.placed!.replay!.offset - b.kept.placed!.replay!.offset)
  for (const entry of uncertain) page.stored(entry)
  const begins = ledger.checkpoint === 0 && ledger.truncated // Then even nothing is worth a record: see (W3).
  const changed = !page.isEmpty || position !== ledger.position || ledger.obsolete.length > 0
  if (!changed && !begins) return null
  return page.finish(entries.size)
}

/** Whether points of the stream are to be stored. */
function isUncertain({ kept }: StreamEntry, offset: number, policy: StorePolicy): boolean {
  if (kept.isOverflowing || offset < policy.storeBefore) return true
  return policy.nowMs - kept.touchedMs > policy.idleAfterMs
}

/** Where a stream's points are; asked again only when there are new ones. */
function placed(entry: StreamEntry): Placed {
  const { kept, next } = entry
  if (kept.placed !== null && !kept.touched) return kept.placed
  const first = next === 0 ? 0 : Math.min(...entry.resumes().map((engine) => engine.first))
  return (kept.placed = placedFrom(entry, first))
}

function placedFrom(entry: StreamEntry, first: number): Placed {
  const from = Math.max(first, entry.kept.chunks.at(-1)?.to ?? 0)
  return { first, replay: from < entry.next ? entry.placeOf(from) : null }
}

/** One checkpoint while it is written. */
class Page {
  readonly #ledger: Ledger
  readonly #position: number
  readonly #number: number
  readonly #chunks: OutgoingRecord[] = []
  readonly #streams: OutgoingRecord[] = []
  readonly #unneeded: string[] = []
  #marks: number
  #bytesLeft = STORED_BYTES_MAX
  #unfinished = false

  constructor(ledger: Ledger, position: number) {
    this.#ledger = ledger
    this.#position = position
    this.#number = ledger.checkpoint + 1
    this.#marks = ledger.marks
  }

  get isEmpty(): boolean {
    return this.#chunks.length + this.#streams.length === 0
  }

  /** Writes a stream whose points the log has. */
  stream(entry: StreamEntry): void {
    const { kept, stream, next, truncated } = entry
    const { first, replay } = kept.placed!
    const { scales, term } = this.#ledger
    this.#drop(entry, first)
    kept.since ??= this.#number
    // What was refused since the last whole checkpoint is for the other streams, in case this one is cut off.
    const refusedFrom = Math.min(replay?.offset ?? Infinity, this.#ledger.position)
    if (replay === null) kept.forgetRefusals(refusedFrom)
    const engines = entry.resumes()
    const value = encodeStream({
      term,
      stream,
      position: this.#position,
      next,
      first,
      replay,
      truncated,
      since: kept.since,
      checkpoint: this.#number,
      replaces: kept.mark,
      scales: Object.fromEntries(scales.map((name, i) => [name, engines[i]!])),
      refused: kept.refusals(refusedFrom)!
    })
    const mark = markOf(value)
    this.#marks = movedMarks(this.#marks, mark, kept.mark)
    kept.mark = mark
    this.#streams.push(this.#record(streamKey(stream), value))
    kept.touched = false
  }

  /** Stores points of a stream, all that are not, as far as this checkpoint has room for them, and writes it. */
  stored(entry: StreamEntry): void {
    const { kept, next } = entry
    const chunks = [...kept.chunks]
    const { first, replay } = kept.placed!
    let from = replay!.arrival
    const last = chunks.at(-1)
    const isOpen =
      last !== undefined && last.to === from && last.to - last.from < entry.chunkPoints(CHUNK_BYTES)
    const hasRoom = (): boolean => this.#bytesLeft > 0 || kept.isOverflowing
    if (isOpen && hasRoom()) {
      from = Math.max(last.from, first)
      chunks.pop()
      if (from > last.from) this.#unneeded.push(chunkKey(entry.stream, last.from))
    }
    while (from < next && hasRoom()) {
      const to = Math.min(next, from + entry.chunkPoints(CHUNK_BYTES))
      this.#chunk(entry, from, to)
      chunks.push({ from, to })
      from = to
    }
    if (from < next) this.#unfinished = true
    const isLonger = chunks.at(-1)?.to !== last?.to
    kept.chunks = chunks
    kept.placed = placedFrom(entry, first)
    if (isLonger || kept.touched) this.stream(entry)
  }

  finish(streams: number): Checkpoint {
    const ledger = this.#ledger
    const { term, epoch, truncated, config, partition } = ledger
    const number = this.#number
    const position = this.#position
    const marks = this.#marks
    const head = encodePartition({
      term,
      epoch,
      checkpoint: number,
      position,
      truncated,
      streams,
      marks,
      config
    })
    const written = [...this.#chunks, ...this.#streams, this.#record(PARTITION_KEY, head)]
    const keys = new Set(written.map(({ key }) => key))
    const unneeded = [...this.#unneeded, ...ledger.obsolete].filter((key) => !keys.has(key))
    const headers = [[TERM_HEADER, String(term)] as const]
    const removals = unneeded.map((key) => ({ partition, key, value: null, headers }))
    ledger.checkpoint = number
    ledger.position = position
    ledger.marks = marks
    ledger.obsolete = []
    return { records: [...written, ...removals], unfinished: this.#unfinished }
  }

  #chunk(entry: StreamEntry, from: number, to: number): void {
    const value = encodeChunk(this.#ledger.term, from, entry.points(from, to))
    this.#chunks.push(this.#record(chunkKey(entry.stream, from), value))
    this.#bytesLeft -= value.length
  }

  /** What has left all windows needs not be stored any more. */
  #drop(entry: StreamEntry, first: number): void {
    const { kept, stream } = entry
    for (const { from, to } of kept.chunks) if (to <= first) this.#unneeded.push(chunkKey(stream, from))
    kept.chunks = kept.chunks.filter(({ to }) => to > first)
  }

  #record(key: string, value: Uint8Array): OutgoingRecord {
    return { partition: this.#ledger.partition, key, value }
  }
}
