/**
 * Results that wait on disk while brokers are away, in the order they came: a ring of segment files, each a sequence of
 * frames.
 *
 *   segment-00000007.spool    | length u32 | crc32 u32 | payload | length | crc32 | payload | ...
 *
 *   (Q1) A frame is on disk (fdatasync) when `append` resolves, so a crash loses nothing that was acknowledged.
 *   (Q2) What a crash tore is found by its length or checksum; it is the end of the last segment, and is cut off. Anything
 *        else that cannot be read was on disk before: an error, because its offsets may be committed.
 *   (Q3) At most `bytesMax` are on disk. A full spool, or a full disk, refuses: `append` answers false, and nothing of the
 *        frame remains.
 *   (Q4) A segment is removed when all its frames were taken; after a crash those of a segment that was being taken come
 *        again, from its start. So what is behind must bear repetition.
 *
 * Node's zlib has a CRC-32 from 20.15 on.
 */
import { open, mkdir, readdir, readFile, rm, truncate, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { TdaError } from '../errors.js'

const SEGMENT_BYTES = 8 * 1024 * 1024
const FRAME_HEAD_BYTES = 8
const NAME = /^segment-(\d{8})\.spool$/

export interface SpoolOptions {
  readonly directory: string
  readonly bytesMax: number
}

interface Segment {
  readonly number: number
  bytes: number
  frames: number
}

export class Spool {
  readonly #directory: string
  readonly #bytesMax: number
  readonly #segments: Segment[] = []
  /** Open for appending: the last segment. */
  #file: FileHandle | null = null
  #tail: Promise<unknown> = Promise.resolve()
  /** Payloads of the first segment that are not taken yet. */
  #taking: Buffer[] | null = null
  #tornBytes = 0

  /** Finds what a former life left. @throws FILE when the directory cannot be used, or something in it is damaged. */
  static async open({ directory, bytesMax }: SpoolOptions): Promise<Spool> {
    const spool = new Spool(directory, bytesMax)
    try {
      await mkdir(directory, { recursive: true })
      const names = (await readdir(directory)).filter((name) => NAME.test(name)).sort()
      for (const name of names) await spool.#recover(Number(NAME.exec(name)![1]), name === names.at(-1))
    } catch (cause) {
      if (cause instanceof TdaError) throw cause
      throw fileError(`open the spool in ${directory}`, cause)
    }
    return spool
  }

  private constructor(directory: string, bytesMax: number) {
    this.#directory = directory
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get frames(): number {
    return this.#segments.reduce((sum, { frames }) => sum + frames, 0) - this.#taken
  }

  /** Bytes that a crash tore, cut off when the spool was opened. */
  get tornBytes(): number {
    return this.#tornBytes
  }

  /** False when there is no room for it, in the spool or on the disk. @throws FILE for all else. */
  append(payload: Buffer): Promise<boolean> {
    return this.#alone(() => this.#append(payload))
  }

  /** The oldest payload, or null. It stays until `drop`. */
  first(): Promise<Buffer | null> {
    return this.#alone(() => this.#first())
  }

  /** Gives up the payload `first` answered. */
  drop(): Promise<void> {
    return this.#alone(async () => {
      this.#taking?.shift()
      if (this.#taking?.length === 0) await this.#remove()
    })
  }

  close(): Promise<void> {
    return this.#alone(() => this.#closeFile())
  }

  /** One at a time: who reads a segment must not meet a frame that is half written. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work)
    this.#tail = result.catch(() => {})
    return result
  }

  async #append(payload: Buffer): Promise<boolean> {
    const size = FRAME_HEAD_BYTES + payload.length
    if (this.bytes + size > this.#bytesMax) return false
    const segment = await this.#writable()
    if (segment === null) return false
    const head = Buffer.alloc(FRAME_HEAD_BYTES)
    head.writeUInt32LE(payload.length, 0)
    head.writeUInt32LE(crc32(payload), 4)
    try {
      // A disk that fills up takes the beginning and says nothing.
      const { bytesWritten } = await this.#file!.writev([head, payload], segment.bytes)
      if (bytesWritten < size) {
        await this.#file!.truncate(segment.bytes)
        return false
      }
      await this.#file!.datasync()
    } catch (cause) {
      await this.#file!.truncate(segment.bytes).catch(() => {})
      if (isDiskFull(cause)) return false
      throw fileError(`write to the spool in ${this.#directory}`, cause)
    }
    segment.bytes += size
    segment.frames += 1
    return true
  }

  async #first(): Promise<Buffer | null> {
    while (this.#segments.length > 0) {
      const segment = this.#segments[0]!
      if (this.#taking === null) {
        if (this.#segments.length === 1) await this.#closeFile() // What is appended from now on is another segment's.
        const content = (await this.#read(segment)).subarray(0, segment.bytes)
        const { payloads, bytes } = framesOf(content)
        if (bytes < segment.bytes) throw this.#damaged(segment, bytes)
        this.#taking = payloads
      }
      const payload = this.#taking[0]
      if (payload) return payload
      await this.#remove()
    }
    return null
  }

  get #taken(): number {
    return this.#taking === null ? 0 : this.#segments[0]!.frames - this.#taking.length
  }

  /** `null`: the disk has no room for one more. */
  async #writable(): Promise<Segment | null> {
    const last = this.#segments.at(-1)
    if (last && this.#file && last.bytes < SEGMENT_BYTES) return last
    await this.#closeFile()
    const segment = { number: (last?.number ?? 0) + 1, bytes: 0, frames: 0 }
    try {
      this.#file = await open(this.#path(segment), 'wx')
    } catch (cause) {
      if (isDiskFull(cause)) return null
      throw fileError(`write to the spool in ${this.#directory}`, cause)
    }
    this.#segments.push(segment)
    return segment
  }

  async #recover(number: number, isLast: boolean): Promise<void> {
    const segment = { number, bytes: 0, frames: 0 }
    const content = await this.#read(segment)
    const { payloads, bytes, isWholeFrame } = framesOf(content)
    if (bytes < content.length) {
      if (!isLast || isWholeFrame) throw this.#damaged(segment, bytes)
      await truncate(this.#path(segment), bytes)
      this.#tornBytes = content.length - bytes
    }
    segment.bytes = bytes
    segment.frames = payloads.length
    this.#segments.push(segment)
  }

  #damaged(segment: Segment, at: number): TdaError {
    const text =
      `the spool is damaged: ${this.#path(segment)} cannot be read from byte ${at} on, and results in it may be of offsets that are ` +
      'committed; bring the file back, or move it away and go on without them'
    return new TdaError('FILE', text)
  }

  async #read(segment: Segment): Promise<Buffer> {
    try {
      return await readFile(this.#path(segment))
    } catch (cause) {
      throw fileError(`read the spool in ${this.#directory}`, cause)
    }
  }

  /** Of the first segment, all of which is taken. */
  async #remove(): Promise<void> {
    const segment = this.#segments.shift()!
    this.#taking = null
    await rm(this.#path(segment), { force: true })
  }

  async #closeFile(): Promise<void> {
    const file = this.#file
    this.#file = null
    await file?.close()
  }

  #path({ number }: Segment): string {
    return join(this.#directory, `segment-${String(number).padStart(8, '0')}.spool`)
  }
}

interface Frames {
  readonly payloads: Buffer[]
  /** That they take; what is behind them is no frame. */
  readonly bytes: number
  /** Whether that is as long as it says, with more behind it: a crash would have torn the last thing written. */
  readonly isWholeFrame: boolean
}

/** The frames up to the first that cannot be read. */
function framesOf(content: Buffer): Frames {
  const payloads: Buffer[] = []
  let at = 0
  while (at + FRAME_HEAD_BYTES <= content.length) {
    const length = content.readUInt32LE(at)
    const end = at + FRAME_HEAD_BYTES + length
    if (length === 0 || end > content.length) break // Nothing has no length, but what a file system filled up with zeros.
    const payload = content.subarray(at + FRAME_HEAD_BYTES, end)
    if (crc32(payload) !== content.readUInt32LE(at + 4)) {
      return { payloads, bytes: at, isWholeFrame: end < content.length }
    }
    payloads.push(payload)
    at = end
  }
  return { payloads, bytes: at, isWholeFrame: false }
}

function isDiskFull(cause: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((cause as NodeJS.ErrnoException).code ?? '')
}

function fileError(what: string, cause: unknown): TdaError {
  return new TdaError('FILE', `${what}: ${(cause as Error).message}; check spool.directory`, { cause })
}
