/** What is counted of reading, delivering and restoring equals what is in the log; faults are counted as they are made. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { parseExposition, type Exposition } from '../../lib/cli/top/exposition-reader.js'
import { validateConfig } from '../../lib/config/load.js'
import { TdaError } from '../../lib/errors.js'
import type {
  OutgoingRecord,
  Subscription,
  TransactionOutcome,
  Transactions
} from '../../lib/mesh/event-mesh.js'
import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { createDaemon, type Daemon } from '../../lib/pipeline/daemon.js'

const PARTITIONS = 2
const RECORDS = 400
const OUTAGE = -195
const POLL_MS = 20

/** A mesh whose brokers are away while `away`; attempts made meanwhile are counted by topic. */
class FaultyMesh extends InProcessEventMesh {
  away = false
  readonly failed = new Map<string, number>()

  override publish(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    return this.#attempt([topic], () => super.publish(topic, records))
  }

  override async transactions(
    subscription: Subscription,
    report: (outcome: TransactionOutcome) => void
  ): Promise<Transactions> {
    const opened = await super.transactions(subscription, report)
    const commit: Transactions['commit'] = (transaction) =>
      this.#attempt(
        transaction.records.map(({ topic }) => topic),
        () => opened.commit(transaction)
      )
    return { commit, close: () => opened.close() }
  }

  async #attempt<T>(topics: readonly string[], attempt: () => Promise<T>): Promise<T> {
    if (!this.away) return attempt()
    for (const topic of topics) this.failed.set(topic, (this.failed.get(topic) ?? 0) + 1)
    throw new TdaError('BROKER', 'brokers are away', { retriable: true, cause: { code: OUTAGE } })
  }
}

const scrape = async ({ metrics }: Daemon): Promise<Exposition> => parseExposition(await metrics.text())

async function until(daemon: Daemon, holds: (seen: Exposition) => boolean): Promise<Exposition> {
  for (;;) {
    const seen = await scrape(daemon)
    if (holds(seen)) return seen
    if (daemon.pipeline.state.kind === 'failed') throw daemon.pipeline.state.cause
    await delay(POLL_MS)
  }
}

interface Content {
  readonly records: number
  readonly bytes: number
}

async function content(mesh: InProcessEventMesh, topic: string): Promise<Content> {
  let [count, bytes] = [0, 0]
  for (let partition = 0; partition < (await mesh.partitions(topic)); partition++) {
    for await (const records of mesh.readPartition(topic, partition)) {
      count += records.length
      for (const { key, value } of records) bytes += (key?.length ?? 0) + (value?.length ?? 0)
    }
  }
  return { records: count, bytes }
}

const settings = {
  input: { topic: 'points', partitions: PARTITIONS, channels: ['x'] },
  output: { topic: 'out', deadLetterTopic: 'letters', stateTopic: 'state', partitions: PARTITIONS },
  publish: { transactionInterval: '1ms' },
  pipeline: { workers: 1, recordsMax: 50 },
  scales: [{ name: 'short', window: 32, slide: 4, filtration: 'sublevel' }]
}

/** One in twenty is broken. */
function points(count: number): OutgoingRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    key: `k${i % 5}`,
    value: i % 20 === 0 ? '{"x":' : `{"x":${(i * 37) % 101}}`,
    partition: i % PARTITIONS
  }))
}

test('exactly once: counts equal the log, also over an outage and a rebalance', async () => {
  const mesh = new FaultyMesh()
  await mesh.createStream('points', PARTITIONS)
  await mesh.publish('points', points(RECORDS))
  const stop = new AbortController()
  const config = validateConfig({ ...settings, state: { interval: '1h' } })
  const daemon = await createDaemon(config, { mesh, signal: stop.signal, http: false })
  mesh.away = true
  const running = daemon.run()

  const open = await until(daemon, (seen) => seen.value('tda_breaker_state', { state: 'open' }) === 1)
  expect(open.value('tda_breaker_state')).toBe(1)
  expect(open.value('tda_topic_records_total') ?? 0).toBe(0)
  mesh.away = false
  const committed = (seen: Exposition): boolean =>
    seen.value('tda_topic_records_total', { topic: 'letters' }) === RECORDS / 20 &&
    seen.value('tda_points_processed_total') === RECORDS - RECORDS / 20 &&
    seen.value('tda_breaker_state', { state: 'closed' }) === 1
  await until(daemon, committed)

  // A rebalance: the partitions are settled, given up, and restored from their state.
  mesh.rebalance('points', 'streaming-tda')
  const again = await until(
    daemon,
    (seen) =>
      seen.value('tda_rebalances_total', { kind: 'assigned' }) === 2 &&
      seen.value('tda_pipeline_state', { state: 'running' }) === 1
  )
  const failed = Object.fromEntries(mesh.failed)
  for (const topic of ['out', 'letters']) expect(failed[topic]).toBeGreaterThan(0)
  for (const [topic, count] of mesh.failed) {
    expect(again.value('tda_topic_errors_total', { topic, code: String(OUTAGE) })).toBe(count)
  }
  const attempts = Math.max(...mesh.failed.values())
  expect(again.value('tda_broker_errors_total', { code: String(OUTAGE) })).toBe(attempts)
  expect(again.value('tda_transactions_total', { outcome: 'retried' })).toBe(attempts)
  const commits = again.value('tda_transactions_total', { outcome: 'committed' })!
  expect(commits).toBeGreaterThan(0)
  for (const topic of ['out', 'letters', 'state']) {
    const { records, bytes } = await content(mesh, topic)
    expect(records).toBeGreaterThan(0)
    expect([topic, again.value('tda_topic_records_total', { topic })]).toEqual([topic, records])
    expect([topic, again.value('tda_topic_bytes_total', { topic })]).toEqual([topic, bytes])
    const writes = again.value('tda_topic_publish_latency_seconds_count', { topic })!
    expect(writes).toBeGreaterThan(0)
    expect(writes).toBeLessThanOrEqual(commits)
  }
  expect(again.value('tda_rebalances_total', { kind: 'revoked' })).toBe(1)
  expect(again.value('tda_results_omitted_total')).toBe(0)
  // What a partition counts is since its last assignment: of each the records that were read again.
  const replayed = again.value('tda_restore_records_total')!
  expect(replayed).toBeGreaterThan(0)
  expect(again.value('tda_records_consumed_total')).toBe(RECORDS + replayed)
  expect(again.value('tda_partition_records_consumed_total')).toBe(replayed)
  expect(again.value('tda_partition_end_to_end_latency_seconds_count') ?? 0).toBe(0)
  for (let partition = 0; partition < PARTITIONS; partition++) {
    expect(again.value('tda_restore_progress_ratio', { partition: String(partition) })).toBe(1)
  }

  // New records of one partition are counted there alone.
  await mesh.publish('points', [{ key: 'k1', value: '{"x":1}', partition: 1 }])
  const ends = 'tda_partition_end_to_end_latency_seconds_count'
  const more = await until(daemon, (seen) => seen.value(ends, { partition: '1' }) === 1)
  expect(more.value(ends, { partition: '0' })).toBeUndefined()
  stop.abort()
  await running
  await mesh.close()
})

test('at least once: the spool says what waits in it, and that nothing does any more', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tda-spool-'))
  const mesh = new FaultyMesh()
  await mesh.createStream('points', PARTITIONS)
  await mesh.publish('points', points(RECORDS))
  const stop = new AbortController()
  const config = validateConfig({
    ...settings,
    delivery: 'at-least-once',
    spool: { directory, maxBytes: 16 * 1024 * 1024 }
  })
  const daemon = await createDaemon(config, { mesh, signal: stop.signal, http: false })
  mesh.away = true
  const running = daemon.run()
  const waiting = await until(daemon, (seen) => seen.value('tda_spool_records')! > 1)
  expect(waiting.value('tda_spool_bytes')).toBeGreaterThan(0)
  expect(waiting.value('tda_topic_records_total', { topic: 'out' })).toBeUndefined()
  mesh.away = false
  const done = await until(
    daemon,
    (seen) =>
      seen.value('tda_spool_records') === 0 &&
      seen.value('tda_topic_records_total', { topic: 'letters' }) === RECORDS / 20
  )
  expect(done.value('tda_spool_bytes')).toBe(0)
  expect(done.value('tda_transactions_total')).toBe(0)
  const out = await content(mesh, 'out')
  expect(done.value('tda_topic_records_total', { topic: 'out' })).toBe(out.records)
  expect(done.value('tda_updates_published_total')).toBe(out.records)
  stop.abort()
  await running
  await mesh.close()
  await rm(directory, { recursive: true })
})
