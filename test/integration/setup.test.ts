import { expect, test } from '@jest/globals'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
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

/** A checkout with an unbuilt node-rdkafka, and on the PATH an npm that notes its arguments and then does `body`. */
function unbuiltClient(directory: string): {
  npm: (body: string) => void
  calls: () => string[]
  build: (retry: boolean) => Promise<string>
} {
  const client = join(directory, 'node_modules', 'node-rdkafka')
  const bin = join(directory, 'bin')
  mkdirSync(client, { recursive: true })
  mkdirSync(bin)
  writeFileSync(join(client, 'package.json'), '{ "name": "node-rdkafka", "version": "3.6.1" }')
  cpSync(join(root, 'scripts'), join(directory, 'scripts'), { recursive: true })
  const script = (name: string, body: string): void =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  const headers = ['OpenSSL', 'zlib', 'zstd', 'SASL'].map((name) => `echo 'found "${name} headers"'`)
  script('c++', ['cat > /dev/null', ...headers].join('\n'))
  for (const tool of ['make', 'python3']) script(tool, 'exit 0')
  const calls = join(directory, 'calls')
  writeFileSync(calls, '')
  const work = `
    import { buildKafkaClient } from ${JSON.stringify(join(directory, 'scripts/setup/kafka.mjs'))}
    import { Report } from ${JSON.stringify(join(directory, 'scripts/setup/report.mjs'))}
    import { Stamp } from ${JSON.stringify(join(directory, 'scripts/setup/stamp.mjs'))}
    await buildKafkaClient(new Report(), new Stamp(), { retry: process.env.RETRY === 'yes' })`
  return {
    npm: (body) => script('npm', `echo "$*" >> ${JSON.stringify(calls)}\n${body}`),
    calls: () => readFileSync(calls, 'utf8').split('\n').filter(Boolean),
    build: async (retry) => {
      const PATH = [bin, '/usr/bin', '/bin'].join(delimiter)
      const env = { ...process.env, PATH, CXX: '', npm_execpath: '', RETRY: retry ? 'yes' : 'no' }
      const { code, stderr } = await node(['--input-type=module', '--eval', work], env)
      expect(code).toBe(0)
      return stderr
    }
  }
}

test('a Kafka client that does not build is said with its reason, not tried again unless asked, and then built', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'streaming-tda-client-'))
  try {
    const { npm, calls, build } = unbuiltClient(directory)
    npm('echo "rdkafka.c:7:10: fatal error: no such header"; exit 1')
    const failure = await build(false)
    expect(failure).toContain('node-rdkafka could not be built: npm rebuild node-rdkafka: exit code 1\n')
    expect(failure).toContain('rdkafka.c:7:10: fatal error: no such header')
    expect(failure).toContain('Everything else works, with the in-process mesh instead of Kafka.')
    expect(failure).toContain('`node scripts/setup.mjs --retry-kafka` tries again.')
    expect(calls()).toEqual(['rebuild node-rdkafka --foreground-scripts'])

    expect(await build(false)).toBe(
      'Still without node-rdkafka (npm rebuild node-rdkafka: exit code 1): the in-process mesh is used.\n' +
        'To try again: node scripts/setup.mjs --retry-kafka\n'
    )
    expect(calls()).toHaveLength(1)
    expect(await build(true)).toContain('node-rdkafka could not be built')
    expect(calls()).toHaveLength(2)

    npm('exit 0') // as with install scripts switched off
    expect(await build(true)).toContain('ended well but the module does not load')
    const client = join(directory, 'node_modules', 'node-rdkafka')
    npm(
      `mkdir -p ${client}/build/Release && touch ${client}/build/Release/node-librdkafka.node ${client}/index.js`
    )
    expect(await build(true)).toContain('done    Kafka client node-rdkafka')
    expect(await build(false)).toBe('')
    expect(calls()).toHaveLength(4)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
