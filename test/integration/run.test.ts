/** The daemon as `run` starts it, on the in-process mesh: from a configuration file to a drained stop. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { kafkaEnabled } from '../../lib/cli/mesh-flag.js'
import { run } from '../../lib/cli/run.js'
import { runProgram } from '../../lib/cli/program.js'
import { TdaError } from '../../lib/errors.js'
import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { fakeTerminal, type FakeTerminal } from '../support/fake-terminal.js'
import { Reader } from '../support/mesh-conformance.js'
import { PROGRAM_MS_MAX, root, runCommand } from '../support/run-command.js'
import { WatchedProcess } from '../support/watched-process.js'

const CONFIG = `kafka: { brokers: ['localhost:1'], librdkafka: { sasl.password: hunter2 } }
input:
  channels: [v]
scales:
  - { name: fast, window: 4, filtration: sublevel }
http: { port: 0 }
shutdown: { timeout: 20s }
`

let folder = ''
let path = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tda-run-'))
  path = join(folder, 'c.yaml')
  await writeFile(path, CONFIG)
})
afterAll(() => rm(folder, { recursive: true }))

/** The log lines so far. */
function log(
  terminal: FakeTerminal
): { readonly msg: string; readonly url?: string; readonly points?: number }[] {
  return terminal
    .err()
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { msg: string })
}

describe('run', () => {
  test('--check validates, says what memory is needed, and starts nothing', async () => {
    const terminal = fakeTerminal()
    expect(await runProgram(['run', '--config', path, '--check'], terminal)).toBe(0)
    expect(terminal.out()).toMatch(/c\.yaml is valid; its windows need at most \d+ of \d+ MiB\n$/)
    await writeFile(join(folder, 'bad.yaml'), CONFIG.replace('window: 4', 'window: four'))
    const bad = fakeTerminal()
    expect(await runProgram(['run', '--config', join(folder, 'bad.yaml'), '--check'], bad)).toBe(2)
    expect(bad.err()).toContain('bad.yaml:5:27: scales[0].window: expected a number of points such as 4096')
  })

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'records become updates, bad ones dead letters, and %s drains',
    async (signal) => {
      const mesh = new InProcessEventMesh()
      await mesh.createStream('tda.points', 4)
      await mesh.createStream('tda.diagrams', 4)
      await mesh.createStream('tda.dead-letters', 4)
      const updates = new Reader(await mesh.subscribe('tda.diagrams', { groupId: 'test' }))
      const letters = new Reader(await mesh.subscribe('tda.dead-letters', { groupId: 'test' }))
      await updates.nextOf('assigned')
      await letters.nextOf('assigned')
      await mesh.publish('tda.points', [
        { key: 'mote', value: '{"v":1}' },
        { key: 'mote', value: '{"v":"x"}' },
        { key: 'mote', value: '[{"v":3},{"v":2}]' }
      ])
      const terminal = fakeTerminal()
      const running = run({ config: path, check: false }, terminal, () => Promise.resolve(mesh))
      const records = await updates.records(3)
      expect(
        records.map(({ key, value }) => [
          String(key),
          (JSON.parse(String(value)) as { sequence: number }).sequence
        ])
      ).toEqual([
        ['mote', 1],
        ['mote', 2],
        ['mote', 3]
      ])
      const [letter] = await letters.records(1)
      expect([String(letter!.value), letter!.headers?.find(([name]) => name === 'tda-reason')?.[1]]).toEqual([
        '{"v":"x"}',
        'unparsable'
      ])
      expect(log(terminal)[0]).toMatchObject({
        msg: 'starting',
        workers: expect.any(Number),
        memoryLimitMiB: expect.any(Number),
        memoryPredictedMiB: expect.any(Number)
      })
      const { url } = log(terminal).find((line) => line.url !== undefined)!
      const metrics = await (await fetch(`${url}/metrics`)).text()
      expect(metrics).toContain('\ntda_points_processed_total 3\n')
      expect(metrics).toContain('\ntda_records_rejected_total{reason="unparsable"} 1\n')
      expect((await fetch(`${url}/readyz`)).status).toBe(200)
      await updates.close()
      await letters.close()
      process.emit(signal, signal)
      process.emit(signal, signal) // npm sends Ctrl-C twice
      expect(await running).toBe(0)
      expect(log(terminal).at(-1)).toMatchObject({ msg: 'stopped', points: 3 })
      expect(terminal.err()).not.toContain('hunter2')
      await expect(fetch(`${url}/healthz`)).rejects.toThrow()
    }
  )

  test('brokers that do not answer end it, and nothing stays open', async () => {
    const listeners = process.listenerCount('SIGTERM')
    const unreachable = (): Promise<never> => Promise.reject(new TdaError('BROKER', 'no broker'))
    await expect(run({ config: path, check: false }, fakeTerminal(), unreachable)).rejects.toMatchObject({
      code: 'BROKER'
    })
    expect(process.listenerCount('SIGTERM')).toBe(listeners)
  })

  test('a second, different signal ends it at once', async () => {
    const child = spawn(process.execPath, [join(root, 'dist/lib/cli/main.js'), 'run', '--config', path], {
      timeout: PROGRAM_MS_MAX
    })
    const closed = once(child, 'close')
    let text = ''
    for await (const chunk of child.stderr) {
      text += String(chunk)
      // No broker answers, so it is still connecting when the signals come.
      if (!child.killed && text.includes('"starting"'))
        ['SIGTERM', 'SIGINT'].forEach((name) => child.kill(name as NodeJS.Signals))
    }
    expect(await closed).toEqual([3, null])
    expect(text).toContain('stopped at once')
  })

  test('brokers that are not there are found in bounded time, in one line', async () => {
    const { code, stdout, stderr } = await runCommand(process.execPath, [
      join(root, 'dist/lib/cli/main.js'),
      'run',
      '--config',
      path
    ])
    expect([code, stdout]).toEqual([3, ''])
    const lines = stderr
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('{'))
    expect(lines).toEqual([
      expect.stringMatching(/^streaming-tda: (no broker of localhost:1 answered|.*node-rdkafka)/)
    ])
  })
})

test('the flag ENABLE_KAFKA_EVENT_MESH is on unless it says otherwise', () => {
  for (const flag of [undefined, '', '1', 'true', ' ON ', 'yes']) {
    expect(kafkaEnabled({ ENABLE_KAFKA_EVENT_MESH: flag })).toBe(true)
  }
  for (const flag of ['0', 'false', 'Off', 'no'])
    expect(kafkaEnabled({ ENABLE_KAFKA_EVENT_MESH: flag })).toBe(false)
  expect(() => kafkaEnabled({ ENABLE_KAFKA_EVENT_MESH: 'maybe' })).toThrow(
    /expected 1, true, on, .* found "maybe"/
  )
})

test('with ENABLE_KAFKA_EVENT_MESH off the daemon runs on the in-process mesh, without brokers, and drains', async () => {
  const file = join(folder, 'no-kafka.yaml')
  await writeFile(file, CONFIG.replace(/^kafka: .*\n/, ''))
  const main = join(root, 'dist/lib/cli/main.js')
  const daemon = new WatchedProcess(
    spawn(process.execPath, [main, 'run', '--config', file], {
      env: { ...process.env, ENABLE_KAFKA_EVENT_MESH: 'off' },
      timeout: PROGRAM_MS_MAX,
      killSignal: 'SIGKILL'
    })
  )
  await daemon.until(/metrics and health at/)
  const [, url] = /"url":"([^"]+)"/.exec(daemon.output)!
  while ((await fetch(`${url}/readyz`)).status !== 200) await new Promise((resolve) => setImmediate(resolve))
  expect(daemon.output).toContain('ENABLE_KAFKA_EVENT_MESH is off, no broker is used. In-process mesh')
  daemon.kill('SIGTERM')
  expect(await daemon.ended).toBe(0)
  const on = await runCommand(process.execPath, [main, 'run', '--config', file, '--check'])
  expect([on.code, on.stderr]).toEqual([2, expect.stringContaining('kafka: expected a mapping with brokers')])
})
