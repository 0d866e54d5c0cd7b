/** What only a real broker can show of delivery: topics that take less than we send, brokers that fall silent. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { validateConfig } from '../../lib/config/load.js'
import { parseExposition } from '../../lib/cli/top/exposition-reader.js'
import { TdaError } from '../../lib/errors.js'
import type { MeshRecord } from '../../lib/mesh/event-mesh.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import { findTooLarge } from '../../lib/mesh/kafka-size-probe.js'
import { createMetrics } from '../../lib/observability/metrics.js'
import { createDaemon } from '../../lib/pipeline/daemon.js'
import { ownBroker } from '../support/own-broker.js'
import { root } from '../support/run-command.js'
import { WatchedProcess } from '../support/watched-process.js'

const brokers = process.env['KAFKA_BROKERS']
const PATIENCE_MS = 250_000

if (brokers === undefined) {
  test.skip('delivery on a real broker: skipped, because KAFKA_BROKERS names none', () => {})
} else {
  test.each(['exactly-once', 'at-least-once'])(
    'results longer than their topic takes are dead letters, a snapshot follows, all else goes out (%s)',
    async (delivery) => {
      const prefix = `long-${Date.now()}-${delivery}`
      const topics = { points: `${prefix}-points`, out: `${prefix}-out`, letters: `${prefix}-letters` }
      const mesh = await KafkaEventMesh.connect({ brokers: brokers.split(','), compression: 'none' })
      await mesh.createStream(topics.points, 1)
      await mesh.createStream(topics.out, 1, { 'max.message.bytes': '3000' })
      const config = validateConfig({
        kafka: { brokers: brokers.split(','), groupId: prefix },
        delivery,
        input: { topic: topics.points, partitions: 1, channels: ['x'] },
        output: { topic: topics.out, deadLetterTopic: topics.letters, partitions: 1, compression: 'none' },
        publish: { snapshotEvery: 50, transactionInterval: '1ms' },
        pipeline: { workers: 1, recordsMax: 20 },
        scales: [{ name: 'a', window: 256, slide: 1, filtration: 'sublevel' }]
      })
      const stop = new AbortController()
      const daemon = await createDaemon(config, { mesh, signal: stop.signal, http: false })
      const running = daemon.run()
      const values = Array.from({ length: 300 }, (_, i) => ({ key: 's', value: `{"x":${(i * 37) % 101}}` }))
      await mesh.publish(topics.points, values)
      const read = async (topic: string): Promise<MeshRecord[]> => {
        const all: MeshRecord[] = []
        for await (const records of mesh.readPartition(topic, 0)) all.push(...records)
        return all
      }
      while (daemon.pipeline.totals.updates < 300 && daemon.pipeline.state.kind !== 'failed')
        await new Promise((resolve) => setTimeout(resolve, 50))
      stop.abort()
      await running
      const seen = parseExposition(await daemon.metrics.text())
      const letters = await read(topics.letters)
      const results = (await read(topics.out)).map(({ value }) => String(value))
      expect(letters.length).toBeGreaterThan(0)
      for (const { value, headers } of letters) {
        const header = new Map(headers)
        expect([value, header.get('tda-reason'), header.get('tda-topic')]).toEqual([
          null,
          'result_too_large',
          topics.out
        ])
        expect(Number(header.get('tda-bytes'))).toBeGreaterThan(2_000)
      }
      for (const value of results) expect(value.length).toBeLessThan(3_000)
      expect(seen.value('tda_results_omitted_total')).toBe(letters.length)
      expect(seen.value('tda_partition_records_consumed_total', { partition: '0' })).toBe(300)
      expect(seen.value('tda_rebalances_total', { kind: 'assigned' })).toBe(1)
      expect(
        seen.value('tda_partition_end_to_end_latency_seconds_count', { partition: '0' })
      ).toBeGreaterThan(0)
      const { out } = topics
      expect(seen.value('tda_topic_errors_total', { topic: out, code: 'MESSAGE_TOO_LARGE' })).toBeGreaterThan(
        0
      )
      expect(seen.value('tda_topic_publish_latency_seconds_count', { topic: out })).toBeGreaterThan(0)
      if (delivery === 'exactly-once') {
        expect(seen.value('tda_topic_records_total', { topic: out })).toBe(results.length)
        const bytes = results.reduce((sum, value) => sum + 's'.length + value.length, 0)
        expect(seen.value('tda_topic_bytes_total', { topic: out })).toBe(bytes)
        expect(seen.value('tda_transactions_total', { outcome: 'committed' })).toBeGreaterThan(0)
        expect(seen.value('tda_transactions_total', { outcome: 'aborted' })).toBeGreaterThan(0)
      }
      // Snapshots were what was too long: every update is there.
      const sequences = results
        .map((value) => JSON.parse(value) as { type: string; sequence: number })
        .filter(({ type }) => type === 'update')
        .map(({ sequence }) => sequence)
      const all = Array.from({ length: 300 }, (_, i) => i + 1)
      if (delivery === 'exactly-once') expect(sequences).toEqual(all)
      else expect([...new Set(sequences)].sort((a, b) => a - b)).toEqual(all)
      await mesh.close()
    }
  )

  test('reading a topic that is not there is counted at that topic', async () => {
    const topic = `absent-${Date.now()}`
    const metrics = createMetrics()
    for (const columnar of [true, false]) {
      const mesh = await KafkaEventMesh.connect({ brokers: brokers.split(','), columnar, errors: metrics })
      const stop = new AbortController()
      const source = await mesh.subscribe(topic, { groupId: topic })
      const counted = async (): Promise<number> =>
        parseExposition(await metrics.text()).value('tda_topic_errors_total', { topic, code: '3' }) ?? 0
      const before = await counted()
      const { signal } = stop
      const reading = source.events({ recordsMax: 1, lingerMs: 0, signal })[Symbol.asyncIterator]().next()
      while ((await counted()) === before) await new Promise((resolve) => setTimeout(resolve, 50))
      stop.abort()
      await reading
      await mesh.close()
    }
  })

  test('headers count: of records that a topic refuses those are found that only their headers make too long', async () => {
    const mesh = await KafkaEventMesh.connect({ brokers: brokers.split(',') })
    const topic = `headers-${Date.now()}`
    await mesh.createStream(topic, 1, { 'max.message.bytes': '3000' })
    const longValue = { key: 'fits', value: 'x'.repeat(2_900) }
    const traceparent = ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'] as const
    const traced = { key: 'traced', value: 'x'.repeat(2_890), headers: [traceparent] }
    const message = ['tda-message', 'm'.repeat(3_000)] as const
    const letter = { key: 'letter', value: 'short', headers: [message] }
    const probe = { brokers, settings: {}, transactionalId: `${topic}-probe`, timeoutMs: 30_000 }
    const found = await findTooLarge(probe, [{ topic, records: [longValue, traced, letter] }])
    expect([...found].map(({ key }) => key).sort()).toEqual(['letter', 'traced'])
    await mesh.close()
  })

  const pid = ownBroker(brokers)
  const withOwn = pid === null ? test.skip : test
  withOwn(
    'a daemon whose broker falls silent waits, goes on when it is back, and ends in time when asked to while it is silent',
    async () => {
      const prefix = `silent-${Date.now()}`
      // The broker falls silent until the daemon has noticed: what is sent meanwhile must not fail before.
      const mesh = await KafkaEventMesh.connect({
        brokers: brokers.split(','),
        librdkafka: { 'message.timeout.ms': PATIENCE_MS }
      })
      await mesh.createStream(`${prefix}-points`, 1)
      const folder = await mkdtemp(join(tmpdir(), 'tda-silent-'))
      const path = join(folder, 'config.yaml')
      const config = {
        kafka: { brokers: brokers.split(','), groupId: prefix },
        input: { topic: `${prefix}-points`, partitions: 1, channels: ['x'] },
        output: { topic: `${prefix}-out`, deadLetterTopic: `${prefix}-letters`, partitions: 1 },
        scales: [{ name: 'a', window: 64, slide: 1, filtration: 'sublevel' }],
        pipeline: { workers: 1 },
        shutdown: { timeout: '2s' },
        http: { port: 0 }
      }
      await writeFile(path, JSON.stringify(config))
      const main = join(root, 'dist/lib/cli/main.js')
      const daemon = new WatchedProcess(spawn(process.execPath, [main, 'run', '--config', path]))
      const send = (from: number): Promise<void> =>
        mesh.publish(
          `${prefix}-points`,
          Array.from({ length: 100 }, (_, i) => ({ key: 's', value: `{"x":${(from + i) % 7}}` }))
        )
      const updates = async (): Promise<number[]> => {
        const sequences: number[] = []
        for await (const records of mesh.readPartition(`${prefix}-out`, 0)) {
          for (const { value } of records) {
            const { type, sequence } = JSON.parse(String(value)) as { type: string; sequence: number }
            if (type === 'update') sequences.push(sequence)
          }
        }
        return sequences
      }
      const untilUpdates = async (count: number): Promise<void> => {
        for (;;) {
          const found = await updates().catch((error: unknown) => {
            if (error instanceof TdaError && error.retriable) return []
            throw error
          })
          if (found.length >= count) return
          await new Promise((resolve) => setTimeout(resolve, 200))
        }
      }
      let stopped = false
      try {
        await daemon.until(/pipeline running/)
        await send(0)
        await untilUpdates(100)
        const sending = send(100)
        process.kill(pid!, 'SIGSTOP')
        stopped = true
        await daemon.until(/circuit breaker open|no broker answers/)
        expect(daemon.output).not.toContain('"state":"failed"')
        process.kill(pid!, 'SIGCONT')
        stopped = false
        await sending
        await untilUpdates(200)
        expect(await updates()).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
        await send(200)
        process.kill(pid!, 'SIGSTOP')
        stopped = true
        const askedMs = performance.now()
        daemon.kill('SIGTERM')
        const code = await daemon.ended
        expect([0, 3, null]).toContain(code) // Null: by SIGKILL of its own.
        expect(performance.now() - askedMs).toBeLessThan(30_000)
      } finally {
        if (stopped) process.kill(pid!, 'SIGCONT')
        daemon.kill('SIGKILL')
        await daemon.ended
        await mesh.close()
        await rm(folder, { recursive: true })
      }
    }
  )
}
