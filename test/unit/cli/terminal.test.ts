import { Writable } from 'node:stream'
import { expect, test } from '@jest/globals'
import { exitCodeOf } from '../../../lib/cli/exit-codes.js'
import { openOutput } from '../../../lib/cli/output-file.js'
import { errorText, progressBar, tableText, write } from '../../../lib/cli/terminal.js'
import { TdaError } from '../../../lib/errors.js'
import { fakeTerminal } from '../../support/fake-terminal.js'

test('exit codes: usage and configuration 2, everything else that could not be done 3', () => {
  expect(exitCodeOf(new TdaError('USAGE', ''))).toBe(2)
  expect(exitCodeOf(new TdaError('CONFIG_INVALID', ''))).toBe(2)
  expect(exitCodeOf(new TdaError('BROKER', ''))).toBe(3)
  expect(exitCodeOf(new TdaError('MEMORY_LIMIT', ''))).toBe(3)
  expect(exitCodeOf(new RangeError('x'))).toBe(3)
})

test('every problem is one line; an error that is not ours says so', () => {
  expect(errorText(new TdaError('CONFIG_INVALID', 'a\nb'), false)).toBe(
    'streaming-tda: a\nstreaming-tda: b\n'
  )
  expect(errorText(new RangeError('x'), false)).toBe(
    'streaming-tda: internal error, please report it: RangeError: x\n'
  )
  const error = new TdaError('FILE', 'a', { cause: new Error('b') })
  expect(errorText(error, true)).toMatch(/^streaming-tda: a\nTdaError: a\n[^]*caused by Error: b\n/)
  expect(errorText('text', true)).toBe('streaming-tda: internal error, please report it: text\n')
})

test('a bar is drawn on a terminal only, and only where the end is known', () => {
  const terminal = fakeTerminal({ isTTY: true })
  const bar = progressBar(terminal, 'reading', 10)
  bar.update(5)
  bar.stop()
  expect(terminal.err()).toContain('reading')
  for (const [isTTY, total] of [
    [false, 10],
    [true, null],
    [true, 0]
  ] as const) {
    const silent = fakeTerminal({ isTTY })
    const none = progressBar(silent, 'reading', total)
    none.update(5)
    none.stop()
    expect(silent.err()).toBe('')
  }
})

test('tables have numbers to the right and no lines', () => {
  const rows = [
    ['a', 1.5],
    ['longer', 20]
  ]
  expect(tableText(['name', 'size'], rows).split('\n')).toEqual([
    expect.stringMatching(/^name +size$/),
    expect.stringMatching(/^a +1\.5$/),
    expect.stringMatching(/^longer +20$/)
  ])
})

/** A stream that takes one chunk, then nothing until `go`. */
function slow(): { stream: Writable; go: () => void } {
  let go = (): void => {}
  const stream = new Writable({
    highWaterMark: 1,
    write(_chunk, _encoding, done) {
      go = done
    }
  })
  return { stream, go: () => go() }
}

test('writing waits for a slow reader, and ends with the stream', async () => {
  const { stream, go } = slow()
  let written = false
  const writing = write(stream, 'text').then(() => (written = true))
  await Promise.resolve()
  expect(written).toBe(false)
  go()
  await writing
  expect(stream.listenerCount('drain')).toBe(0)

  const broken = slow().stream
  const failing = write(broken, 'text')
  broken.destroy(new Error('gone'))
  await expect(failing).rejects.toMatchObject({ code: 'FILE' })

  const closed = slow().stream
  const ending = write(closed, 'text')
  closed.destroy()
  await ending
})

test('standard output is an output like others, and is not closed', async () => {
  const terminal = fakeTerminal()
  const output = await openOutput('-', terminal)
  await output.write('a\n')
  await output.close()
  terminal.stdout.write('b\n')
  expect(terminal.out()).toBe('a\nb\n')
})
