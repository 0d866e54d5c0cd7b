/** `restore`: every window as of an earlier point of the input log. docs/operations.md says exactly what it does. */
import { setTimeout as delay } from 'node:timers/promises'
import { loadConfig } from '../config/load.js'
import { requireMemory } from '../config/memory.js'
import type { Config } from '../config/schema.js'
import { TdaError } from '../errors.js'
import { BrokerGuard } from '../mesh/broker-guard.js'
import type { EventMesh, Subscription } from '../mesh/event-mesh.js'
import { createLogger, type Logger } from '../observability/logger.js'
import { openDelivery } from '../pipeline/delivery.js'
import { noMetrics } from '../observability/pipeline-metrics.js'
import type { Outcome } from '../pipeline/delivery.js'
import { PointInTime, type RestoreTarget } from '../pipeline/point-in-time.js'
import { connectKafka } from './connect-kafka.js'
import { EXIT, type ExitCode } from './exit-codes.js'
import { progressBar, write, type Terminal } from './terminal.js'

export interface RestoreOptions {
  readonly config: string
  readonly to: string
  readonly outputTopic?: string
  readonly dryRun: boolean
}

/** librdkafka's default of `session.timeout.ms`, and how long a group may take to share out what has come free. */
const SESSION_MS = 45_000
const SHARE_MS = 15_000
const JOIN_POLL_MS = 200

/** `connect` is another mesh in tests. */
export async function restore(
  options: RestoreOptions,
  terminal: Terminal,
  connect: typeof connectKafka = connectKafka,
  joinMsMax?: number
): Promise<ExitCode> {
  const config = await loadConfig(options.config, 'broker')
  requireMemory(config)
  const { topic } = options.outputTopic === undefined ? config.output : { topic: options.outputTopic }
  if (topic === config.input.topic || topic === config.output.stateTopic) {
    throw new TdaError(
      'USAGE',
      `--output-topic "${topic}" is the topic of the input or the state; name another one`
    )
  }
  const group = config.kafka!.groupId
  const { stderr, colours } = terminal
  const readable = stderr.isTTY === true
  const logger = createLogger({ settings: config.log, readable, colours, destination: stderr })
  const mesh = await connect(nameless(config), logger.component('kafka'))
  try {
    const targets = await targetsOf(mesh, config.input.topic, options.to)
    const inPlace = topic === config.output.topic
    if (options.dryRun) {
      await write(terminal.stdout, plan(targets, topic, inPlace ? group : null))
      return EXIT.done
    }
    if (inPlace) {
      const member = await join(mesh, config, group, targets, joinMsMax ?? joinMs(config))
      try {
        return await publishInPlace({ mesh, config, group, targets, terminal, logger }, member.source)
      } finally {
        await member.leave()
      }
    }
    await mesh.createStream(topic, config.output.partitions)
    const publish = ({ updates }: Outcome): Promise<void> => mesh.publish(topic, updates)
    await rebuild({ mesh, config, group, targets, terminal, logger }, publish)
    return EXIT.done
  } finally {
    await mesh.close()
  }
}

/** Under the name of a daemon this member would take its place, and its partitions with it, instead of being refused. */
function nameless(config: Config): Config {
  return { ...config, kafka: { ...config.kafka!, instanceId: undefined } }
}

function plan(targets: readonly RestoreTarget[], topic: string, group: string | null): string {
  const lines = targets.map(
    ({ partition, low, high, offset }) =>
      `partition ${partition}: windows as of offset ${offset}, of ${low} to ${high} retained` +
      (group === null ? '' : `; the ${high - offset} records from there on would be processed again`)
  )
  lines.push(`a snapshot of each stream and scale would go to "${topic}"`)
  if (group !== null) lines.push(`offsets and state of the group "${group}" would be set to these points`)
  return `${lines.join('\n')}\n`
}

/** @throws USAGE for what names no retained place of the log. */
async function targetsOf(mesh: EventMesh, topic: string, to: string): Promise<RestoreTarget[]> {
  const count = await mesh.partitions(topic)
  if (count === 0) throw new TdaError('USAGE', `there is no topic "${topic}"`)
  const offsets = await offsetsOf(mesh, topic, to, count)
  const targets: RestoreTarget[] = []
  for (const [partition, offset] of offsets) {
    if (partition >= count)
      throw new TdaError('USAGE', `--to ${to}: "${topic}" has partitions 0 to ${count - 1}`)
    const { low, high } = await mesh.bounds(topic, partition)
    if (offset < low || offset > high) {
      const message = `--to ${to}: partition ${partition} of "${topic}" retains offsets ${low} to ${high}`
      throw new TdaError('USAGE', `${message}; name each partition as partition:offset,...`)
    }
    targets.push({ partition, low, high, offset })
  }
  return targets
}

async function offsetsOf(
  mesh: EventMesh,
  topic: string,
  to: string,
  count: number
): Promise<ReadonlyMap<number, number>> {
  if (/^\d+$/.test(to))
    return new Map(Array.from({ length: count }, (_, partition) => [partition, Number(to)]))
  if (/^\d+:\d+(,\d+:\d+)*$/.test(to)) {
    return new Map(to.split(',').map((pair) => pair.split(':').map(Number) as [number, number]))
  }
  const timestamp = /^\d{4}-\d{2}-\d{2}/.test(to) ? Date.parse(to) : NaN
  if (Number.isNaN(timestamp)) {
    const expected = 'an ISO 8601 timestamp, an offset, or partition:offset,...'
    throw new TdaError('USAGE', `--to: expected ${expected}, found "${to}"`)
  }
  return mesh.offsetsAt(topic, timestamp)
}

interface Member {
  readonly source: Subscription
  leave(): Promise<void>
}

/** A member that crashed keeps its partitions for `session.timeout.ms`; with `kafka.instanceId` one that was stopped does, too. */
function joinMs({ kafka }: Config): number {
  return Number(kafka?.librdkafka['session.timeout.ms'] ?? SESSION_MS) + SHARE_MS
}

/** Being the group's only member with partitions is what makes it safe to move its offsets. */
async function join(
  mesh: EventMesh,
  config: Config,
  group: string,
  targets: readonly RestoreTarget[],
  joinMsMax: number
): Promise<Member> {
  const source = await mesh.subscribe(config.input.topic, { groupId: group })
  const stop = new AbortController()
  const ends = new Map(targets.map(({ partition, high }) => [partition, high]))
  const reading = (async () => {
    for await (const event of source.events({ recordsMax: 1, lingerMs: 0, signal: stop.signal })) {
      // Nothing is read of what is held: a rebuild reads by itself.
      if (event.kind === 'assigned') {
        for (const { partition, resume } of event.partitions)
          event.startAt?.(partition, ends.get(partition) ?? resume)
      }
      if (event.kind === 'revoked') event.done()
    }
  })()
  const failed = reading.then(
    () => {},
    (error: unknown) => Promise.reject(error as TdaError)
  )
  const leave = async (): Promise<void> => {
    stop.abort()
    await failed.catch(() => {})
    await source.close()
  }
  try {
    const partitions = await mesh.partitions(config.input.topic)
    const deadlineMs = performance.now() + joinMsMax
    for (;;) {
      const held = (await source.lag()).size
      if (held === partitions) return { source, leave }
      if (performance.now() > deadlineMs) {
        throw new TdaError(
          'BROKER',
          `the group "${group}" has other members: ${held} of ${partitions} partitions were given up. Stop its ` +
            'daemons first; one that crashed, or has a kafka.instanceId, leaves after session.timeout.ms'
        )
      }
      await Promise.race([delay(JOIN_POLL_MS), failed])
    }
  } catch (error) {
    await leave()
    throw error
  }
}

interface Work {
  readonly mesh: EventMesh
  readonly config: Config
  readonly group: string
  readonly targets: readonly RestoreTarget[]
  readonly terminal: Terminal
  readonly logger: Logger
}

async function publishInPlace(work: Work, source: Subscription): Promise<ExitCode> {
  const { mesh, config, group, targets } = work
  const guard = new BrokerGuard()
  const delivery = await openDelivery(mesh, source, config, { guard, metrics: noMetrics })
  try {
    let delivered = 0
    let out = 0
    await rebuild(work, (outcome) => {
      delivered += 1
      return delivery.deliver(outcome, () => (out += 1))
    })
    await delivery.settle()
    // Who publishes at least once hears of its results alone: whether the group has the offsets, only it can say.
    const committed = await mesh.groupOffsets(config.input.topic, group)
    const isThere = targets.every(({ partition, offset }) => committed.get(partition) === offset)
    if (out === delivered && isThere) return EXIT.done
    throw new TdaError(
      'BROKER',
      `the group "${group}" took partitions away before all was restored; try again`
    )
  } finally {
    guard.close()
    await delivery.close()
  }
}

async function rebuild(
  { mesh, config, group, targets, terminal, logger }: Work,
  take: (outcome: Outcome) => Promise<void>
): Promise<void> {
  const total = targets.reduce((sum, { low, offset }) => sum + offset - low, 0)
  const bar = progressBar(terminal, 'restoring', total)
  let read = 0
  const onRecords = (records: number): void => bar.update((read += records))
  const work = new PointInTime({ config, mesh, group, logger, onRecords })
  const lines: string[] = []
  try {
    for (const target of targets) {
      const { streams, records, snapshots } = await work.restore(target, take)
      const what = `${streams} streams as of offset ${target.offset}`
      lines.push(`partition ${target.partition}: ${what}, ${records} records read, ${snapshots} snapshots`)
    }
  } finally {
    bar.stop()
    await work.close()
  }
  await write(terminal.stderr, lines.map((line) => `streaming-tda: ${line}\n`).join(''))
}
