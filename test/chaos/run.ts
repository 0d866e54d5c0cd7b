/** One run: brokers, daemons and input up; faults one after the other; everything down; the verdict. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { validateConfig } from '../../lib/config/load.js'
import type { MeshRecord } from '../../lib/mesh/event-mesh.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import { root } from '../support/run-command.js'
import type { ChaosCluster } from './cluster.js'
import { Daemons } from './daemons.js'
import { daemonName, inject, type Victims } from './faults.js'
import { ChaosInput, NUMBER_HEADER } from './input.js'
import { GroupView, TopicReader, type TopicRecord } from './kafka-view.js'
import { Observer, type Mark } from './observer.js'
import { plan, type FaultKind, type Step } from './plan.js'
import { batchDifferences, uninterrupted } from './reference.js'
import { judge, type Delivery, type Verdict } from './verdict.js'

const PARTITIONS = 6
const STREAMS = 24
/** No recovery may take longer; the run then ends. */
const RECOVERY_MS_MAX = 120_000
/** What counts as available: the last new update of a partition is at most so old. */
export const AVAILABLE_MS = 5_000

export interface ChaosOptions {
  readonly seed: number
  readonly minutes: number
  readonly short: boolean
  readonly delivery: Delivery
  readonly daemons: number
  /** Command line of the daemons. */
  readonly program: string
  /** Records a second. */
  readonly rate: number
  readonly only?: readonly FaultKind[] | undefined
}

/** One kind of fault over the run. */
export interface Injected {
  readonly kind: FaultKind
  readonly recoveredMs: number
}

export interface ChaosResult extends Verdict {
  readonly options: ChaosOptions
  readonly injected: readonly Injected[]
  readonly records: number
  readonly updates: number
  readonly letters: number
  /** Ends of daemons that nobody asked for. */
  readonly unexpected: readonly string[]
  readonly availability: number
  readonly seconds: number
}

/** The configuration of the daemons: windows small enough that all turn over many times in a run. */
export function chaosConfig(brokers: string, options: Pick<ChaosOptions, 'delivery' | 'seed'>): object {
  const prefix = `chaos-${options.seed}-${process.pid}`
  return {
    kafka: {
      brokers: brokers.split(','),
      groupId: prefix,
      librdkafka: {
        'session.timeout.ms': 6_000,
        'heartbeat.interval.ms': 1_000,
        'reconnect.backoff.max.ms': 1_000
      }
    },
    input: {
      topic: `${prefix}-points`,
      partitions: PARTITIONS,
      channels: ['x', 'y'],
      timestamp: { from: 'field', field: 't', unit: 'ms' }
    },
    scales: [
      { name: 'short', window: 32, slide: 4, filtration: 'sublevel', channel: 'x' },
      { name: 'long', window: 500, slide: 25, filtration: 'superlevel', channel: 'y' },
      { name: 'minute', window: '60s', slide: '10s', filtration: 'sublevel', channel: 'x', pointsMax: 1_000 },
      { name: 'loops', window: 24, slide: 6, filtration: 'rips' }
    ],
    output: {
      topic: `${prefix}-diagrams`,
      deadLetterTopic: `${prefix}-dead-letters`,
      stateTopic: `${prefix}-state`,
      partitions: PARTITIONS
    },
    delivery: options.delivery,
    publish: { snapshotEvery: 20 },
    pipeline: { workers: 1 },
    http: { port: 0 }
  }
}

const INPUT_PATIENCE_MS = 300_000

export async function runChaos(
  cluster: ChaosCluster,
  options: ChaosOptions,
  say: (text: string) => void
): Promise<ChaosResult> {
  const folder = join(root, 'build', 'chaos', String(options.seed))
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const written = chaosConfig(cluster.proxied, options)
  const configFile = join(folder, 'daemon.yaml') // JSON is YAML
  writeFileSync(configFile, JSON.stringify(written, null, 2))
  const config = validateConfig(written)
  const { input, output } = config

  // Longer than any outage: what a producer gives up while it is under way it may write twice.
  const librdkafka = { 'message.timeout.ms': INPUT_PATIENCE_MS }
  const mesh = await KafkaEventMesh.connect({ brokers: cluster.brokers.split(','), librdkafka })
  for (const topic of [input.topic, output.topic, output.deadLetterTopic]) {
    await mesh.createStream(topic, PARTITIONS)
  }
  const observer = new Observer()
  const log: MeshRecord[] = []
  const logged: number[] = []
  const logEnds = new Map<number, number>()
  const taken = (record: TopicRecord): void => {
    log.push(record as unknown as MeshRecord)
    logEnds.set(record.partition, record.offset + 1)
    logged.push(
      Number(record.headers?.find((header) => NUMBER_HEADER in header)?.[NUMBER_HEADER]?.toString())
    )
  }
  const open = (topic: string, onRecord: (record: TopicRecord) => void): Promise<TopicReader> =>
    TopicReader.open(cluster.brokers, topic, PARTITIONS, onRecord)
  const readers = {
    log: await open(input.topic, taken),
    results: await open(output.topic, (record) => observer.result(record)),
    letters: await open(output.deadLetterTopic, (record) => observer.letter(record))
  }
  const group = await GroupView.open(cluster.brokers, config.kafka!.groupId)
  const daemons = new Daemons(configFile, folder, options.program)
  const source = new ChaosInput(mesh, { ...options, topic: input.topic, streams: STREAMS })
  const violations: string[] = []
  try {
    for (let i = 0; i < options.daemons; i++) daemons.start(daemonName(i))
    source.start()
    await until(RECOVERY_MS_MAX, () => observer.partitions.length >= 2, 'no updates at the start')
    const startedMs = performance.now()
    say(`updates come; ${options.short ? 'each fault once' : `faults for ${options.minutes} min`}`)

    const injected: Injected[] = []
    const mark = (): Mark => ({ atMs: performance.now(), ends: new Map(logEnds) })
    const victims: Victims = { cluster, daemons, input: source, log: readers.log, mark }
    for (const step of steps(options, startedMs)) {
      await delay(step.calmMs)
      const outcome = await suffer(step, victims, observer)
      for (const { kind } of step.faults) {
        injected.push({ kind, recoveredMs: outcome ?? RECOVERY_MS_MAX })
        say(
          `${kind}: ${outcome === null ? 'NOT RECOVERED' : `recovered after ${(outcome / 1000).toFixed(1)} s`}`
        )
      }
      if (outcome !== null) continue
      violations.push(
        `no recovery within ${RECOVERY_MS_MAX / 1000} s after ${step.faults.map(({ kind }) => kind).join(' + ')}`
      )
      break
    }
    const endedMs = performance.now()
    const availability = observer.availability(startedMs, endedMs, AVAILABLE_MS)

    say('the input ends; waiting for the group to commit all of it')
    await source.stop()
    const ends = await readers.log.ends()
    const committed = async (): Promise<boolean> => {
      const now = await group.committed(input.topic, PARTITIONS)
      return [...ends].every(([partition, end]) => end === 0 || now.get(partition) === end)
    }
    await until(RECOVERY_MS_MAX, committed, null)
    await daemons.stopAll()
    for (const reader of Object.values(readers)) await reader.caughtUp(RECOVERY_MS_MAX)

    say(`judging ${log.length} records, ${observer.updates} messages`)
    const reference = await uninterrupted(config, log)
    const verdict = judge({
      delivery: options.delivery,
      acknowledged: source.acknowledged,
      unsure: source.unsure,
      logged,
      reference,
      values: observer.values,
      letters: observer.letters,
      committed: await group.committed(input.topic, PARTITIONS),
      ends: new Map([...ends].filter(([, end]) => end > 0))
    })
    const batch = batchDifferences(config, log, reference, observer.values)
    const result: ChaosResult = {
      ...verdict,
      violations: [...violations, ...verdict.violations, ...batch],
      options,
      injected,
      records: log.length,
      updates: observer.updates,
      letters: observer.letters.length,
      unexpected: daemons.unexpected,
      availability,
      seconds: (endedMs - startedMs) / 1000
    }
    writeFileSync(join(folder, 'result.json'), JSON.stringify(result, null, 2))
    return result
  } finally {
    await source.stop()
    for (const name of daemons.names) await daemons.kill(name)
    for (const reader of Object.values(readers)) await reader.close()
    await group.close()
    await mesh.close()
  }
}

/** The steps of the plan that begin within the time, or one round of it. */
function* steps(options: ChaosOptions, startedMs: number): Generator<Step> {
  const { only, short } = options
  let left = short ? (only?.length ?? Infinity) : Infinity
  const kinds = new Set<FaultKind>()
  for (const step of plan({
    ...options,
    partitions: PARTITIONS,
    ...(only ? { only } : { only: undefined! })
  })) {
    if (short && step.faults.some(({ kind }) => kinds.has(kind))) return
    if (!short && performance.now() - startedMs > 60_000 * options.minutes) return
    if (left-- === 0) return
    for (const { kind } of step.faults) kinds.add(kind)
    yield step
  }
}

/** Milliseconds until every partition has a new update after the last of the faults was over; `null`: it never had. */
async function suffer(step: Step, victims: Victims, observer: Observer): Promise<number | null> {
  const marks = await Promise.all(step.faults.map((fault) => inject(fault, victims)))
  const last = marks.reduce((a, b) => (a.atMs > b.atMs ? a : b))
  const deadlineMs = performance.now() + RECOVERY_MS_MAX
  for (;;) {
    const recovered = observer.recoveredAt(last)
    if (recovered !== null) return recovered - last.atMs
    if (performance.now() > deadlineMs) return null
    await delay(50)
  }
}

/** With `failure` null the time may run out: the verdict then says what is missing. */
async function until(
  limitMs: number,
  condition: () => boolean | Promise<boolean>,
  failure: string | null
): Promise<void> {
  const deadlineMs = performance.now() + limitMs
  while (!(await Promise.resolve(condition()).catch(() => false))) {
    if (performance.now() > deadlineMs) {
      if (failure === null) return
      throw new Error(failure)
    }
    await delay(200)
  }
}
