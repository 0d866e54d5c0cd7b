/**
 * Memory pressure: one daemon is given more streams than 80 % of its limit holds. New ones become dead letters, those held
 * go on; a second daemon takes partitions and their streams away, and new streams are admitted again.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { validateConfig } from '../../lib/config/load.js'
import { predictMemory } from '../../lib/config/memory.js'
import type { OutgoingRecord } from '../../lib/mesh/event-mesh.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import { root } from '../support/run-command.js'
import type { ChaosCluster } from './cluster.js'
import { Daemons } from './daemons.js'
import type { ChaosOptions } from './run.js'
import { TopicReader } from './kafka-view.js'

const PARTITIONS = 4
const STREAMS_MAX = 30
/** Full windows of so many are more than 80 % of what is predicted for all. */
const LOAD_STREAMS = 29
const WINDOW = 10_800
/** Every second point a local minimum: what the prediction expects at the worst. */
const POINTS_A_RECORD = 500
const STEP_MS_MAX = 120_000
const MIB = 1 << 20

export interface PressureResult {
  readonly violations: readonly string[]
  /** Highest share of the limit. */
  readonly ratio: number
  readonly refused: number
  /** From the start of the second daemon until a new stream was admitted. */
  readonly resumedMs: number
}

function pressureConfig(brokers: string, seed: number): Record<string, unknown> {
  const prefix = `pressure-${seed}-${process.pid}`
  return {
    kafka: { brokers: brokers.split(','), groupId: prefix, librdkafka: { 'session.timeout.ms': 6_000 } },
    input: { topic: `${prefix}-points`, partitions: PARTITIONS, channels: ['x'] },
    scales: Array.from({ length: 8 }, (_, i) => ({
      name: `s${i}`,
      window: WINDOW,
      slide: POINTS_A_RECORD / 2,
      filtration: i % 2 === 0 ? 'sublevel' : 'superlevel'
    })),
    output: {
      topic: `${prefix}-diagrams`,
      deadLetterTopic: `${prefix}-dead-letters`,
      stateTopic: `${prefix}-state`,
      partitions: PARTITIONS
    },
    publish: { snapshotEvery: 0 },
    streams: { max: STREAMS_MAX },
    pipeline: { workers: 1, recordsMax: 16 },
    http: { port: 0 }
  }
}

export async function memoryPressure(
  cluster: ChaosCluster,
  { seed, program }: Pick<ChaosOptions, 'seed' | 'program'>,
  say: (text: string) => void
): Promise<PressureResult> {
  const folder = join(root, 'build', 'chaos', `${seed}-memory`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const unlimited = pressureConfig(cluster.brokers, seed)
  const memoryMiB = Math.ceil(predictMemory(validateConfig(unlimited)).totalBytes / MIB)
  const configFile = join(folder, 'daemon.yaml')
  writeFileSync(configFile, JSON.stringify({ ...unlimited, limits: { memoryMiB } }, null, 2))
  const { input, output } = validateConfig(unlimited)
  const mesh = await KafkaEventMesh.connect({ brokers: cluster.brokers.split(',') })
  for (const topic of [input.topic, output.topic, output.deadLetterTopic])
    await mesh.createStream(topic, PARTITIONS)
  const refused: string[] = []
  const updated = new Map<string, number>()
  const letters = await TopicReader.open(
    cluster.brokers,
    output.deadLetterTopic,
    PARTITIONS,
    ({ headers, key }) => {
      const of = Object.assign({}, ...(headers ?? [])) as Record<string, unknown>
      refused.push(`${String(key)} ${String(of['tda-reason'])}`)
    }
  )
  const results = await TopicReader.open(cluster.brokers, output.topic, PARTITIONS, ({ key }) => {
    updated.set(String(key), (updated.get(String(key)) ?? 0) + 1)
  })
  const daemons = new Daemons(configFile, folder, program)
  const violations: string[] = []
  const holds = async (what: string, condition: () => boolean | Promise<boolean>): Promise<boolean> => {
    const deadlineMs = performance.now() + STEP_MS_MAX
    while (!(await condition())) {
      if (performance.now() > deadlineMs) {
        violations.push(`memory pressure: ${what} did not happen`)
        return false
      }
      await delay(100)
    }
    return true
  }
  const accounted = (stream: string): boolean =>
    updated.has(stream) || refused.includes(`${stream} memory_pressure`)
  let ratio = 0
  let resumedMs = STEP_MS_MAX
  try {
    daemons.start('first')
    for (let i = 0; i < LOAD_STREAMS; i++) await mesh.publish(input.topic, window(`load-${i}`))
    const full = async (): Promise<boolean> => {
      ratio = Math.max(ratio, (await daemons.metric('first', 'tda_memory_limit_ratio')) ?? 0)
      return ratio >= 0.8
    }
    if (!(await holds('80 % of the limit', full))) return { violations, ratio, refused: 0, resumedMs }
    say(`memory at ${Math.round(100 * ratio)} % of its limit with ${updated.size} streams`)
    // A stream that is held goes on; a new one is refused.
    const before = updated.get('load-0') ?? 0
    await mesh.publish(input.topic, window('load-0'))
    await mesh.publish(input.topic, window('new'))
    await holds('an update of a stream held', () => (updated.get('load-0') ?? 0) > before)
    await holds('a refusal of a new stream', () => refused.includes('new memory_pressure'))
    const startedMs = performance.now()
    daemons.start('second')
    let probes = 0
    const admitted = async (): Promise<boolean> => {
      const stream = `probe-${probes++}`
      await mesh.publish(input.topic, window(stream).slice(0, 1))
      return (await holds(`an answer for ${stream}`, () => accounted(stream))) && updated.has(stream)
    }
    if (await holds('the admission of a new stream after a second daemon came', admitted)) {
      resumedMs = performance.now() - startedMs
    }
    if (refused.some((letter) => !letter.endsWith(' memory_pressure'))) {
      violations.push(
        `memory pressure: other refusals, ${refused.find((letter) => !letter.endsWith('memory_pressure'))}`
      )
    }
    await daemons.stopAll()
    if (daemons.unexpected.length > 0)
      violations.push(`memory pressure: ended by itself, ${daemons.unexpected[0]}`)
    say(`new streams are admitted again ${(resumedMs / 1000).toFixed(1)} s after a second daemon came`)
    return { violations, ratio, refused: refused.length, resumedMs }
  } finally {
    for (const name of daemons.names) await daemons.kill(name)
    await letters.close()
    await results.close()
    await mesh.close()
  }
}

/** Enough records to fill the windows of a stream. */
function window(stream: string): OutgoingRecord[] {
  return Array.from({ length: Math.ceil(WINDOW / POINTS_A_RECORD) + 1 }, (_, record) => ({
    key: stream,
    value: JSON.stringify(
      Array.from({ length: POINTS_A_RECORD }, (_, i) => ({
        x: (i % 2 === 0 ? -1 : 1) * (((record + i) * 7919) % 1009)
      }))
    )
  }))
}
