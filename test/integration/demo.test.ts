import { expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { pino } from 'pino'
import { SCALES } from '../../lib/cli/demo/demo-config.js'
import { runDemo, type DemoResult } from '../../lib/cli/demo/run-demo.js'
import type { ScreenState } from '../../lib/cli/demo/screen.js'
import { loadSensorReadings, type SensorReading } from '../../lib/cli/demo/sensor-data.js'
import type { DemoView } from '../../lib/cli/demo/views.js'
import { nativeAddon } from '../../lib/native.js'
import { CTRL_C, hasPseudoTerminals, runOnTerminal } from '../support/pseudo-terminal.js'
import { PROGRAM_MS_MAX, root, runCommand } from '../support/run-command.js'
import { WatchedProcess } from '../support/watched-process.js'

const MAIN = `${root}/dist/lib/cli/main.js`
const demoCommand = (...args: string[]): string[] => [MAIN, 'demo', '--port', '0', ...args]

class RecordingView implements DemoView {
  readonly periodMs = 50
  readonly lines: string[] = []
  last: ScreenState | undefined
  begin(lines: readonly string[]): void {
    this.lines.push(...lines)
  }
  show(state: ScreenState): void {
    this.last = state
  }
  end(lines: readonly string[]): void {
    this.lines.push(...lines)
  }
}

type Bar = readonly [dimension: number, birth: number, death: number]

const inOrder = (a: Bar, b: Bar): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]

/** The bars of the last window of a scale, by batch, from the readings alone. */
function batchBars(scale: (typeof SCALES)[number], readings: readonly SensorReading[]): Bar[] {
  const addon = nativeAddon()
  if (scale.filtration === 'sublevel') {
    const values = Float64Array.from(readings, (reading) => reading[scale.channel])
    const rows = addon.seriesBatchDiagram(values, scale.filtration)
    return Array.from({ length: rows.length / 8 }, (_, row): Bar => [
      0,
      rows[8 * row + 2]!,
      rows[8 * row + 3]!
    ])
  }
  const cloud =
    'embedding' in scale
      ? readings.slice(16).map((_, i) => [16, 8, 0].map((lag) => readings[i + lag]![scale.channel]))
      : readings.map(({ humidity, temperature }) => [humidity, temperature])
  const batch = addon.batchCreate(
    {
      kind: 'points',
      numbers: Float64Array.from(cloud.flat()),
      dimension: cloud[0]!.length,
      metric: 'euclidean',
      weights: null
    },
    {
      maxDimension: 1,
      modulus: 2,
      threshold: Infinity,
      threads: 1,
      representatives: false,
      memoryMaxBytes: 2 ** 30
    }
  )
  const { pairs } = addon.batchRun(batch)
  addon.batchRelease(batch)
  return Array.from({ length: pairs.length / 8 }, (_, row): Bar => [
    pairs[8 * row]!,
    pairs[8 * row + 1]!,
    pairs[8 * row + 2]!
  ])
}

/** The bars of the diagram each replica should stand at, from the readings alone. */
function expectBatchDiagrams({ replicas }: DemoResult): void {
  const readings = loadSensorReadings()
  expect(replicas.map(({ stream, scale }) => `${stream} ${scale}`)).toHaveLength(4 * SCALES.length)
  for (const replica of replicas) {
    const scale = SCALES.find(({ name }) => name === replica.scale)!
    const series = readings.filter(({ stream }) => stream === replica.stream)
    const end = series.length - (series.length % scale.slide)
    const expected = batchBars(scale, series.slice(Math.max(0, end - scale.window), end)).sort(inOrder)
    const bars = replica
      .pairs()
      .map(({ dimension, birth, death }): Bar => [dimension, birth, death ?? Infinity])
    expect({
      name: `${replica.stream} ${replica.scale}`,
      sequence: replica.sequence,
      bars: bars.sort(inOrder)
    }).toEqual({ name: `${replica.stream} ${replica.scale}`, sequence: end / scale.slide, bars: expected })
  }
}

for (const transport of ['in-process', 'embedded'] as const) {
  test(`oracle_the demo on the ${transport} transport ends at the batch diagram of every stream and scale`, async () => {
    const view = new RecordingView()
    const result = await runDemo({
      rate: Infinity,
      exitAtEnd: true,
      port: 0,
      transport,
      view,
      logger: pino({ level: 'silent' }),
      signal: new AbortController().signal
    })
    expect(result).toMatchObject({ readings: 18_914, rejected: 0, gaps: 0 })
    expectBatchDiagrams(result)
    expect(view.last).toMatchObject({
      total: 18_914,
      published: 18_914,
      seen: 18_914,
      rejected: 0,
      ended: true
    })
    expect(view.last?.rows).toHaveLength(16)
    const said = view.lines.join('\n')
    expect(said).toContain(transport === 'embedded' ? '4 partitions' : 'In-process mesh')
    expect(said).toMatch(/results: topic tda\.diagrams/)
    expect(said).toMatch(/metrics: http:\/\/127\.0\.0\.1:\d+\/metrics/)
    expect(said).toMatch(/Done: 18,914 readings in .* 0 bad records/)
  })
}

test('the demo keeps the pace it is asked for and drains what it has taken when it is stopped', async () => {
  const view = new RecordingView()
  const stop = new AbortController()
  const show = view.show.bind(view)
  view.show = (state) => {
    show(state)
    if (state.seen >= 500) stop.abort()
  }
  const started = performance.now()
  const result = await runDemo({
    rate: 1000,
    exitAtEnd: false,
    port: 0,
    transport: 'in-process',
    view,
    logger: pino({ level: 'silent' }),
    signal: stop.signal
  })
  expect(result.readings).toBeGreaterThanOrEqual(500)
  // One second's worth may come at once after a pause; never more.
  expect(result.readings).toBeLessThanOrEqual(1000 + performance.now() - started)
  expect(result.gaps).toBe(0)
})

const onTerminal = hasPseudoTerminals() ? test : test.skip

onTerminal('npm start on a terminal: Ctrl-C drains, says what was done and exits 0', async () => {
  const run = runOnTerminal('npm start -- --rate 400 --port 0')
  await run.until(/lag/)
  await run.until(/mote-4.*temperature-64/)
  run.press(CTRL_C)
  expect(await run.ended).toBe(0)
  expect(run.output).toMatch(/Embedded broker .*4 partitions a topic.*at least once/s)
  expect(run.output).toMatch(/Done: [\d,]+ readings in [\d.]+ s .* 0 bad records/)
})

onTerminal('with NO_COLOR the live screen has no colours', async () => {
  const env = { ...process.env, NO_COLOR: '1' }
  const run = runOnTerminal(`${process.execPath} ${demoCommand('--rate', '400', '--no-kafka').join(' ')}`, {
    env
  })
  await run.until(/mote-4.*temperature-64/)
  run.press(CTRL_C)
  expect(await run.ended).toBe(0)
  // eslint-disable-next-line no-control-regex -- colours are control characters
  expect(run.output).not.toMatch(/\x1b\[[\d;]*m/)
})

test('without a terminal the demo writes log lines, and SIGTERM drains it and ends it with exit code 0', async () => {
  const args = demoCommand('--rate', '400', '--no-kafka')
  const run = new WatchedProcess(spawn(process.execPath, args, { cwd: root, timeout: PROGRAM_MS_MAX }))
  await run.until(/"msg":"streaming"/)
  run.kill('SIGTERM')
  expect(await run.ended).toBe(0)
  const lines = run.output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(lines.find(({ msg }) => msg === 'streaming')).toMatchObject({ total: 18_914, rejected: 0 })
  expect(lines.at(-2)?.['msg']).toMatch(/^Done: [\d,]+ readings/)
})

test('where node-rdkafka does not load, the demo says why and runs on the in-process mesh', async () => {
  const resolve = `export const resolve = (name, context, next) => {
    if (name !== 'node-rdkafka') return next(name, context)
    throw Object.assign(new Error('Cannot find package node-rdkafka'), { code: 'ERR_MODULE_NOT_FOUND' })
  }`
  const asData = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`
  const hook = asData(`import { register } from 'node:module'; register(${JSON.stringify(asData(resolve))})`)
  const { code, stdout } = await runCommand(process.execPath, [
    '--import',
    hook,
    ...demoCommand('--rate', 'high', '--exit-at-end')
  ])
  expect(code).toBe(0)
  expect(stdout).toMatch(/No embedded broker: .*node-rdkafka/)
  expect(stdout).toContain('In-process mesh')
  expect(stdout).toMatch(/Done: 18,914 readings/)
})

test('the demo explains itself, and refuses what it does not understand', async () => {
  const help = await runCommand(process.execPath, demoCommand('--help'))
  expect(help.code).toBe(0)
  for (const option of ['--rate', '--exit-at-end', '--plain', '--port']) expect(help.stdout).toContain(option)
  const wrong = await runCommand(process.execPath, demoCommand('--rate', 'fast'))
  expect(wrong.code).toBe(2)
  expect(wrong.stderr).toMatch(/--rate.*Expected readings a second from 1 to 1000000, or "high"/)
})
