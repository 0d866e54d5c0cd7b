/** `streaming-tda load`: files, the embedded broker, a real one where there is one, signals. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { runProgram } from '../../lib/cli/program.js'
import { validateConfig } from '../../lib/config/load.js'
import { ResultsReader } from '../../lib/loadgen/results-reader.js'
import type { LoadProgress, LoadReport } from '../../lib/loadgen/report.js'
import { StreamLoadGenerator } from '../../lib/loadgen/stream-load-generator.js'
import { EmbeddedBroker } from '../../lib/mesh/embedded-broker.js'
import type { EventMesh } from '../../lib/mesh/event-mesh.js'
import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { KafkaBulkPublisher } from '../../lib/mesh/kafka-bulk-publisher.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import { createDaemon } from '../../lib/pipeline/daemon.js'
import { fakeTerminal, type FakeTerminal } from '../support/fake-terminal.js'
import { Reader } from '../support/mesh-conformance.js'
import { PROGRAM_MS_MAX, root } from '../support/run-command.js'
import { WatchedProcess } from '../support/watched-process.js'

let folder = ''
let broker: EmbeddedBroker
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tda-load-'))
  broker = await EmbeddedBroker.start()
})
afterAll(async () => {
  await broker.close()
  await rm(folder, { recursive: true })
})

async function load(
  args: readonly string[],
  terminal: FakeTerminal = fakeTerminal()
): Promise<[number, FakeTerminal]> {
  return [await runProgram(['load', ...args], terminal), terminal]
}

test('law_ one seed is one file, byte for byte', async () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => join(folder, name)) as [string, string, string]
  const common = [
    '--rate',
    '2000',
    '--duration',
    '300ms',
    '--arrival',
    'poisson',
    '--streams',
    '9',
    '--skew',
    '1.1'
  ]
  for (const [file, seed] of [
    [a, '5'],
    [b, '5'],
    [c, '6']
  ] as const) {
    expect((await load([...common, '--seed', seed, '--out', file]))[0]).toBe(0)
  }
  expect(await readFile(b, 'utf8')).toBe(await readFile(a, 'utf8'))
  expect(await readFile(c, 'utf8')).not.toBe(await readFile(a, 'utf8'))
})

test('a CSV file is replayed; the report is JSON', async () => {
  const csv = join(folder, 'readings.csv')
  await writeFile(csv, 'time,a,b\n2020-01-01,1,2.5\n2020-01-02,3,nonsense\n2020-01-03,5,6\n')
  const out = join(folder, 'replayed')
  const [code, terminal] = await load([
    '--csv',
    csv,
    '--records',
    '3',
    '--rate',
    '100',
    '--out',
    out,
    '--json',
    '--watch',
    `me=${process.pid}`
  ])
  expect(code).toBe(0)
  const values = (await readFile(out, 'utf8')).trimEnd().split('\n')
  expect(values.map((line) => (JSON.parse(line) as { value: unknown }).value)).toEqual([
    { a: 1, b: 2.5 },
    { a: 5, b: 6 },
    { a: 1, b: 2.5 }
  ])
  expect(terminal.err()).toContain('1 of 3 rows set aside: ')
  const report = JSON.parse(terminal.out()) as LoadReport
  expect(report).toMatchObject({ sent: 3, acknowledged: 3, data: 'rows', channels: ['a', 'b'] })
  expect(Object.keys(report.resources.processes)).toEqual(['me'])
})

test('what cannot be is said, with exit code 2', async () => {
  for (const [args, text] of [
    [[], 'where to? Give --brokers and --topic, or --config FILE, or --out FILE'],
    [['--out', '-', '--topic', 't'], '--out does without'],
    [['--out', '-', '--json'], 'cannot both be standard output'],
    [['--rate', '600000'], 'Expected a whole number from 1 to 500000'],
    [['--duration', '8d'], 'Expected a duration such as 30s or 5m, at most 604800s'],
    [['--watch', 'x'], 'Expected name=pid'],
    [['--data', 'sine', '--csv', 'x'], 'cannot be used with']
  ] as const) {
    const [code, terminal] = await load(args)
    expect(code).toBe(2)
    expect(terminal.err()).toContain(text)
  }
})

for (const reports of ['each', 'counted'] as const) {
  test(`through a broker, reports ${reports}: the topic has what was acknowledged`, async () => {
    const topic = `load-${reports}`
    const [code, terminal] = await load(
      ['--brokers', broker.brokers.join(','), '--topic', topic, '--reports', reports, '--json'].concat([
        '--rate',
        '5000',
        '--duration',
        '1s',
        '--streams',
        '20',
        '--skew',
        '1'
      ])
    )
    // The embedded broker creates topics on use, and cannot be asked to.
    expect([code, terminal.err()]).toEqual([3, expect.stringContaining('create topic')])
    const report = await withPublisher(broker.brokers, topic, reports)
    const mesh = await broker.connect()
    await expectRecords(mesh, topic, report.sent)
    await mesh.close()
  })
}

/** Reads the topic to the record that has to be its last; another one is waited for in vain and not seen. */
async function expectRecords(mesh: EventMesh, topic: string, count: number): Promise<void> {
  const reader = new Reader(await mesh.subscribe(topic, { groupId: topic }))
  await reader.nextOf('assigned')
  let found = 0
  while (found < count) found += (await reader.nextOf('records')).records.length
  expect(found).toBe(count)
  const lag = await reader.subscription.lag()
  expect([...lag.values()].reduce((sum, records) => sum + records, 0)).toBe(0)
  await reader.close()
}

async function withPublisher(
  brokers: readonly string[],
  topic: string,
  reports: 'each' | 'counted'
): Promise<LoadReport> {
  const publisher = await KafkaBulkPublisher.connect({ brokers, topic, reports })
  const report = await new StreamLoadGenerator({ rate: 5000, durationMs: 1000, streams: 20 }, publisher).run()
  await publisher.close()
  expect(report).toMatchObject({ sent: 5000, acknowledged: 5000, failed: 0, unconfirmed: 0 })
  expect(report.publishLatencyMs!.count).toBe(5000)
  expect(report.publishLatencyMs!.p50).toBeGreaterThanOrEqual(report.sendDelayMs!.p50)
  return report
}

test.each(['each', 'counted'] as const)(
  'a broker that goes away, reports %s: nothing is unaccounted for',
  async (reports) => {
    const script =
      "import { EmbeddedBroker } from './dist/lib/mesh/embedded-broker.js'\n" +
      'const broker = await EmbeddedBroker.start()\nconsole.log(`at ${broker.brokers.join()} `)'
    const leaving = new WatchedProcess(
      spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: root, timeout: PROGRAM_MS_MAX })
    )
    await leaving.until(/at \S+ /)
    const publisher = await KafkaBulkPublisher.connect({
      brokers: [/at (\S+) /.exec(leaving.output)![1]!],
      topic: 'leaving',
      reports,
      librdkafka: { 'message.timeout.ms': 2_000, 'enable.idempotence': false }
    })
    const seen = new AbortController()
    let failedBefore: number | null = null
    const onProgress = ({ acknowledged, failed }: LoadProgress): void => {
      if (failedBefore !== null && failed > failedBefore) seen.abort()
      if (failedBefore !== null || acknowledged === 0) return
      failedBefore = failed
      leaving.kill('SIGKILL')
    }
    const report = await new StreamLoadGenerator(
      { rate: 1000, durationMs: 600_000, drainMs: 60_000, onProgress },
      publisher
    ).run(seen.signal)
    await leaving.ended
    await publisher.close()
    expect(report.acknowledged).toBeGreaterThan(0)
    expect(report.failed).toBeGreaterThan(0)
    expect(report.acknowledged + report.failed).toBe(report.sent)
    expect(report.firstFailure).toContain('a record was not acknowledged')
  }
)

test('updates are read back: end to end from the intended time', async () => {
  const mesh = new InProcessEventMesh()
  const config = validateConfig({
    input: { topic: 'points', channels: ['value'], timestamp: { from: 'record' } },
    scales: [{ name: 'short', window: 64, slide: 10, filtration: 'sublevel' }]
  })
  const stop = new AbortController()
  const daemon = await createDaemon(config, { mesh, signal: stop.signal, http: false })
  const running = daemon.run()
  const results = await ResultsReader.open(mesh, config.output.topic)
  const report = await new StreamLoadGenerator(
    { rate: 1000, durationMs: 1000 },
    { mesh, topic: 'points' }
  ).run()
  // The reader waits 2 s after the last acknowledgement, in which a slow machine may not even have its threads up.
  while (daemon.pipeline.totals.updates < 100) await Promise.race([running, delay(10)])
  const endToEnd = await results.finish()
  stop.abort()
  await running
  await mesh.close()
  expect(report.acknowledged).toBe(1000)
  expect(endToEnd!.count).toBeGreaterThanOrEqual(100) // and a snapshot
  expect(endToEnd!.p50).toBeGreaterThanOrEqual(0)
})

test('Ctrl-C ends the run with its summary and exit code 0', async () => {
  const main = join(root, 'dist/lib/cli/main.js')
  const child = spawn(process.execPath, [main, 'load', '--out', '-', '--rate', '100', '--duration', '10m'], {
    timeout: PROGRAM_MS_MAX,
    killSignal: 'SIGKILL'
  })
  const watched = new WatchedProcess(child)
  await watched.until(/"key":"stream-0"/)
  watched.kill('SIGINT')
  expect(await watched.ended).toBe(0)
  expect(watched.output).toMatch(/stopped after .* into standard output/)
  expect(watched.output).toMatch(/events sent/)
})

const real = process.env['KAFKA_BROKERS']
if (real === undefined) {
  test.skip('load through a real broker: skipped, because KAFKA_BROKERS names none', () => {})
} else {
  test('load through a real broker: the log has what was acknowledged', async () => {
    const topic = `load-${Date.now()}`
    const config = join(folder, 'tda.yaml')
    await writeFile(
      config,
      `kafka: { brokers: [${real
        .split(',')
        .map((name) => JSON.stringify(name))
        .join(', ')}] }\n` +
        `input: { topic: ${topic}, channels: [x, y] }\n` +
        'scales: [{ name: a, window: 8, filtration: sublevel, channel: x }]\n'
    )
    const [code, terminal] = await load([
      '--config',
      config,
      '--data',
      'circle',
      '--rate',
      '30000',
      '--duration',
      '2s',
      '--points',
      '2',
      '--json'
    ])
    expect(code).toBe(0)
    const report = JSON.parse(terminal.out()) as LoadReport
    expect(report).toMatchObject({
      sent: 60_000,
      acknowledged: 60_000,
      failed: 0,
      unconfirmed: 0,
      points: 120_000
    })
    const mesh = await KafkaEventMesh.connect({ brokers: real.split(',') })
    await expectRecords(mesh, topic, 60_000)
    await mesh.close()
  })
}
