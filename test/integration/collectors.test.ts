/** The samples for log collectors: rsyslog runs its own; of Vector's only the wiring is looked at, because none can be had. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { createLogger } from '../../lib/observability/logger.js'
import { root } from '../support/run-command.js'

/** Lines as a daemon writes them: quotes, line breaks, other alphabets, an error with its stack. */
function lines(): string[] {
  let text = ''
  const destination = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    }
  })
  const logger = createLogger({ readable: false, colours: false, destination })
  logger.info({ stream: 'Motor "A"\nβ', offset: 2 ** 40, nested: { partitions: [0, 1] } }, 'points taken')
  logger.component('kafka').error({ err: new Error('gone') }, 'no broker')
  return text.trimEnd().split('\n')
}

const hasRsyslog = spawnSync('rsyslogd', ['-v']).status === 0
if (!hasRsyslog)
  process.stderr.write('SKIPPED: no rsyslogd (Debian: apt-get install rsyslog), so its sample is not run\n')
const withRsyslog = hasRsyslog ? test : test.skip

withRsyslog(
  'rsyslog reads every line as it was written, and keeps one that is no JSON',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tda-rsyslog-'))
    const collected = join(folder, 'collected.json')
    const written = lines()
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
  },
  60_000
)

test("Vector's sample: every input is there, and its fields are the log's", () => {
  const sample = parse(readFileSync(join(root, 'deploy/vector/vector.yaml'), 'utf8')) as Record<
    'sources' | 'transforms' | 'sinks',
    Record<string, { type: string; inputs?: string[]; source?: string }>
  >
  const names = [...Object.keys(sample.sources), ...Object.keys(sample.transforms)]
  for (const part of [...Object.values(sample.transforms), ...Object.values(sample.sinks)]) {
    for (const input of part.inputs!) expect(names).toContain(input)
  }
  const [line] = lines().map((one) => JSON.parse(one) as object)
  for (const field of ['msg', 'time', 'level', 'component']) {
    expect(sample.transforms['parsed']!.source).toContain(field)
    expect(line).toHaveProperty(field)
  }
})
