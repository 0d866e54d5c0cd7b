/**
 * A restart over a real Kafka reads what it needs and not the topic: KAFKA_BROKERS=$(node scripts/kafka.mjs up) npm test --
 * restore-kafka. A daemon is killed (SIGKILL); what it reads again with its state, and without it, is compared.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { validateConfig } from '../../lib/config/load.js'
import type { OutgoingRecord } from '../../lib/mesh/event-mesh.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import { readWhole, undisturbedRun } from '../support/kafka-world.js'
import { seeded } from '../support/pipeline-world.js'
import { root } from '../support/run-command.js'
import { WatchedProcess } from '../support/watched-process.js'

const brokers = process.env['KAFKA_BROKERS']
const PARTITIONS = 2
const RECORDS = 40_000
const MORE = 500
const REPLAY_MAX = 4_000
const POLL_MS = 100

function points(random: () => number, count: number): OutgoingRecord[] {
  return Array.from({ length: count }, () => ({
    // One in a thousand is of a stream whose window reaches back to the beginning of the topic.
    key: random() < 0.001 ? 'rare' : `stream-${Math.floor(random() * 8)}`,
    value: JSON.stringify({ x: Math.floor(random() * 500) })
  }))
}

interface Life {
  readonly daemon: WatchedProcess
  readonly url: string
}

async function start(folder: string, config: object): Promise<Life> {
  const path = join(folder, 'config.yaml')
  await writeFile(path, JSON.stringify(config))
  const main = join(root, 'dist/lib/cli/main.js')
  const daemon = new WatchedProcess(spawn(process.execPath, [main, 'run', '--config', path]))
  await daemon.until(/metrics and health at (http:\S+?)"/)
  return { daemon, url: /metrics and health at (http:\S+?)"/.exec(daemon.output)![1]! }
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'gm'))]
  return values.reduce((sum, [, value]) => sum + Number(value), 0)
}

async function untilMetric({ url, daemon }: Life, name: string, least: number): Promise<void> {
  const over = daemon.ended.then((code) => {
    throw new Error(`the daemon ended with ${code}:\n${daemon.output}`)
  })
  over.catch(() => {})
  while ((await Promise.race([metric(url, name), over])) < least) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** Records that rebuilt windows, as its log says. */
function replayed({ daemon }: Life): number {
  const lines = daemon.output.split('\n').filter((line) => /partition \d+ restored/.test(line))
  expect(lines.length).toBeGreaterThan(0)
  return lines.reduce((sum, line) => sum + (JSON.parse(line) as { records: number }).records, 0)
}

if (brokers === undefined) {
  test.skip('restore on a real broker: skipped, because KAFKA_BROKERS names none', () => {})
} else {
  test('after kill -9 a restart reads what windows need, and every byte is that of a run without it', async () => {
    const prefix = `restore-${Date.now()}`
    const mesh = await KafkaEventMesh.connect({ brokers: brokers.split(',') })
    const folder = await mkdtemp(join(tmpdir(), 'tda-restore-'))
    const config = (stateTopic: string): object => ({
      kafka: { brokers: brokers.split(','), groupId: prefix, instanceId: 'daemon-1' },
      input: { topic: `${prefix}-points`, partitions: PARTITIONS, channels: ['x'] },
      output: {
        topic: `${prefix}-diagrams`,
        deadLetterTopic: `${prefix}-letters`,
        stateTopic,
        partitions: PARTITIONS
      },
      state: { interval: '200ms', replayRecordsMax: REPLAY_MAX },
      scales: [
        { name: 'short', window: 64, slide: 10, filtration: 'sublevel' },
        { name: 'long', window: 512, slide: 25, filtration: 'superlevel' }
      ],
      pipeline: { workers: 1 },
      http: { port: 0 }
    })
    const lives: Life[] = []
    const live = async (stateTopic: string): Promise<Life> => {
      const life = await start(folder, config(stateTopic))
      lives.push(life)
      return life
    }
    const random = seeded(11)
    try {
      await mesh.createStream(`${prefix}-points`, PARTITIONS)
      await mesh.publish(`${prefix}-points`, points(random, RECORDS))
      const first = await live(`${prefix}-state`)
      // All checkpoints of these records are out with them: the next one is of what comes now.
      const committed = async (): Promise<number> => {
        const offsets = await mesh.groupOffsets(`${prefix}-points`, prefix)
        return [...offsets.values()].reduce<number>((sum, offset) => sum + (offset ?? 0), 0)
      }
      while ((await committed()) < RECORDS) await delay(100)
      const checkpoints = await metric(first.url, 'tda_checkpoints_total')
      await mesh.publish(`${prefix}-points`, points(random, MORE)) // so that there is something to write down
      await untilMetric(first, 'tda_checkpoints_total', checkpoints + 1)
      first.daemon.kill('SIGKILL')
      await first.daemon.ended

      await mesh.publish(`${prefix}-points`, points(random, MORE))
      const second = await live(`${prefix}-state`)
      await second.daemon.until(/pipeline running/)
      await untilMetric(second, 'tda_records_consumed_total', replayed(second) + MORE)
      second.daemon.kill('SIGKILL')
      await second.daemon.ended

      const third = await live(`${prefix}-no-state`)
      await third.daemon.until(/pipeline running/)
      third.daemon.kill('SIGTERM')
      expect(await third.daemon.ended).toBe(0)

      const [withState, without] = [replayed(second), replayed(third)]
      console.log(`records read again by a restart: ${withState} with state, ${without} without`)
      expect(withState).toBeLessThanOrEqual(PARTITIONS * REPLAY_MAX)
      expect(withState).toBeLessThan(without / 4)
      expect(without).toBeGreaterThanOrEqual(RECORDS)

      const whole = await undisturbedRun(mesh, validateConfig(config('x')), PARTITIONS)
      const got = new Map<string, string[]>()
      for (const { key, value } of await readWhole(mesh, `${prefix}-diagrams`, PARTITIONS)) {
        const stream = String(key)
        got.set(stream, [...(got.get(stream) ?? []), String(value)])
      }
      for (const [stream, values] of whole.values)
        expect(got.get(stream)!.join('\n') === values.join('\n')).toBe(true)
      expect(got.size).toBe(whole.values.size)
    } finally {
      for (const { daemon } of lives) daemon.kill('SIGKILL')
      await Promise.all(lives.map(({ daemon }) => daemon.ended))
      await mesh.close()
      await rm(folder, { recursive: true })
    }
  })
}
