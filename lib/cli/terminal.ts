/** The streams a command speaks through, so that tests can listen; progress bars; and errors in one line each. */
import type { Readable, Writable } from 'node:stream'
import { isNativeError } from 'node:util/types'
import { SingleBar } from 'cli-progress'
import Table from 'cli-table3'
import { TdaError } from '../errors.js'

export interface Terminal {
  readonly stdin: Readable
  readonly stdout: Writable & { readonly isTTY?: boolean }
  readonly stderr: Writable & { readonly isTTY?: boolean }
  /** False with NO_COLOR. */
  readonly colours: boolean
}

export interface Progress {
  update(done: number): void
  stop(): void
}

const SILENT: Progress = { update() {}, stop() {} }

/** A bar on standard error where that is a terminal, else nothing. `total` null: unknown, so there is no bar. */
export function progressBar(terminal: Terminal, what: string, total: number | null): Progress {
  if (terminal.stderr.isTTY !== true || total === null || total === 0) return SILENT
  const format = `${what} [{bar}] {percentage}% | {duration_formatted}, {eta_formatted} to go`
  const bar = new SingleBar({
    format,
    stream: terminal.stderr,
    hideCursor: true,
    fps: 5,
    clearOnComplete: true
  })
  bar.start(total, 0)
  return { update: (done) => bar.update(done), stop: () => bar.stop() }
}

/** A table without colours and lines between rows; numbers to the right. */
export function tableText(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const colAligns = head.map((_, column) =>
    rows.every((row) => typeof row[column] === 'string') ? 'left' : 'right'
  )
  const chars = Object.fromEntries(LINES.map((line) => [line, '']))
  const table = new Table({
    head: [...head],
    colAligns,
    chars: { ...chars, middle: ' ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 1 }
  })
  table.push(...rows.map((row) => [...row]))
  return table.toString().replace(/ +$/gm, '')
}

const LINES = [
  'top',
  'top-mid',
  'top-left',
  'top-right',
  'bottom',
  'bottom-mid',
  'bottom-left',
  'bottom-right',
  'left',
  'left-mid',
  'mid',
  'mid-mid',
  'right',
  'right-mid'
] as const

/** Writes text and waits where the reader is slow. */
export async function write(stream: Writable, text: string): Promise<void> {
  if (stream.write(text)) return
  await new Promise<void>((done, fail) => {
    const settle = (act: () => void) => (): void => {
      for (const [event, listener] of listeners) stream.off(event, listener)
      act()
    }
    const listeners = [
      ['drain', settle(done)],
      ['close', settle(done)],
      ['error', settle(() => fail(new TdaError('FILE', 'the output cannot be written')))]
    ] as const
    for (const [event, listener] of listeners) stream.on(event, listener)
  })
}

/** One line for each problem; where it happened only with `debug`. */
export function errorText(error: unknown, debug: boolean): string {
  const message =
    error instanceof TdaError ? error.message : `internal error, please report it: ${String(error)}`
  const lines = message.split('\n').map((line) => `streaming-tda: ${line}\n`)
  return lines.join('') + (debug && isNativeError(error) ? `${stackText(error)}\n` : '')
}

function stackText(error: Error): string {
  const cause = isNativeError(error.cause) ? `\ncaused by ${stackText(error.cause)}` : ''
  return `${error.stack ?? error.message}${cause}`
}
