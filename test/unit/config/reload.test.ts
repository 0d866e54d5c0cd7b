/** What a running daemon takes over from a changed file, and what it refuses. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { reload, reloadOnSignal } from '../../../lib/cli/reload.js'
import { loadConfig } from '../../../lib/config/load.js'
import { refusedChanges } from '../../../lib/config/reload.js'
import { TdaError } from '../../../lib/errors.js'
import type { Config } from '../../../lib/config/schema.js'

const TEXT = `kafka: { brokers: [localhost:1], librdkafka: { sasl.password: hunter2 } }
input: { channels: [v] }
scales:
  - { name: fast, window: 4, filtration: sublevel }
log: { level: info }
`

let folder = ''
let path = ''
let running: Config
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tda-reload-'))
  path = join(folder, 'c.yaml')
  await writeFile(path, TEXT)
  running = await loadConfig(path, 'broker')
})
afterAll(() => rm(folder, { recursive: true }))

function listening(): {
  readonly lines: string[]
  readonly changed: Config[]
  readonly options: Omit<Parameters<typeof reload>[0], 'path' | 'running'>
} {
  const lines: string[] = []
  const changed: Config[] = []
  const write = (level: string) => (_: object, message: string) => void lines.push(`${level} ${message}`)
  const logger = { info: write('info'), warn: write('warn'), error: write('error') }
  return {
    lines,
    changed,
    options: {
      use: 'broker',
      logger,
      gate: { reconfigure: () => {} },
      parts: [{ reconfigure: (config) => void changed.push(config) }]
    }
  }
}

test('log, metrics and tracing are taken over', async () => {
  await writeFile(
    path,
    `${TEXT.replace('level: info', 'level: debug, components: { kafka: warn }')}metrics: { streams: [a] }\ntracing: { sampler: { ratio: 0.5 } }\n`
  )
  const { lines, changed, options } = listening()
  const now = await reload({ path, running, ...options })
  expect([now.log.level, now.metrics.streams, now.tracing.sampler?.ratio]).toEqual(['debug', ['a'], 0.5])
  expect(changed).toEqual([now])
  expect(lines).toEqual([`info ${path} was read again and taken over`])
})

test('what needs a restart is refused, whole, with a line for each path and no value', async () => {
  const text = TEXT.replace('level: info', 'level: debug')
    .replace('hunter2', 'hunter3')
    .replace('window: 4', 'window: 5')
  await writeFile(path, `${text}pipeline: { workers: 2 }\n`)
  const { lines, changed, options } = listening()
  expect(await reload({ path, running, ...options })).toBe(running)
  expect(changed).toEqual([])
  const rest = 'cannot change while the daemon runs; restart it for that; the old configuration goes on'
  expect(lines).toEqual([
    `error ${path}: kafka.librdkafka["sasl.password"] ${rest}`,
    `error ${path}: scales[0].window.count ${rest}`,
    `error ${path}: pipeline.workers ${rest}`
  ])
})

test('a file that is not valid, or not there, changes nothing', async () => {
  await writeFile(path, TEXT.replace('level: info', 'level: loud'))
  const { lines, options } = listening()
  expect(await reload({ path, running, ...options })).toBe(running)
  expect(await reload({ path: join(folder, 'none.yaml'), running, ...options })).toBe(running)
  expect(lines[0]).toMatch(
    /^error .*c\.yaml:5:15: log\.level: expected one of .*; the old configuration goes on$/
  )
  expect(lines[1]).toMatch(
    /^error cannot read the configuration .*none\.yaml.*; the old configuration goes on$/
  )
})

test('what the gate refuses changes nothing else, and is tried again the next time', async () => {
  await writeFile(path, TEXT.replace('level: info', 'level: debug'))
  const { lines, changed, options } = listening()
  const refusing = { reconfigure: () => Promise.reject(new TdaError('CONFIG_INVALID', 'no such exporter')) }
  expect(await reload({ path, running, ...options, gate: refusing })).toBe(running)
  expect(changed).toEqual([])
  expect(lines).toEqual(['error no such exporter; the old configuration goes on'])
  expect((await reload({ path, running, ...options })).log.level).toBe('debug')
  expect(changed).toHaveLength(1)
})

test('a signal that comes before the gate can answer is dealt with when it can', async () => {
  await writeFile(path, TEXT.replace('level: info', 'level: debug'))
  const { changed, options } = listening()
  let open = (): void => {}
  let asked = (): void => {}
  const whenAsked = new Promise<void>((resolve) => (asked = resolve))
  const starting = new Promise<void>((resolve) => (open = resolve))
  const gate = {
    reconfigure: () => {
      asked()
      return starting
    }
  }
  let done = (): void => {}
  const taken = new Promise<void>((resolve) => (done = resolve))
  const last = { reconfigure: () => done() }
  const reloading = reloadOnSignal({ ...options, path, running, gate, parts: [...options.parts, last] })
  process.emit('SIGHUP')
  await whenAsked
  expect(changed).toEqual([])
  open()
  await taken
  reloading.dispose()
  expect(changed.map(({ log }) => log.level)).toEqual(['debug'])
})

test('scales that come or go are refused by their place', () => {
  const fewer = { ...running, scales: [] }
  expect(refusedChanges(running, fewer)).toEqual([expect.stringContaining('scales[0] cannot change')])
  expect(refusedChanges(running, running)).toEqual([])
})

test('SIGHUP reloads, one after the other, and is given back', async () => {
  await writeFile(path, TEXT.replace('level: info', 'level: warn'))
  const before = process.listenerCount('SIGHUP')
  const levels: string[] = []
  let reloaded: () => void = () => {}
  const twice = new Promise<void>((resolve) => (reloaded = resolve))
  const { options } = listening()
  const parts = [
    {
      reconfigure({ log }: Config): void {
        levels.push(log.level)
        if (levels.length === 2) reloaded()
      }
    }
  ]
  const reloading = reloadOnSignal({ ...options, path, running, parts })
  process.emit('SIGHUP')
  process.emit('SIGHUP')
  await twice
  reloading.dispose()
  expect(levels).toEqual(['warn', 'warn'])
  expect(process.listenerCount('SIGHUP')).toBe(before)
})
