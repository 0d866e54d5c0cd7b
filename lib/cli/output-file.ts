/** A file (or standard output, for `-`) to write lines to, with its errors in words. */
import { open } from 'node:fs/promises'
import { fileError } from '../config/file-error.js'
import type { LineWriter } from '../publishers/ndjson-sink.js'
import { write, type Terminal } from './terminal.js'

export interface OutputFile {
  readonly write: LineWriter
  close(): Promise<void>
}

/** Opens the file for writing from its start. @throws {TdaError} FILE; every write and `close` may throw it too. */
export async function openOutput(path: string, terminal: Terminal): Promise<OutputFile> {
  if (path === '-') return { write: (text) => write(terminal.stdout, text), close: () => Promise.resolve() }
  const what = `cannot write ${path}`
  const attempt = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (cause) {
      throw fileError(what, cause)
    }
  }
  const file = await attempt(open(path, 'w'))
  return {
    write: async (text) => {
      if (text !== '') await attempt(file.writeFile(text))
    },
    close: () => attempt(file.close())
  }
}
