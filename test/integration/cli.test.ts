/** The executable as a process of its own: pipes that close early, standard input, exit codes. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { PROGRAM_MS_MAX, root, runCommand } from '../support/run-command.js'

const main = join(root, 'dist/lib/cli/main.js')
const cli = (args: readonly string[], input = ''): ReturnType<typeof runCommand> =>
  runCommand(process.execPath, [main, ...args], { input })

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tda-main-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('exit codes and streams', async () => {
  expect(await cli(['--version'])).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' })
  expect(await cli(['diagram', '-', '--json'], 'v\n2\n1\n3\n')).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(/^\{.*\}\n$/)
  })
  expect(await cli(['verify', '-'], 'v\n2\n1\n3\n')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('9 windows checked, 0 mismatches')
  })
  expect(await cli(['nonsense'])).toMatchObject({
    code: 2,
    stdout: '',
    stderr: "streaming-tda: unknown command 'nonsense'\n"
  })
  expect(await cli(['diagram', join(folder, 'none.csv')])).toMatchObject({ code: 3, stdout: '' })
})

test('a reader that leaves early is no error', async () => {
  const csv = join(folder, 'long.csv')
  await writeFile(csv, `v\n${Array.from({ length: 60_000 }, (_, i) => (i * 7919) % 1009).join('\n')}\n`)
  const config = join(folder, 'c.yaml')
  await writeFile(
    config,
    'input: { channels: [v] }\nscales: [{ name: a, window: 64, filtration: sublevel }]\n'
  )
  const code = await new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, 'replay', csv, '--config', config, '--out', '-'], {
      timeout: PROGRAM_MS_MAX
    })
    child.stdout.once('data', () => child.stdout.destroy())
    child.stderr.resume()
    child.on('error', reject)
    child.on('close', resolve)
  })
  expect(code).toBe(0)
})
