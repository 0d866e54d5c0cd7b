/**
 * `streaming-tda restore --to` at a real Kafka: KAFKA_BROKERS=$(node scripts/kafka.mjs up) npm test -- restore-command-kafka. A run
 * whose every update is followed by a snapshot is what the restored snapshots are compared with, byte for byte.
 */
import { EventEmitter } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, jest, test } from '@jest/globals'
import { restore } from '../../lib/cli/restore.js'
import { loadConfig } from '../../lib/config/load.js'
import type { DiagramMessage } from '../../lib/diagram.js'
import { loadKafka } from '../../lib/mesh/kafka-client.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import { createDaemon } from '../../lib/pipeline/daemon.js'
import { fakeTerminal } from '../support/fake-terminal.js'

const brokers = process.env['KAFKA_BROKERS']
const PARTITIONS = 2
const RECORDS = 600
const FIRST_MS = 1_700_000_000_000
const GAP_MS = 1_000

/** Values of a topic by stream and scale, in order. */
async function results(mesh: KafkaEventMesh, topic: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  for (let partition = 0; partition < (await mesh.partitions(topic)); partition++) {
    for await (const records of mesh.readPartition(topic, partition)) {
      for (const { value } of records) {
        const { stream, scale } = JSON.parse(String(value)) as DiagramMessage
        const name = `${stream} ${scale}`
        found.set(name, [...(found.get(name) ?? []), String(value)])
      }
    }
  }
  return found
}

if (brokers === undefined) {
  test.skip('restore --to on a real broker: skipped, because KAFKA_BROKERS names none', () => {})
} else {
  test('to a timestamp and to offsets within the log: the snapshots are those of the run, byte for byte', async () => {
    const prefix = `restore-to-${Date.now()}`
    const folder = await mkdtemp(join(tmpdir(), 'tda-restore-to-'))
    const path = join(folder, 'tda.yaml')
    const settings = {
      kafka: { brokers: brokers.split(','), groupId: prefix },
      input: { topic: `${prefix}-points`, partitions: PARTITIONS, channels: ['x'] },
      output: {
        topic: `${prefix}-out`,
        deadLetterTopic: `${prefix}-letters`,
        stateTopic: `${prefix}-state`,
        partitions: 1
      },
      publish: { snapshotEvery: 1 },
      pipeline: { workers: 1, recordsMax: 40 },
      scales: [
        { name: 'short', window: 32, slide: 5, filtration: 'sublevel' },
        { name: 'long', window: 200, slide: 7, filtration: 'superlevel' }
      ],
      log: { level: 'silent' }
    }
    await writeFile(path, JSON.stringify(settings))
    const config = await loadConfig(path, 'broker')
    const mesh = await KafkaEventMesh.connect({ brokers: brokers.split(',') })
    const { topic } = config.input
    await mesh.createStream(topic, PARTITIONS, { 'retention.ms': '-1' }) // Its records are of another year.
    const place = (i: number): number => (i % 3 === 0 ? 0 : 1)
    await mesh.publish(
      topic,
      Array.from({ length: RECORDS }, (_, i) => ({
        key: `s${place(i)}-${i % 2}`,
        value: `{"x":${(i * 37) % 101}}`,
        partition: place(i),
        timestamp: FIRST_MS + i * GAP_MS
      }))
    )
    const stop = new AbortController()
    const daemon = await createDaemon(config, { mesh, signal: stop.signal, http: false })
    const running = daemon.run()
    while (daemon.pipeline.totals.points < RECORDS && daemon.pipeline.state.kind !== 'failed') await delay(20)
    stop.abort()
    await running
    // Behind the last record is the marker of its transaction: that it is the end is told once, and here nobody hears it.
    const { KafkaConsumer } = await loadKafka()
    const told = jest.spyOn(KafkaConsumer.prototype, 'emit')
    let missed = 0
    told.mockImplementation(function (this: EventEmitter, name: string | symbol, ...args: unknown[]) {
      if (name === 'partition.eof' && missed++ === 0) return false
      return EventEmitter.prototype.emit.call(this, name, ...args)
    })
    const whole = await results(mesh, config.output.topic)
    told.mockRestore()
    expect(missed).toBeGreaterThan(1)
    expect([...whole.keys()]).toHaveLength(8)

    /** What the run had put out last when it had read so far. */
    const asOf = (at: readonly number[]): Map<string, string> => {
      const last = new Map<string, string>()
      for (const [name, values] of whole) {
        for (const value of values) {
          const { type, partition, window } = JSON.parse(value) as DiagramMessage
          if (type === 'snapshot' && window.last[0] < at[partition]!) last.set(name, value)
        }
      }
      return last
    }
    const inside = 301
    const before = Array.from({ length: inside }, (_, i) => place(i))
    const byTime = [0, 1].map((partition) => before.filter((one) => one === partition).length)
    for (const [to, at] of [
      [new Date(FIRST_MS + (inside - 1) * GAP_MS + GAP_MS / 2).toISOString(), byTime],
      ['0:77,1:210', [77, 210]]
    ] as const) {
      const outputTopic = `${prefix}-then-${at.join('-')}`
      const terminal = fakeTerminal()
      expect(await restore({ config: path, to, outputTopic, dryRun: false }, terminal)).toBe(0)
      const then = await results(mesh, outputTopic)
      const expected = asOf(at)
      expect(expected.size).toBe(8)
      expect([...then.keys()].sort()).toEqual([...expected.keys()].sort())
      for (const [name, value] of expected) expect(then.get(name)).toEqual([value])
    }
    await mesh.close()
    await rm(folder, { recursive: true })
  })
}
