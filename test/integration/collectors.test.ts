/** The samples for log collectors: rsyslog runs its own; of Vector's its VRL runs the program, and the wiring is looked at. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { validateConfig } from '../../lib/config/load.js'
import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { createLogger } from '../../lib/observability/logger.js'
import { createDaemon } from '../../lib/pipeline/daemon.js'
import { root } from '../support/run-command.js'

/**
 * Lines of a daemon that follows one stream and refuses a record, then what is hard to read: quotes, line breaks, other
 * alphabets, an error with its stack.
 */
async function lines(): Promise<string[]> {
  let text = ''
  const destination = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    }
  })
  const config = validateConfig({
    input: { channels: ['x'] },
    log: { debugStream: 'mote-1' },
    pipeline: { workers: 1 },
    scales: [{ name: 'levels', window: 4, filtration: 'sublevel' }]
  })
  const logger = createLogger({ settings: config.log, readable: false, colours: false, destination })
  const mesh = new InProcessEventMesh()
  const stop = new AbortController()
  const daemon = await createDaemon(config, { mesh, logger, signal: stop.signal, http: false })
  const running = daemon.run()
  const points = Array.from({ length: 6 }, (_, x) => ({ key: 'mote-1', value: `{"x":${x % 3}}` }))
  await mesh.publish(config.input.topic, [...points, { key: 'mote-1', value: 'poison' }])
  while (daemon.pipeline.totals.points < points.length || daemon.pipeline.totals.rejected < 1) {
    await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 20))])
  }
  stop.abort()
  await running
  await mesh.close()
  for (const message of ['points taken', 'update published', 'records rejected'])
    expect(text).toContain(message)

  logger.info({ stream: 'Motor "A"\nβ', offset: 2 ** 40, nested: { partitions: [0, 1] } }, 'points taken')
  logger.component('kafka').error({ err: new Error('gone') }, 'no broker')
  return text.trimEnd().split('\n')
}

const hasRsyslog = spawnSync('rsyslogd', ['-v']).status === 0
if (!hasRsyslog)
  process.stderr.write('SKIPPED: no rsyslogd (Debian: apt-get install rsyslog), so its sample is not run\n')
const withRsyslog = hasRsyslog ? test : test.skip

withRsyslog('rsyslog reads every line as it was written, and keeps one that is no JSON', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tda-rsyslog-'))
  const collected = join(folder, 'collected.json')
  const written = await lines()
  await writeFile(join(folder, 'daemon.log'), `${written.join('\n')}\nFATAL ERROR: out of memory\n`)
  const sample = readFileSync(join(root, 'deploy/rsyslog/streaming-tda.conf'), 'utf8')
  const config = join(folder, 'rsyslog.conf')
  await writeFile(
    config,
    `global(workDirectory="${folder}")\n${sample.replaceAll('/var/log/streaming-tda', folder)}`
  )
  expect(spawnSync('rsyslogd', ['-N1', '-f', config], { encoding: 'utf8' }).stderr).not.toMatch(/error/i)
  const rsyslog = spawn('rsyslogd', ['-n', '-f', config, '-i', join(folder, 'pid')], { stdio: 'ignore' })
  const ended = once(rsyslog, 'close')
  try {
    let found: string[] = []
    while (found.length < written.length + 1) {
      expect(rsyslog.exitCode).toBeNull()
      await new Promise((resolve) => setTimeout(resolve, 50))
      found = existsSync(collected)
        ? (await readFile(collected, 'utf8')).split('\n').filter((line) => line !== '')
        : []
    }
    const objects = found.map((line) => JSON.parse(line) as unknown)
    expect(objects.slice(0, -1)).toEqual(written.map((line) => JSON.parse(line) as unknown))
    expect(objects.at(-1)).toEqual({ msg: 'FATAL ERROR: out of memory' })
  } finally {
    rsyslog.kill('SIGTERM')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
})

interface VectorSample {
  readonly sources: Readonly<Record<string, object>>
  readonly transforms: Readonly<Record<string, { readonly inputs: string[]; readonly source: string }>>
  readonly sinks: Readonly<Record<string, { readonly inputs: string[] }>>
}
const vector = parse(readFileSync(join(root, 'deploy/vector/vector.yaml'), 'utf8')) as VectorSample

test("Vector's sample: every input is there", () => {
  const names = [...Object.keys(vector.sources), ...Object.keys(vector.transforms)]
  for (const { inputs } of [...Object.values(vector.transforms), ...Object.values(vector.sinks)]) {
    for (const input of inputs) expect(names).toContain(input)
  }
})

type Event = Readonly<Record<string, unknown>>
interface VrlAnswer {
  readonly status: number | null
  readonly stderr: string
  readonly events: readonly Event[]
}

function runVrl(program: string, events: readonly Event[]): VrlAnswer {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'scripts/vrl.mjs'), 'run'], {
    input: JSON.stringify({ program, events }),
    encoding: 'utf8'
  })
  return { status, stderr, events: status === 0 ? (JSON.parse(stdout) as Event[]) : [] }
}

const vrl = runVrl('', [])
if (vrl.status === 3) process.stderr.write(`SKIPPED: ${vrl.stderr}`)
const withVrl = vrl.status === 3 ? test.skip : test

withVrl(
  "Vector's VRL keeps every field of every line, takes its time, and keeps one that is no JSON object",
  async () => {
    const written = await lines()
    const crash = ['FATAL ERROR: out of memory', '', '[1,2]', '"text"']
    // As Vector's file source makes them.
    const read = { file: '/var/log/streaming-tda/daemon.log', host: 'a', source_type: 'file' }
    const readAt = '2026-01-02T03:04:05.678Z'
    const events = [...written, ...crash].map((message) => ({ ...read, message, timestamp: readAt }))
    const answer = runVrl(vector.transforms['parsed']!.source, events)
    expect([answer.status, answer.stderr]).toEqual([0, ''])

    const passedOn = answer.events.map(({ timestamp, ...others }) => ({
      ...others,
      timeMs: Date.parse(timestamp as string)
    }))
    const expected = written.map((line) => {
      const { msg, time, ...others } = JSON.parse(line) as { msg: string; time: number }
      return { ...others, file: read.file, message: msg, timeMs: time }
    })
    const kept = crash.map((message) => ({
      level: 'fatal',
      component: 'process',
      file: read.file,
      message,
      timeMs: Date.parse(readAt)
    }))
    expect(passedOn).toEqual([...expected, ...kept])
  }
)

withVrl('a program that does not compile, or fails, is told from one that works', () => {
  const wrong = runVrl('.a = parse_json(.message)', [{}])
  expect([wrong.status, wrong.stderr.includes('unhandled fallible assignment')]).toEqual([1, true])
  expect(runVrl('.a = parse_json!(.message)', [{ message: '{' }]).status).toBe(1)
})
