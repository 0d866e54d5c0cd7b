import { expect, test } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, runCommand } from '../support/run-command.js'

const node = (args: readonly string[], env = process.env) => runCommand(process.execPath, args, { env })
const inSystemModule = (expression: string, env = process.env) =>
  node(
    [
      '--input-type=module',
      '--eval',
      `import { missing, howToInstall } from ${JSON.stringify(join(root, 'scripts/setup/system.mjs'))}
       process.stdout.write(${expression})`
    ],
    env
  )

test('two set-ups at once take turns', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'streaming-tda-turns-'))
  const turns = join(directory, 'turns')
  const body = `
    import { appendFileSync } from 'node:fs'
    import { setImmediate } from 'node:timers/promises'
    import { withLock } from ${JSON.stringify(join(root, 'scripts/setup/stamp.mjs'))}
    await withLock(async () => {
      appendFileSync(${JSON.stringify(turns)}, 'in ')
      for (let turn = 0; turn < 1000; turn++) await setImmediate()
      appendFileSync(${JSON.stringify(turns)}, 'out ')
    }, { onWait: () => undefined })`
  try {
    const both = [1, 2].map(() => node(['--input-type=module', '--eval', body]))
    expect((await Promise.all(both)).map(({ code }) => code)).toEqual([0, 0])
    expect(readFileSync(turns, 'utf8')).toBe('in out in out ')
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('set-up refuses an option it does not know with exit code 2', async () => {
  const { code, stderr } = await node(['scripts/setup.mjs', '--tets'])
  expect(code).toBe(2)
  expect(stderr).toBe('setup: unknown option --tets; known: --tests, --retry-kafka\n')
})

test('absent tools are named with the apt-get line that brings exactly them', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'streaming-tda-path-'))
  try {
    const { stdout } = await inSystemModule("howToInstall(missing('addon', 'kafka', 'tests'))", {
      ...process.env,
      CXX: '',
      PATH: empty
    })
    expect(stdout).toMatch(
      /^missing: make, CMake 3\.25 or newer, Python 3 \(for node-gyp\), a C\+\+20 compiler, /
    )
    expect(stdout).toContain('make cmake python3 g++ libssl-dev zlib1g-dev')
    expect(stdout).toContain('libgtest-dev')
    expect(stdout).not.toContain('libzstd-dev')
  } finally {
    rmSync(empty, { recursive: true })
  }
})

test('nothing that the addon needs is missing where the addon was built', async () => {
  expect((await inSystemModule("missing('addon').join()")).stdout).toBe('')
})

test('a step that fails shows the first reason, the end of its log, and where the whole of it is', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'streaming-tda-log-'))
  const command = 'echo "x.c:3:1: error: no such thing"; seq 1 20; exit 3'
  const log = join(directory, 'step.log')
  try {
    const { stdout } = await node([
      '--input-type=module',
      '--eval',
      `import { relative } from 'node:path'
       import { logDirectory, runLogged } from ${JSON.stringify(join(root, 'scripts/setup/shell.mjs'))}
       const log = relative(logDirectory, ${JSON.stringify(log)})
       runLogged('sh', ['-c', ${JSON.stringify(command)}], { title: 'make it', log }).catch((error) => console.log(error.message))`
    ])
    expect(stdout.split('\n').slice(0, 4)).toEqual([
      'make it: exit code 3',
      '    x.c:3:1: error: no such thing',
      '    ...',
      '    9'
    ])
    expect(stdout).toContain(`Full log: ${log}`)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('options of the outer npm command do not reach the inner one, where to install from does', async () => {
  const { stdout } = await node(
    [
      '--input-type=module',
      '--eval',
      `import { innerEnvironment } from ${JSON.stringify(join(root, 'scripts/setup/shell.mjs'))}
       process.stdout.write(Object.keys(innerEnvironment()).filter((name) => name.startsWith('npm_')).join())`
    ],
    {
      PATH: process.env['PATH'],
      npm_config_omit: 'optional',
      npm_config_loglevel: 'silent',
      npm_lifecycle_event: 'start',
      npm_package_name: 'x',
      npm_config_cache: 'c'
    }
  )
  expect(stdout).toBe('npm_config_cache')
})
