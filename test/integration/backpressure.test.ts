/**
 * A stalled output stops the input: the daemon's memory stays flat, and it goes on by itself. TDA_STALL_SECONDS is how long
 * (default 4); what was measured over minutes is in docs/operations.md.
 */
import { expect, test } from '@jest/globals'
import { validateConfig } from '../../lib/config/load.js'
import type { Transaction } from '../../lib/mesh/event-mesh.js'
import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { createDaemon } from '../../lib/pipeline/daemon.js'

const STALL_MS = 1000 * Number(process.env['TDA_STALL_SECONDS'] ?? 4)
const MIB = 1 << 20
/** What is in flight and may still be growing when the stall begins, and what the collector may leave for later. */
const GROWTH_MIB_MAX = 96

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
  await until(() => {
    const now = { sent, records: daemon.pipeline.totals.records }
    const still = now.sent === before.sent && now.records === before.records
    before = now
    return still
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
}, 300_000)
