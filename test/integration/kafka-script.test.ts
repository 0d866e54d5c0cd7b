/** Where scripts/kafka.mjs takes brokers from: those given, else a container engine that answers, else Java; and what it says. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
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
  const own = { ...process.env }
  delete own['KAFKA_BROKERS']
  return runCommand(process.execPath, ['scripts/kafka.mjs', ...args], { env: { ...own, ...env } })
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
