/** What a daemon logs from start to stop, SIGHUP included: every field is documented, and one stream is told in full. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { run } from '../../lib/cli/run.js'
import { LOG_COMPONENTS } from '../../lib/config/schema.js'
import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { fakeTerminal, type FakeTerminal } from '../support/fake-terminal.js'
import { root } from '../support/run-command.js'

const config = (
  log: string,
  extra = ''
): string => `kafka: { brokers: ['localhost:1'], librdkafka: { sasl.password: hunter2 } }
input: { channels: [v], timestamp: { from: record } }
scales: [{ name: fast, window: 4, filtration: sublevel }]
pipeline: { workers: 1 }
http: { port: 0 }
log: ${log}
${extra}`

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tda-logging-'))
})
afterAll(() => rm(folder, { recursive: true }))

type Line = Readonly<Record<string, unknown>>

function lines(terminal: FakeTerminal): Line[] {
  return terminal
    .err()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
}

async function until(terminal: FakeTerminal, holds: (line: Line) => boolean): Promise<Line> {
  for (;;) {
    const found = lines(terminal).find(holds)
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Fields by the page: those of every line, and all. */
async function documented(): Promise<{ readonly always: string[]; readonly all: Map<string, string> }> {
  const page = await readFile(join(root, 'docs/logging.md'), 'utf8')
  const table = page.slice(page.indexOf('## Fields'), page.indexOf('## Collecting'))
  const rows = [...table.matchAll(/^\| `(\w+)` \| ([^|]+) \|/gm)].map(([, name, on]) => [name!, on!] as const)
  return { always: rows.filter(([, on]) => on === 'every line').map(([name]) => name), all: new Map(rows) }
}

/** On lines of trouble that this run does not have; their own tests write them. */
const TROUBLE = [
  'trace_id',
  'span_id',
  'leftOut',
  'low',
  'committed',
  'ratio',
  'nativeMiB',
  'residentMiB',
  'silentS',
  'client',
  'librdkafka',
  'facility',
  'reader',
  'results',
  'length',
  'pairs',
  'position',
  'from',
  'resume',
  'stored',
  'streams'
]

test('every field that is logged is documented, and every documented one is logged', async () => {
  const path = join(folder, 'c.yaml')
  await writeFile(path, config('{ level: debug, debugStream: mote }'))
  const mesh = new InProcessEventMesh()
  await mesh.createStream('tda.points', 1)
  const terminal = fakeTerminal()
  const running = run({ config: path, check: false }, terminal, () => Promise.resolve(mesh))
  await until(terminal, ({ state }) => state === 'running')
  await mesh.publish('tda.points', [
    { key: 'mote', value: '{"v":1}', timestamp: 5 },
    { key: 'mote', value: 'poison' },
    { key: 'other', value: '{"v":1}' },
    { key: 'mote', value: '[{"v":3},{"v":2}]' }
  ])
  await until(terminal, ({ msg, sequence }) => msg === 'update published' && sequence === 3)
  process.emit('warning', new Error('it is late'))
  await until(terminal, ({ component }) => component === 'process')
  await writeFile(path, config('{ level: warn, components: { daemon: info } }'))
  process.emit('SIGHUP')
  await until(terminal, ({ msg }) => String(msg).endsWith('was read again and taken over'))
  await writeFile(path, config('{ level: debug }', 'streams: { max: 7 }\n'))
  process.emit('SIGHUP')
  const refused = await until(terminal, ({ level }) => level === 'error')
  const quiet = lines(terminal).length
  await mesh.publish('tda.points', [{ key: 'mote', value: '{"v":9}' }])
  process.emit('SIGTERM', 'SIGTERM')
  expect(await running).toBe(0)
  expect(refused['msg']).toBe(
    `${path}: streams.max cannot change while the daemon runs; restart it for that; the old configuration goes on`
  )
  const written = lines(terminal)
  expect(written.slice(quiet).map(({ msg }) => msg)).toEqual(['stopped'])

  const { always, all } = await documented()
  for (const line of written) {
    for (const name of always) expect([line['msg'], name, name in line]).toEqual([line['msg'], name, true])
    for (const name of Object.keys(line))
      expect([line['msg'], name, all.has(name)]).toEqual([line['msg'], name, true])
    expect(LOG_COMPONENTS).toContain(line['component'])
  }
  const seen = new Set(written.flatMap((line) => Object.keys(line)))
  expect([...all.keys()].filter((name) => !seen.has(name)).sort()).toEqual(
    [...TROUBLE].filter((name) => all.has(name)).sort()
  )
  expect(terminal.err()).not.toContain('hunter2')

  const told = written.filter(({ level, stream }) => level === 'debug' && stream !== undefined)
  expect(new Set(told.map(({ stream }) => stream))).toEqual(new Set(['mote']))
  expect(told).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ component: 'pipeline', partition: 0, offset: 1, reason: 'unparsable' }),
      expect.objectContaining({
        component: 'worker',
        msg: 'engine advanced',
        scale: 'fast',
        partition: 0,
        updates: expect.any(Number)
      }),
      expect.objectContaining({ msg: 'points taken', partition: 0, offset: 0, lastOffset: 3, points: 3 }),
      expect.objectContaining({
        msg: 'update published',
        scale: 'fast',
        partition: 0,
        sequence: 3,
        offset: 3,
        type: 'update'
      })
    ])
  )
})
