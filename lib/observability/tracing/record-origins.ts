/**
 * Which records that are followed gave rise to a result: the records whose points entered the window with it, and those
 * whose points are where its new bars were born, which may be many updates later.
 *
 *   (O1) At most `max` records are remembered; the oldest goes first.
 *   (O2) A record enters with the first update of each stream and scale whose window reaches its offset, and only once.
 *   (O3) A record whose points have left the window at every scale of every stream of it is forgotten.
 *
 * Only the text of the update is looked at, because bars exist as numbers in the worker alone. The head of a message says
 * what its window holds; bars need the whole message, so reading for them, heads included, is limited by
 * `BIRTH_BYTES_PER_SECOND`.
 */
import type { DiagramUpdate } from '../../diagram.js'
import type { OutgoingRecord } from '../../mesh/event-mesh.js'
import { TokenBucket } from './token-bucket.js'

/** Less than 0.1 % of a core: 40 ns a byte, most of it for values that are made and thrown away. */
const BIRTH_BYTES_PER_SECOND = 16 * 1024
/** So much at once; longer messages are not read whole, whatever the rate. */
const BIRTH_BYTES_MAX = 128 * 1024
/** Bars are read when there is time for so much of them, so that most batches need not be looked at. */
const BIRTH_BYTES_MIN = 16 * 1024
/** Stream names are keys of records, so they may be long; beyond this a result is not traced back. */
const HEAD_BYTES = 2048
/** Enough for nearly all of them, and half the time. */
const SHORT_HEAD_BYTES = 512

const TEXT = '"(?:[^"\\\\]|\\\\.)*"'
const HEAD = new RegExp(
  `^{"type":"(update|snapshot)","stream":(${TEXT}),"scale":(${TEXT}),"sequence":(\\d+),"partition":(\\d+),` +
    '"window":{"points":\\d+,"full":(?:true|false),"first":\\[(\\d+),\\d+\\],"last":\\[(\\d+),\\d+\\]'
)

interface Origin<Context> {
  readonly partition: number
  readonly offset: number
  readonly context: Context
  readonly streams: readonly string[]
  /** `scale stream` it has not entered yet, and those it has not left yet. */
  readonly awaited: Set<string>
  readonly inside: Set<string>
}

interface Known<Context> {
  readonly all: Set<Origin<Context>>
  /** Those with a scale of this stream to enter. */
  readonly awaiting: Set<Origin<Context>>
}

/** A result and the records behind it, oldest first. */
export interface Result<Context> {
  readonly stream: string
  readonly scale: string
  readonly sequence: number
  readonly partition: number
  readonly entered: readonly Context[]
  readonly births: readonly Context[]
}

interface Head {
  readonly type: string
  readonly stream: string
  readonly scale: string
  readonly sequence: number
  readonly partition: number
  readonly firstOffset: number
  readonly lastOffset: number
}

export class RecordOrigins<Context> {
  readonly #max: number
  readonly #scales: readonly string[]
  readonly #origins = new Set<Origin<Context>>()
  readonly #byStream = new Map<string, Known<Context>>()
  /** Streams that a record still has to enter a scale of. */
  readonly #awaiting = new Set<Known<Context>>()
  readonly #birthBytes = new TokenBucket(BIRTH_BYTES_PER_SECOND, BIRTH_BYTES_MAX)

  constructor(max: number, scales: readonly string[]) {
    this.#max = max
    this.#scales = scales
  }

  get size(): number {
    return this.#origins.size
  }

  /** Whether results can be traced back at the moment: a record waits to enter, or bars may be read. O(1). */
  isLooking(nowMs: number): boolean {
    if (this.#origins.size === 0) return false
    return this.#awaiting.size > 0 || this.#birthBytes.has(nowMs, BIRTH_BYTES_MIN)
  }

  /** Remembers a record until its points have left. O(streams x scales). */
  add(partition: number, offset: number, streams: readonly string[], context: Context): void {
    if (streams.length === 0) return
    const places = streams.flatMap((stream) => this.#scales.map((scale) => place(stream, scale)))
    const [awaited, inside] = [new Set(places), new Set(places)]
    const origin: Origin<Context> = { partition, offset, context, streams, awaited, inside }
    this.#origins.add(origin)
    for (const stream of streams) {
      const known = this.#byStream.get(stream) ?? { all: new Set(), awaiting: new Set() }
      this.#byStream.set(stream, known)
      known.all.add(origin)
      known.awaiting.add(origin)
      this.#awaiting.add(known)
    }
    for (const oldest of this.#origins) {
      if (this.#origins.size <= this.#max) break
      this.#forget(oldest)
    }
  }

  /** The records behind an update, or `null` where none is known. O(1) for streams that no record is known of. */
  resultOf({ key, value }: OutgoingRecord, nowMs: number): Result<Context> | null {
    const known = typeof key === 'string' ? this.#byStream.get(key) : undefined
    if (known === undefined || value === null) return null
    const readable = value.length <= BIRTH_BYTES_MAX && this.#birthBytes.has(nowMs, value.length)
    if (!readable && known.awaiting.size === 0) return null
    const head = headOf(value)
    if (readable) this.#birthBytes.take(nowMs, Math.min(value.length, HEAD_BYTES))
    if (head?.type !== 'update') return null
    const entered = this.#entered(known, head)
    const births = readable ? this.#births(known, head, value, nowMs) : []
    if (entered.length === 0 && births.length === 0) return null
    const { stream, scale, sequence, partition } = head
    return { stream, scale, sequence, partition, entered: contexts(entered), births: contexts(births) }
  }

  #entered(known: Known<Context>, head: Head): Origin<Context>[] {
    const entered: Origin<Context>[] = []
    for (const origin of known.awaiting) {
      const { partition, offset, awaited } = origin
      if (partition !== head.partition || offset > head.lastOffset) continue
      if (awaited.delete(place(head.stream, head.scale))) entered.push(origin)
      if (this.#scales.every((scale) => !awaited.has(place(head.stream, scale))))
        known.awaiting.delete(origin)
    }
    if (known.awaiting.size === 0) this.#awaiting.delete(known)
    return entered
  }

  #births(known: Known<Context>, head: Head, value: string | Uint8Array, nowMs: number): Origin<Context>[] {
    const at = place(head.stream, head.scale)
    const inside: Origin<Context>[] = []
    for (const origin of known.all) {
      const { partition, offset } = origin
      if (partition !== head.partition || offset > head.lastOffset || !origin.inside.has(at)) continue
      if (offset >= head.firstOffset) inside.push(origin)
      else this.#left(origin, at)
    }
    if (inside.length === 0) return inside
    this.#birthBytes.take(nowMs, Math.max(0, value.length - HEAD_BYTES))
    const { added } = JSON.parse(textOf(value)) as DiagramUpdate
    const born = new Set(added.flatMap(({ birthPoints }) => birthPoints.map(([offset]) => offset)))
    return inside.filter(({ offset }) => born.has(offset))
  }

  #left(origin: Origin<Context>, at: string): void {
    origin.inside.delete(at)
    if (origin.inside.size === 0) this.#forget(origin)
  }

  #forget(origin: Origin<Context>): void {
    this.#origins.delete(origin)
    for (const stream of origin.streams) {
      const known = this.#byStream.get(stream)
      if (known === undefined) continue
      known.all.delete(origin)
      known.awaiting.delete(origin)
      if (known.awaiting.size === 0) this.#awaiting.delete(known)
      if (known.all.size === 0) this.#byStream.delete(stream)
    }
  }
}

function contexts<Context>(origins: readonly Origin<Context>[]): Context[] {
  return origins.map(({ context }) => context)
}

function place(stream: string, scale: string): string {
  return `${scale} ${stream}` // Names of scales have no spaces.
}

function headOf(value: string | Uint8Array): Head | null {
  const match = headIn(value, SHORT_HEAD_BYTES) ?? headIn(value, HEAD_BYTES)
  if (!match) return null
  const [, type = '', stream = '', scale = '', sequence, partition, first, last] = match
  return {
    type,
    stream: JSON.parse(stream) as string,
    scale: JSON.parse(scale) as string,
    sequence: Number(sequence),
    partition: Number(partition),
    firstOffset: Number(first),
    lastOffset: Number(last)
  }
}

function headIn(value: string | Uint8Array, length: number): RegExpExecArray | null {
  return HEAD.exec(textOf(typeof value === 'string' ? value.slice(0, length) : value.subarray(0, length)))
}

function textOf(value: string | Uint8Array): string {
  if (typeof value === 'string') return value
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8')
}
