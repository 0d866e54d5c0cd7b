/** A terminal whose output is collected. */
import { Readable, Writable } from 'node:stream'
import type { Terminal } from '../../lib/cli/terminal.js'

export interface FakeTerminal extends Terminal {
  out(): string
  err(): string
}

export function fakeTerminal({
  input = '',
  isTTY = false
}: { readonly input?: string | Uint8Array; readonly isTTY?: boolean } = {}): FakeTerminal {
  const texts = { out: '', err: '' }
  const collect = (name: 'out' | 'err'): Writable & { isTTY: boolean } => {
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        texts[name] += chunk.toString('utf8')
        done()
      }
    })
    return Object.assign(stream, { isTTY })
  }
  return {
    stdin: Readable.from([Buffer.from(input)]),
    stdout: collect('out'),
    stderr: collect('err'),
    colours: false,
    out: () => texts.out,
    err: () => texts.err
  }
}
