/**
 * The consumer's side of diagram updates: keeps the current diagram of one stream and scale from its messages.
 *
 *   (R1) While `synchronised`, the pairs are exactly the diagram after update `sequence`.
 *   (R2) A message changes the replica whole or not at all; parts wait until the last of them is there.
 *   (R3) A snapshot replaces everything, so after a gap the next snapshot heals, and a log that repeats its last
 *        messages (at-least-once delivery) ends in the same state.
 */
import type {
  DiagramMessage,
  DiagramSnapshot,
  DiagramUpdate,
  PersistencePair,
  WindowBounds
} from '../diagram.js'
import { TdaError } from '../errors.js'

/**
 * What became of a message: `applied`; `pending` while parts are missing; `repeated` when it was known already and
 * ignored; `gap` when updates before it are missing (or it does not fit), so that only a snapshot can help.
 */
export type ApplyResult = 'applied' | 'pending' | 'repeated' | 'gap'

/** Parts of one message that came so far. */
interface Pending {
  readonly type: DiagramMessage['type']
  readonly sequence: number
  readonly of: number
  readonly parts: Map<number, DiagramMessage>
}

/**
 * The current persistence diagram of one stream and scale, from its update messages in order. Memory: the pairs, and
 * the parts of at most one unfinished message. Not tied to Kafka: feed it the parsed JSON of the result topic, of a
 * file written by `replay`, or of `encodeAdvance`.
 *
 * @example
 * const replica = new DiagramReplica()
 * const result = replica.apply({
 *   type: 'update', stream: 'mote-1', scale: 'fast', sequence: 1, partition: 0,
 *   window: { points: 2, full: false, first: [0, 0], last: [1, 0], firstTimestamp: null, lastTimestamp: null },
 *   removed: [],
 *   added: [{ id: '0:0.0', dimension: 0, birth: 1.5, death: null, birthPoints: [[0, 0]], deathPoints: [] }],
 *   moved: [],
 *   features: { pairs: 1 }
 * })
 * console.log(result, replica.get('0:0.0')?.birth) // applied 1.5
 */
export class DiagramReplica {
  #stream: string | null = null
  #scale: string | null = null
  #sequence = 0
  #synchronised = true
  #window: WindowBounds | null = null
  #pairs = new Map<string, PersistencePair>()
  #pending: Pending | null = null

  /** Name of the stream, known from the first message on. */
  get stream(): string | null {
    return this.#stream
  }

  /** Name of the scale, known from the first message on. */
  get scale(): string | null {
    return this.#scale
  }

  /** The update the diagram stands at; 0 before the first. */
  get sequence(): number {
    return this.#sequence
  }

  /** False after a gap, until a snapshot comes; the pairs are then those before the gap. */
  get synchronised(): boolean {
    return this.#synchronised
  }

  /** The window of the last message applied; `null` before the first. */
  get window(): WindowBounds | null {
    return this.#window
  }

  /** Pairs in the diagram. */
  get size(): number {
    return this.#pairs.size
  }

  /** The pair of this id. O(1). */
  get(id: string): PersistencePair | undefined {
    return this.#pairs.get(id)
  }

  /** The diagram, by dimension, then by birth position. O(n log n) in its pairs. */
  pairs(): PersistencePair[] {
    return [...this.#pairs.values()].sort(byDimensionThenBirth)
  }

  /**
   * Takes the next message of this stream and scale. O(changes), for a snapshot O(pairs).
   * @throws {TdaError} INVALID_ARGUMENT when the message is of another stream or scale than those before it.
   */
  apply(message: DiagramMessage): ApplyResult {
    this.#claim(message)
    if (message.type === 'update' && message.sequence <= this.#sequence) return 'repeated'
    const parts = this.#collect(message)
    if (parts === null) return 'pending'
    const applied =
      message.type === 'snapshot'
        ? this.#replace(parts as readonly DiagramSnapshot[])
        : this.#change(parts as readonly DiagramUpdate[])
    if (!applied) {
      this.#synchronised = false
      return 'gap'
    }
    this.#sequence = message.sequence
    this.#window = message.window
    return 'applied'
  }

  #claim(message: DiagramMessage): void {
    this.#stream ??= message.stream
    this.#scale ??= message.scale
    if (message.stream === this.#stream && message.scale === this.#scale) return
    const found = `stream "${message.stream}", scale "${message.scale}"`
    throw new TdaError(
      'INVALID_ARGUMENT',
      `a message of ${found} was given to the replica of stream "${this.#stream}", scale "${this.#scale}"; keep one replica for each`
    )
  }

  /** All parts of the message in order, or `null` while some are missing. */
  #collect(message: DiagramMessage): readonly DiagramMessage[] | null {
    if (message.part === undefined) {
      this.#pending = null
      return [message]
    }
    const { index, of } = message.part
    const { type, sequence } = message
    let pending = this.#pending
    if (pending?.type !== type || pending.sequence !== sequence || pending.of !== of) {
      pending = { type, sequence, of, parts: new Map() }
      this.#pending = pending
    }
    pending.parts.set(index, message)
    if (pending.parts.size < of) return null
    this.#pending = null
    return [...pending.parts.entries()].sort(([a], [b]) => a - b).map(([, part]) => part)
  }

  #replace(parts: readonly DiagramSnapshot[]): boolean {
    const pairs = new Map(parts.flatMap((part) => part.pairs).map((pair) => [pair.id, pair]))
    if (pairs.size !== parts[0]!.features.pairs) return false
    this.#pairs = pairs
    this.#synchronised = true
    return true
  }

  #change(parts: readonly DiagramUpdate[]): boolean {
    if (!this.#synchronised || parts[0]!.sequence !== this.#sequence + 1) return false
    if (!parts.every((part) => this.#fits(part))) return false
    const growth = parts.reduce((sum, { added, removed }) => sum + added.length - removed.length, 0)
    if (this.#pairs.size + growth !== parts[0]!.features.pairs) return false
    for (const { removed, added, moved } of parts) {
      for (const id of removed) this.#pairs.delete(id)
      for (const pair of added) this.#pairs.set(pair.id, pair)
      for (const change of moved) this.#pairs.set(change.id, { ...this.#pairs.get(change.id)!, ...change })
    }
    return true
  }

  /** What is removed or moved is there, what is added is not. */
  #fits({ removed, added, moved }: DiagramUpdate): boolean {
    return (
      removed.every((id) => this.#pairs.has(id)) &&
      moved.every(({ id }) => this.#pairs.has(id)) &&
      added.every(({ id }) => !this.#pairs.has(id))
    )
  }
}

function byDimensionThenBirth(a: PersistencePair, b: PersistencePair): number {
  if (a.dimension !== b.dimension) return a.dimension - b.dimension
  for (let p = 0; p < a.birthPoints.length; p++) {
    const [offset, index] = a.birthPoints[p]!
    const [otherOffset, otherIndex] = b.birthPoints[p] ?? [Infinity, 0]
    if (offset !== otherOffset) return offset - otherOffset
    if (index !== otherIndex) return index - otherIndex
  }
  return a.birthPoints.length - b.birthPoints.length
}
