/** A text file line by line, whatever is in it. Memory is bounded: one chunk, and one line of at most LINE_MAX characters. */
import { open } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { fileError } from '../config/file-error.js'
import { TdaError } from '../errors.js'

/** Longest line: a row of a matrix of some millions of numbers. */
export const LINE_MAX = 1 << 26

export interface TextFile {
  /** As given on the command line; `stdin` for `-`. */
  readonly path: string
  /** The file's name without folder and extension. */
  readonly name: string
  /** Size in bytes, where the file has one. */
  readonly bytes: number | null
  /** Bytes taken from the file so far. */
  bytesRead(): number
  /** The lines that are not blank, without their breaks. Can be read once; closes the file at its end or on `return`. */
  lines(): AsyncGenerator<string, void, undefined>
}

/**
 * Opens a text file, or standard input for `-`.
 * @throws {TdaError} FILE when it cannot be read; `lines()` throws it too, and for a line beyond LINE_MAX or bytes that
 * are no text.
 */
export async function openText(path: string, stdin: AsyncIterable<Uint8Array>): Promise<TextFile> {
  if (path === '-') return textFile('stdin', 'stdin', null, stdin)
  try {
    const handle = await open(path)
    const { size } = await handle.stat()
    const name = basename(path, extname(path))
    return textFile(path, name, size > 0 ? size : null, handle.createReadStream())
  } catch (cause) {
    throw fileError(`cannot read ${path}`, cause)
  }
}

function textFile(
  path: string,
  name: string,
  bytes: number | null,
  source: AsyncIterable<Uint8Array>
): TextFile {
  let bytesRead = 0
  async function* lines(): AsyncGenerator<string, void, undefined> {
    const decoder = new TextDecoder('utf-8', { fatal: true })
    let rest = ''
    try {
      for await (const chunk of source) {
        bytesRead += chunk.length
        const parts = decoder.decode(chunk, { stream: true }).split('\n')
        parts[0] = rest + parts[0]!
        rest = parts.pop()!
        if (rest.length > LINE_MAX) throw new TdaError('FILE', `${path}: a line is longer than ${LINE_MAX}`)
        yield* parts.filter(isFilled)
      }
      rest += decoder.decode()
    } catch (cause) {
      if (cause instanceof TdaError) throw cause
      throw cause instanceof TypeError
        ? new TdaError('FILE', `${path} is no text in UTF-8`, { cause })
        : fileError(`cannot read ${path}`, cause)
    }
    if (isFilled(rest)) yield rest
  }
  return { path, name, bytes, bytesRead: () => bytesRead, lines }
}

function isFilled(line: string): boolean {
  return line.trim() !== ''
}
