/**
 * The records of the state topic, bytes to values and back. Partition p of it belongs to partition p of the input topic.
 *
 *     key                        value
 *     p                          of the partition: what the streams below are valid for
 *     s:STREAM                   one stream at a position
 *     w:ARRIVAL:STREAM           some of its points, from an arrival number (16 digits) on
 *
 * A value begins with the CRC-32 of all that follows and one byte, the version of the format. Partition and stream
 * follow as JSON, for whoever looks at the topic; points as columns:
 *
 *     crc u32 | version u8 | flags u8 | - u16 | points u32 | channels u32 | term f64 | from f64 |
 *     values f64[points x channels] | timestamps f64[points], flag 1 | offsets f64[points] | indices u32[points]
 *
 * Numbers are in the byte order of the machine, which flag 2 names; another one's points count as damaged.
 */
import { createHash } from 'node:crypto'
import { endianness } from 'node:os'
import { crc32 } from 'node:zlib'
import type { EngineResume, PointColumns } from '../native.js'
import type { PointPlace } from '../scales/stream-state.js'
import type { StateConfig } from './state-config.js'

const FORMAT = 2
const HEAD_BYTES = 32
const TIMED = 1
const BIG_ENDIAN = 2
const BYTE_ORDER = endianness() === 'BE' ? BIG_ENDIAN : 0

export const PARTITION_KEY = 'p'
/** Of a removal, which has no value to say its term. */
export const TERM_HEADER = 'tda-term'

/** Who wrote a record: `term` grows from member to member that holds the partition, one after the other. */
interface Written {
  readonly term: number
}

export interface PartitionRecord extends Written {
  /** Records of a smaller term belong to a state that was given up. */
  readonly epoch: number
  /** Number of the checkpoint, within the epoch. */
  readonly checkpoint: number
  /** Offset of the input partition: everything before it is decided. */
  readonly position: number
  readonly truncated: boolean
  /** Streams that there are, written by this checkpoint or an earlier one. */
  readonly streams: number
  /** Sum of the marks of their records (`markOf`): which record of each stream this checkpoint speaks of. */
  readonly marks: number
  readonly config: StateConfig
}

export interface StreamRecord extends Written {
  readonly stream: string
  readonly position: number
  readonly next: number
  readonly first: number
  readonly replay: PointPlace | null
  readonly truncated: boolean
  /** Number of the checkpoint that wrote the stream first, and of the one that wrote this. */
  readonly since: number
  readonly checkpoint: number
  /** Mark of the record that the last whole checkpoint has of this stream; 0: none. */
  readonly replaces: number
  /** By the name of the scale. */
  readonly scales: Readonly<Record<string, EngineResume>>
  /** Ascending offsets. */
  readonly refused: readonly number[]
}

export interface ChunkRecord extends Written {
  readonly stream: string
  readonly from: number
  readonly count: number
  read(): PointColumns
}

export type StateRecord =
  | { readonly kind: 'partition'; readonly record: PartitionRecord }
  | { readonly kind: 'stream'; readonly record: StreamRecord; readonly mark: number }
  | { readonly kind: 'chunk'; readonly record: ChunkRecord }

export function streamKey(stream: string): string {
  return `s:${stream}`
}

export function chunkKey(stream: string, from: number): string {
  return `w:${String(from).padStart(16, '0')}:${stream}`
}

export function encodePartition(record: PartitionRecord): Buffer {
  return framed(Buffer.from(JSON.stringify(record)))
}

export function encodeStream({ refused, ...record }: StreamRecord): Buffer {
  return framed(Buffer.from(JSON.stringify({ ...record, refused: packed(refused) })))
}

/** @param from Arrival number of the first point. */
export function encodeChunk(term: number, from: number, points: PointColumns): Buffer {
  const { values, timestamps, offsets, indices } = points
  const count = offsets!.length
  const columns = [values, timestamps, offsets, indices].filter((column) => column !== null)
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt8(FORMAT, 4)
  head.writeUInt8((timestamps ? TIMED : 0) | BYTE_ORDER, 5)
  head.writeUInt32LE(count, 8)
  head.writeUInt32LE(count === 0 ? 0 : values.length / count, 12)
  head.writeDoubleLE(term, 16)
  head.writeDoubleLE(from, 24)
  const bytes = Buffer.concat([
    head,
    ...columns.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength))
  ])
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0)
  return bytes
}

const MARKS = 2 ** 48

/** Tells a record from every other, up to one chance in 2^48. */
export function markOf(value: Uint8Array): number {
  return createHash('sha256').update(value).digest().readUIntBE(0, 6)
}

/** A sum of marks with one added and one taken away. */
export function movedMarks(sum: number, added: number, removed: number): number {
  return (sum + added + (MARKS - removed)) % MARKS
}

/** `null`: not what this version writes, or not as it was written. Points are only checked; `read` copies them out. */
export function decodeState(key: string, value: Uint8Array): StateRecord | null {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (bytes.length < 5 || bytes.readUInt32LE(0) !== crc32(bytes.subarray(4))) return null
  if (bytes.readUInt8(4) !== FORMAT) return null
  if (key === PARTITION_KEY) return { kind: 'partition', record: JSON.parse(text(bytes)) as PartitionRecord }
  if (key.startsWith('s:')) {
    const { refused, ...rest } = JSON.parse(text(bytes)) as StreamRecord & { refused: string }
    return { kind: 'stream', record: { ...rest, refused: unpacked(refused) }, mark: markOf(bytes) }
  }
  const chunk = key.startsWith('w:') ? decodeChunk(key, bytes) : null
  return chunk && { kind: 'chunk', record: chunk }
}

function decodeChunk(key: string, bytes: Buffer): ChunkRecord | null {
  if (bytes.length < HEAD_BYTES) return null
  const flags = bytes.readUInt8(5)
  const count = bytes.readUInt32LE(8)
  const channels = bytes.readUInt32LE(12)
  const timed = (flags & TIMED) !== 0
  const pointBytes = 8 * channels + (timed ? 8 : 0) + 12
  if ((flags & BIG_ENDIAN) !== BYTE_ORDER || bytes.length !== HEAD_BYTES + count * pointBytes) return null
  return {
    term: bytes.readDoubleLE(16),
    stream: key.slice(key.indexOf(':', 2) + 1),
    from: bytes.readDoubleLE(24),
    count,
    read() {
      let at = HEAD_BYTES
      const copy = <T extends Float64Array | Uint32Array>(array: T): T => {
        new Uint8Array(array.buffer).set(bytes.subarray(at, (at += array.byteLength)))
        return array
      }
      const values = copy(new Float64Array(count * channels))
      const timestamps = timed ? copy(new Float64Array(count)) : null
      return {
        values,
        timestamps,
        offsets: copy(new Float64Array(count)),
        indices: copy(new Uint32Array(count))
      }
    }
  }
}

function framed(body: Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(5), body])
  bytes.writeUInt8(FORMAT, 4)
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0)
  return bytes
}

function text(bytes: Buffer): string {
  return bytes.toString('utf8', 5)
}

/** Differences of ascending numbers, 7 bits a byte, as base64: one or two bytes a refused record. */
function packed(ascending: readonly number[]): string {
  const bytes: number[] = []
  let before = 0
  for (const number of ascending) {
    let rest = number - before
    before = number
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
    bytes.push(rest)
  }
  return Buffer.from(bytes).toString('base64')
}

function unpacked(base64: string): number[] {
  const numbers: number[] = []
  let before = 0
  let rest = 0
  let weight = 1
  for (const byte of Buffer.from(base64, 'base64')) {
    rest += (byte & 0x7f) * weight
    weight *= 0x80
    if (byte >= 0x80) continue
    numbers.push((before += rest))
    rest = 0
    weight = 1
  }
  return numbers
}
