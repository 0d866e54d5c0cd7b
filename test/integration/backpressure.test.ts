/**
 * A stalled output stops the input: the daemon's memory stays flat, and it goes on by itself. TDA_STALL_SECONDS is how long
 * (default 4). On a real broker (KAFKA_BROKERS, ours: it is stopped) the daemon is a process of its own; its memory over three
 * minutes is in docs/operations.md, and is printed again by
 *
 *   KAFKA_BROKERS=$(node scripts/kafka.mjs up) TDA_STALL_SECONDS=180 node scripts/test.mjs test/integration/backpressure
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { validateConfig } from '../../lib/config/load.js'
import { TdaError } from '../../lib/errors.js'
import type { Transaction } from '../../lib/mesh/event-mesh.js'
import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import { createDaemon } from '../../lib/pipeline/daemon.js'
import { ownBroker } from '../support/own-broker.js'
import { root } from '../support/run-command.js'
import { WatchedProcess } from '../support/watched-process.js'

const STALL_MS = 1000 * Number(process.env['TDA_STALL_SECONDS'] ?? 4)
const MIB = 1 << 20
/** What is in flight and may still be growing when the stall begins, and what the collector may leave for later. */
const GROWTH_MIB_MAX = 96
/** 10 ms apart: a thread that works for others may let this one wait for some of them. */
const STILL_LOOKS = 30

test('a stalled output pauses the input, memory stays flat, and everything resumes by itself', async () => {
  const config = validateConfig({
    input: { channels: ['x'] },
    pipeline: { workers: 1 },
    publish: { snapshotEvery: 0 },
    scales: [{ name: 'a', window: 64, slide: 1, filtration: 'sublevel' }]
  })
  const mesh = new InProcessEventMesh({ bytesMax: 4 * MIB })
  let release = (): void => {}
  let stalled: Promise<void> | null = null
  let committed = 0
  let outcomes = 0
  const open = mesh.transactions.bind(mesh)
  mesh.transactions = async (subscription, report) => {
    const inner = await open(subscription, report)
    return {
      async commit(transaction: Transaction) {
        await stalled
        const done = await inner.commit(transaction)
        const updates = transaction.records.filter(({ topic }) => topic === config.output.topic)
        committed += updates.reduce((sum, { records }) => sum + records.length, 0)
        outcomes += 1
        return done
      },
      close: () => inner.close()
    }
  }
  const stop = new AbortController()
  const daemon = await createDaemon(config, { mesh, signal: stop.signal, http: false })
  const running = daemon.run()
  const failures: unknown[] = []
  running.catch((error: unknown) => failures.push(error))

  let producing = true
  let sent = 0
  const producer = (async () => {
    while (producing) {
      const batch = Array.from({ length: 500 }, (_, i) => ({
        key: `k${i % 8}`,
        value: `{"x":${(sent + i) % 97}}`
      }))
      await mesh.publish('tda.points', batch) // Waits while the log is full of what is not committed.
      sent += batch.length
      await new Promise(setImmediate)
    }
  })()
  const until = async (reached: () => boolean): Promise<void> => {
    while (!reached()) {
      expect(failures).toEqual([])
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  await until(() => committed > 2_000)

  stalled = new Promise((resolve) => (release = resolve))
  // From when nothing moves any more: the log is full, and so is everything between it and the output.
  let before = { sent: -1, records: -1 }
  let looksAlike = 0
  await until(() => {
    const now = { sent, records: daemon.pipeline.totals.records }
    looksAlike = now.sent === before.sent && now.records === before.records ? looksAlike + 1 : 0
    before = now
    return looksAlike === STILL_LOOKS
  })
  const rssBefore = process.memoryUsage.rss()
  const outcomesBefore = outcomes
  const deadlineMs = performance.now() + STALL_MS
  let rssMost = 0
  await until(() => {
    rssMost = Math.max(rssMost, process.memoryUsage.rss())
    return performance.now() > deadlineMs
  })
  expect(outcomes).toBe(outcomesBefore)
  expect((rssMost - rssBefore) / MIB).toBeLessThan(GROWTH_MIB_MAX)
  expect(daemon.pipeline.state.kind).toBe('running')

  const committedBefore = committed
  stalled = null
  release()
  await until(() => committed > committedBefore + 5_000)
  producing = false
  await producer
  await until(() => committed >= sent)
  stop.abort()
  await running
  expect(committed).toBe(sent) // One update a record: none missing, none twice.
  await mesh.close()
})

const brokers = process.env['KAFKA_BROKERS']
const pid = ownBroker(brokers)
const RECORDS = 200_000
const STREAMS = 8
const BATCH = 1_000
const SAMPLE_MS = 1_000
const SHOWN_EVERY = 30

async function residentMiB(process: number): Promise<number> {
  const status = await readFile(`/proc/${process}/status`, 'utf8')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024)
}

if (brokers === undefined || pid === null) {
  test.skip('backpressure on a real broker: skipped, because KAFKA_BROKERS names none that scripts/kafka.mjs started here', () => {})
} else {
  test(
    'while a real broker is stopped the memory of a daemon stays flat, and everything resumes by itself',
    async () => {
      const prefix = `stall-${Date.now()}`
      const mesh = await KafkaEventMesh.connect({ brokers: brokers.split(',') })
      const folder = await mkdtemp(join(tmpdir(), 'tda-stall-'))
      const path = join(folder, 'config.yaml')
      const config = {
        kafka: { brokers: brokers.split(','), groupId: prefix },
        input: { topic: `${prefix}-points`, partitions: 1, channels: ['x'] },
        output: {
          topic: `${prefix}-out`,
          deadLetterTopic: `${prefix}-letters`,
          stateTopic: `${prefix}-state`,
          partitions: 1
        },
        publish: { snapshotEvery: 0 },
        scales: [{ name: 'a', window: 64, slide: 1, filtration: 'sublevel' }],
        pipeline: { workers: 1 },
        http: { port: 0 }
      }
      await writeFile(path, JSON.stringify(config))
      await mesh.createStream(config.input.topic, 1)
      await mesh.createStream(config.output.topic, 1)
      let sent = 0
      const send = async (): Promise<void> => {
        for (const end = sent + RECORDS; sent < end; sent += BATCH) {
          const values = Array.from({ length: BATCH }, (_, i) => ({
            key: `k${i % STREAMS}`,
            value: `{"x":${((sent + i) * 7919) % 97}}`
          }))
          await mesh.publish(config.input.topic, values)
        }
      }
      await send()
      const sequences = new Map<string, number[]>()
      let seen = 0
      /** Reads on from where it was; while brokers do not answer there is nothing. */
      const look = async (): Promise<void> => {
        for await (const records of mesh.readPartition(config.output.topic, 0, { from: next })) {
          for (const { key, value } of records) {
            const { sequence } = JSON.parse(String(value)) as { sequence: number }
            const stream = String(key)
            const ofStream = sequences.get(stream) ?? []
            ofStream.push(sequence)
            sequences.set(stream, ofStream)
          }
          seen += records.length
          next = records.at(-1)!.offset + 1
        }
      }
      let next = 0
      const main = join(root, 'dist/lib/cli/main.js')
      const child = spawn(process.execPath, [main, 'run', '--config', path])
      const daemon = new WatchedProcess(child)
      let ended = false
      void daemon.ended.then(() => (ended = true))
      const untilSeen = async (count: number): Promise<void> => {
        while (seen < count) {
          if (ended) throw new Error(`the daemon ended:\n${daemon.output}`)
          await look().catch((error: unknown) => {
            if (!(error instanceof TdaError && error.retriable)) throw error
          })
          await delay(20)
        }
      }
      const resident: number[] = []
      let stopped = false
      try {
        await untilSeen(1_000)
        // Where this process had to wait the daemon may be through already; it has to be in mid-stream.
        while (seen === sent) {
          const before = seen
          await send()
          await untilSeen(before + 1_000)
        }
        process.kill(pid, 'SIGSTOP')
        stopped = true
        const seenBefore = seen
        const deadlineMs = performance.now() + STALL_MS
        while (performance.now() < deadlineMs) {
          resident.push(await residentMiB(child.pid!))
          await delay(SAMPLE_MS)
        }
        resident.push(await residentMiB(child.pid!))
        expect(ended).toBe(false)
        expect(seenBefore).toBeLessThan(sent)
        process.kill(pid, 'SIGCONT')
        stopped = false
        await untilSeen(sent)
        if (STALL_MS >= 60_000) {
          const shown = resident.filter((_, i) => i % SHOWN_EVERY === 0 || i === resident.length - 1)
          const after = await residentMiB(child.pid!)
          console.log(
            `RSS in MiB: ${JSON.stringify({ shown, least: Math.min(...resident), most: Math.max(...resident), after })}`
          )
        }
        expect(Math.max(...resident) - resident[0]!).toBeLessThan(GROWTH_MIB_MAX)
        daemon.kill('SIGTERM')
        expect(await daemon.ended).toBe(0)
        await look() // What would be too much.
        // One update a record: none missing, none twice.
        expect(sequences.size).toBe(STREAMS)
        const whole = Array.from({ length: sent / STREAMS }, (_, i) => i + 1)
        for (const ofStream of sequences.values()) expect(String(ofStream) === String(whole)).toBe(true)
      } finally {
        if (stopped) process.kill(pid, 'SIGCONT')
        daemon.kill('SIGKILL')
        await daemon.ended
        await mesh.close()
        await rm(folder, { recursive: true })
      }
    },
    STALL_MS + 600_000
  )
}
