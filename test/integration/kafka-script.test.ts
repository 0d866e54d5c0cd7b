/** Where scripts/kafka.mjs takes brokers from: those given, else a container engine that answers, else Java; and what it says. */
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { runCommand, type CommandResult } from '../support/run-command.js'

let folder = ''
let calls = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tda-kafka-'))
  calls = join(folder, 'calls')
})
afterAll(() => rm(folder, { recursive: true }))

/** Programs on the PATH are these alone, but for Node itself: each notes its arguments, and fails where `answer` says so. */
async function programs(answers: Readonly<Record<string, string>>): Promise<string> {
  const bin = await mkdtemp(join(folder, 'bin-'))
  for (const [name, body] of Object.entries(answers)) {
    await writeFile(join(bin, name), `#!/bin/sh\necho "${name} $*" >> "${calls}"\n${body}\n`)
    await chmod(join(bin, name), 0o755)
  }
  await writeFile(calls, '')
  return `${bin}:${dirname(process.execPath)}:/usr/bin:/bin`
}

function kafka(args: readonly string[], env: NodeJS.ProcessEnv): Promise<CommandResult> {
  const all = { ...process.env, KAFKA_BROKERS: undefined, ...env }
  return runCommand(process.execPath, ['scripts/kafka.mjs', ...args], { env: all, limitMs: 600_000 })
}

test('brokers that are given are taken as they are', async () => {
  const { code, stdout } = await kafka(['up'], { KAFKA_BROKERS: 'one:9092,two:9092' })
  expect([code, stdout]).toEqual([0, 'one:9092,two:9092\n'])
})

test('a container engine that answers comes before Java; what it cannot do is said, and Java is tried', async () => {
  const PATH = await programs({
    docker: 'exit 1',
    podman: '[ "$1" = info ] || { echo "no such image" >&2; exit 1; }',
    java: 'exit 1',
    mvn: 'exit 1'
  })
  const { code, stdout, stderr } = await kafka(['up', '--name', 'decision'], { PATH })
  expect([code, stdout]).toEqual([3, ''])
  expect(stderr).toMatch(
    /^no Kafka: podman pull apache\/kafka:\S+: no such image; Java 17 or later .* is needed; or set KAFKA_BROKERS=host:port\n$/
  )
  const seen = (await readFile(calls, 'utf8')).trim().split('\n')
  expect(seen.slice(0, 3)).toEqual([
    'docker info',
    'podman info',
    expect.stringMatching(/^podman pull apache\/kafka:/)
  ])
  expect(seen.at(-1)).toBe('java -version')
})

test('without an engine and without Java there is no Kafka, and `up` says why with exit code 3', async () => {
  const PATH = await programs({ docker: 'exit 1', podman: 'exit 1', java: 'exit 1' })
  const { code, stderr } = await kafka(['up', '--name', 'decision'], { PATH })
  expect(code).toBe(3)
  expect(stderr).toContain('no container engine answers; Java 17 or later')
})

test.each([
  [['up', '--brokers', '2']],
  [['up', '--name', '../x']],
  [['up', '--brokers', '3', '--advertise', 'h:1']],
  [['up', '--security', 'tls']],
  [['stop']],
  [['stop', '4']],
  [['sideways']],
  [['up', '--unknown']]
])('%j is wrong usage', async (args) => {
  const { code, stderr } = await kafka(args, {})
  expect(code).toBe(2)
  expect(stderr).toContain('usage: kafka.mjs')
})

test('a cluster that is not there has no status, and nothing to take down', async () => {
  expect((await kafka(['status', '--name', 'nobody'], {})).code).toBe(1)
  expect((await kafka(['down', '--name', 'nobody'], {})).code).toBe(0)
  const { code, stderr } = await kafka(['stop', '1', '--name', 'nobody'], {})
  expect([code, stderr]).toEqual([3, 'there is no cluster "nobody"\n'])
})

const has = async (program: string, args: readonly string[]): Promise<boolean> =>
  (await runCommand(program, args, {}).catch(() => ({ code: 1 }))).code === 0
const canStart =
  process.env['KAFKA_BROKERS'] !== undefined &&
  (await has('java', ['-version'])) &&
  (await has('mvn', ['-v']))
if (!canStart) process.stderr.write('skipped: three brokers of their own (no KAFKA_BROKERS, Java or Maven)\n')

/** Resolves when the address takes a connection. */
async function accepts(address: string): Promise<void> {
  const [host = '', port] = address.split(':')
  const socket = connect(Number(port), host)
  await once(socket, 'connect')
  socket.destroy()
}

// Only where a run has brokers already: the artifacts are there, so this costs no download.
;(canStart ? test : test.skip)(
  'three brokers come up under a name of their own, are told by `status`, and go without touching others',
  async () => {
    const name = `three-${process.pid}`
    const before = await kafka(['status', '--json'], {})
    try {
      const up = await kafka(['up', '--brokers', '3', '--name', name], {})
      expect([up.code, up.stderr]).toEqual([0, expect.any(String)])
      const addresses = up.stdout.trim().split(',')
      expect(new Set(addresses).size).toBe(3)
      const status = await kafka(['status', '--name', name], {})
      expect([status.code, status.stdout]).toEqual([0, up.stdout])
      for (const address of addresses) await accepts(address)
      expect((await kafka(['kill', '2', '--name', name], {})).code).toBe(0)
      const without = await kafka(['status', '--name', name], {})
      expect([without.code, without.stdout]).toEqual([1, ''])
    } finally {
      expect((await kafka(['down', '--name', name], {})).code).toBe(0)
    }
    expect((await kafka(['status', '--name', name], {})).code).toBe(1)
    expect((await kafka(['status', '--json'], {})).stdout).toBe(before.stdout)
  },
  900_000
)
