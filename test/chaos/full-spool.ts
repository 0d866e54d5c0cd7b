/**
 * A spool without room: results cannot go out while their topic lacks a replica, a small disk takes some of them, and
 * then the input waits. When the replica is back everything goes out in order. At least once, the only delivery with a
 * spool.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { validateConfig } from '../../lib/config/load.js'
import type { MeshRecord } from '../../lib/mesh/event-mesh.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import { root } from '../support/run-command.js'
import type { ChaosCluster } from './cluster.js'
import { Daemons } from './daemons.js'
import { TopicReader } from './kafka-view.js'
import { uninterrupted } from './reference.js'
import { repeatsOnly } from '../support/pipeline-world.js'
import type { ChaosOptions } from './run.js'

const PARTITIONS = 2
const BROKER = 3
const STEP_MS_MAX = 180_000
const RECORDS = 12_000
const STREAMS = 8
const DISK_KIB = 768
const SPOOL_BYTES_MAX = 1 << 20

export interface FullSpoolResult {
  readonly violations: readonly string[]
  /** A disk of its own that was full, where one could be mounted; else the limit of the spool. */
  readonly disk: boolean
  /** Most that waited. */
  readonly bytes: number
  /** From the return of the replica until everything was out. */
  readonly recoveredMs: number
}

export async function fullSpool(
  cluster: ChaosCluster,
  { seed, program }: Pick<ChaosOptions, 'seed' | 'program'>,
  say: (text: string) => void
): Promise<FullSpoolResult> {
  const folder = join(root, 'build', 'chaos', `${seed}-spool`)
  rmSync(folder, { recursive: true, force: true })
  const directory = join(folder, 'spool')
  mkdirSync(directory, { recursive: true })
  const disk = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_KIB}k`, 'tmpfs', directory]).status === 0
  const prefix = `spool-${seed}-${process.pid}`
  const written = {
    kafka: {
      brokers: cluster.brokers.split(','),
      groupId: prefix,
      librdkafka: { 'session.timeout.ms': 6_000 }
    },
    delivery: 'at-least-once',
    spool: { directory, maxBytes: SPOOL_BYTES_MAX },
    input: { topic: `${prefix}-points`, partitions: PARTITIONS, channels: ['x'] },
    scales: [{ name: 's', window: 128, slide: 2, filtration: 'sublevel' }],
    output: {
      topic: `${prefix}-diagrams`,
      deadLetterTopic: `${prefix}-dead-letters`,
      partitions: PARTITIONS
    },
    pipeline: { workers: 1, recordsMax: 200 },
    http: { port: 0 }
  }
  const configFile = join(folder, 'daemon.yaml')
  writeFileSync(configFile, JSON.stringify(written, null, 2))
  const config = validateConfig(written)
  const mesh = await KafkaEventMesh.connect({ brokers: cluster.brokers.split(',') })
  await mesh.createStream(config.input.topic, PARTITIONS)
  await mesh.createStream(config.output.topic, PARTITIONS, { 'min.insync.replicas': '3' })
  await mesh.createStream(config.output.deadLetterTopic, PARTITIONS)
  const log: MeshRecord[] = []
  const values = new Map<string, string[]>()
  const input = await TopicReader.open(cluster.brokers, config.input.topic, PARTITIONS, (record) =>
    log.push(record as unknown as MeshRecord)
  )
  const output = await TopicReader.open(
    cluster.brokers,
    config.output.topic,
    PARTITIONS,
    ({ key, value }) => {
      const of = values.get(String(key))
      if (of) of.push(String(value))
      else values.set(String(key), [String(value)])
    }
  )
  const daemons = new Daemons(configFile, folder, program)
  const violations: string[] = []
  let bytes = 0
  let recoveredMs: number
  const holds = async (what: string, condition: () => Promise<boolean>): Promise<boolean> => {
    const deadlineMs = performance.now() + STEP_MS_MAX
    while (!(await condition())) {
      if (performance.now() > deadlineMs) {
        violations.push(`full spool: ${what} did not happen`)
        return false
      }
      await delay(100)
    }
    return true
  }
  try {
    await cluster.broker('stop', [BROKER])
    daemons.start('only')
    for (let from = 0; from < RECORDS; from += 500) {
      const records = Array.from({ length: 500 }, (_, i) => ({
        key: `s${(from + i) % STREAMS}`,
        value: `{"x":${((from + i) * 7919) % 1009}}`
      }))
      await mesh.publish(config.input.topic, records)
    }
    const full = await holds('a full spool', async () => {
      bytes = Math.max(bytes, (await daemons.metric('only', 'tda_spool_bytes')) ?? 0)
      return daemons.said('only').some((text) => text.includes('the spool or its disk is full'))
    })
    const waiting = (await daemons.metric('only', 'tda_consumer_lag_records')) ?? 0
    if (full && waiting === 0) violations.push('full spool: the input did not wait')
    say(
      `the ${disk ? 'disk of the ' : ''}spool is full with ${Math.ceil(bytes / 1024)} KiB; ${waiting} records wait in Kafka`
    )
    await cluster.broker('start', [BROKER])
    const startedMs = performance.now()
    await input.caughtUp(STEP_MS_MAX)
    const reference = await uninterrupted(config, log)
    const left = (): string[] =>
      [...reference.values].flatMap(([stream, expected]) => {
        const wrong = repeatsOnly(expected, values.get(stream) ?? [])
        return wrong === null ? [] : [`full spool: results of "${stream}": ${wrong}`]
      })
    await holds('everything going out', () => Promise.resolve(left().length === 0))
    recoveredMs = performance.now() - startedMs
    violations.push(...left())
    await daemons.stopAll()
    if (daemons.unexpected.length > 0)
      violations.push(`full spool: ended by itself, ${daemons.unexpected[0]}`)
    say(`everything is out ${(recoveredMs / 1000).toFixed(1)} s after the replica was back`)
    return { violations, disk, bytes, recoveredMs }
  } finally {
    for (const name of daemons.names) await daemons.kill(name)
    await input.close()
    await output.close()
    await mesh.close()
    if (disk) spawnSync('umount', [directory])
  }
}
