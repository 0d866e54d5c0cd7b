/**
 * Seeded worlds in which daemons come and go: one log on the in-process mesh, its state topic, and lives of a pipeline that
 * end by a crash, a rebalance or a drain. What comes out over all lives is compared with what one life puts out.
 */
import { createDecoder } from '../../lib/adapters/decoder.js'
import { validateConfig } from '../../lib/config/load.js'
import type { Config } from '../../lib/config/schema.js'
import type { DiagramMessage } from '../../lib/diagram.js'
import { TdaError } from '../../lib/errors.js'
import type {
  AssignedPartition,
  MeshEvent,
  OutgoingRecord,
  Subscription,
  Transactions
} from '../../lib/mesh/event-mesh.js'
import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { AtLeastOnce } from '../../lib/pipeline/at-least-once.js'
import type { Delivery } from '../../lib/pipeline/delivery.js'
import { ExactlyOnce } from '../../lib/pipeline/exactly-once.js'
import { Pipeline } from '../../lib/pipeline/pipeline.js'
import { noMetrics } from '../../lib/observability/pipeline-metrics.js'
import type { PipelineLogger } from '../../lib/pipeline/pipeline-report.js'
import { meshSink, topicsOf, type Sink } from '../../lib/pipeline/sink.js'
import { meshStateStore } from '../../lib/pipeline/restore.js'
import { replayFrom } from '../../lib/scales/stream-state.js'
import { readState, type ReadState } from '../../lib/state/read-state.js'
import { stateConfig } from '../../lib/state/state-config.js'
import { decodeState, encodeStream, type StreamRecord } from '../../lib/state/state-records.js'
import { seeded } from './pipeline-world.js'

export const GROUP = 'g'
export const TOPIC = 'points'

export interface Shape {
  readonly partitions: number
  readonly guarantee: 'exactly-once' | 'at-least-once'
  /** Records carry points of several streams. */
  readonly mixed: boolean
  readonly config: Config
}

/** A world's configuration, chosen by its seed. */
export function shapeOf(
  seed: number,
  state: Record<string, unknown> = {},
  rest: Record<string, unknown> = {}
): Shape {
  const random = seeded(seed * 7 + 1)
  const pick = <T>(...choices: T[]): T => choices[Math.floor(random() * choices.length)]!
  const mixed = random() < 0.3
  const limited = random() < 0.4
  const partitions = limited ? 1 : 2 // which streams are admitted must not depend on how partitions take turns
  const scales = [
    { name: 'short', window: pick(5, 8), slide: pick(1, 3), filtration: 'sublevel', channel: 'x' },
    { name: 'long', window: 40, slide: pick(7, 50), filtration: 'superlevel', channel: 'y' },
    {
      name: 'time',
      window: '40s',
      slide: '15s',
      filtration: 'sublevel',
      channel: 'x',
      pointsMax: pick(8, 30)
    },
    { name: 'span', window: '25s', slide: 2, filtration: 'sublevel', channel: 'y', pointsMax: pick(6, 40) },
    { name: 'cloud', window: 12, slide: 4, filtration: 'rips' },
    {
      name: 'loops',
      window: 14,
      slide: 3,
      filtration: 'rips',
      channel: 'x',
      embedding: { dimension: 2, delay: 2, stride: 3 }
    }
  ]
  const chosen = scales.filter(() => random() < 0.5)
  const config = validateConfig({
    input: {
      topic: TOPIC,
      channels: ['x', 'y'],
      timestamp: { from: 'field', field: 't', unit: 'ms' },
      ...(mixed ? { stream: { from: 'field', field: 'id' } } : {})
    },
    pipeline: { workers: random() < 0.2 ? 2 : 1, recordsMax: pick(7, 23, 60), batchesInFlight: 3 },
    publish: { snapshotEvery: 5, transactionInterval: '1ms' },
    streams: { max: limited ? 3 : 100 },
    state: {
      interval: pick('1ms', '1ms', '20ms', '1h'),
      idleAfter: pick('1ms', '1h'),
      replayRecordsMax: pick(5, 40, 1_000_000),
      ...state
    },
    scales: chosen.length > 0 ? chosen : scales.slice(0, 2),
    ...rest
  })
  return { partitions, guarantee: pick('exactly-once', 'at-least-once'), mixed, config }
}

/** Some keys are busy, some come now and then, one stops early; records are broken, late, too thick, or hold several points. */
export function logOf(seed: number, records: number, mixed: boolean): OutgoingRecord[] {
  const random = seeded(seed)
  let t = 1_700_000_000_000
  const point = (id: string): Record<string, unknown> => {
    t += Math.floor(random() * 1_500)
    const late = random() < 0.04 ? 100_000 : 0
    return {
      id,
      x: Math.floor(random() * 12),
      y: random() < 0.02 ? 1e300 : Math.floor(random() * 9),
      t: t - late
    }
  }
  return Array.from({ length: records }, (_, i) => {
    const name = (): string => {
      if (random() < 0.04) return `rare-${Math.floor(random() * 4)}`
      return i < records / 6 && random() < 0.3 ? 'early' : `k${Math.floor(random() * 3)}`
    }
    const key = name()
    if (random() < 0.04) return { key, value: random() < 0.5 ? '{"x":' : '{"x":"NaN"}' }
    const points = Array.from({ length: random() < 0.2 ? 3 : 1 }, () => point(mixed ? name() : key))
    return { key, value: JSON.stringify(points.length === 1 ? points[0] : points) }
  })
}

/** What is to happen in a life, by the number of the delivery. */
export interface Fate {
  /** Deliver so often, then crash: before or after the broker has it. */
  readonly crashAt?: number
  readonly after?: boolean
  readonly rebalanceAt?: number
}

export class RestoreWorld {
  readonly mesh = new InProcessEventMesh({ now: () => 0 })
  readonly shape: Shape
  /** What the lives so far said. */
  readonly said: string[] = []
  /** What a life hears of a partition it gets. */
  told = (partition: AssignedPartition): AssignedPartition => partition
  /** Records read by the last life. */
  read = 0
  #published = 0
  readonly #committed = new Map<number, number>()

  private constructor(shape: Shape) {
    this.shape = shape
  }

  static async make(shape: Shape): Promise<RestoreWorld> {
    const world = new RestoreWorld(shape)
    const { output } = shape.config
    await world.mesh.createStream(TOPIC, shape.partitions)
    await world.mesh.createStream(output.topic, 1)
    await world.mesh.createStream(output.deadLetterTopic, 1)
    await world.mesh.createStream(output.stateTopic, shape.partitions, { 'cleanup.policy': 'compact' })
    return world
  }

  async publish(records: readonly OutgoingRecord[]): Promise<void> {
    await this.mesh.publish(TOPIC, records)
    this.#published += records.length
  }

  /** One life, until everything published is committed or it ends otherwise; what it died of, or null. */
  async life(fate: Fate = {}, config = this.shape.config, metrics = noMetrics): Promise<unknown> {
    for (const [partition, offset] of await this.committed()) this.#committed.set(partition, offset ?? 0)
    const stop = new AbortController()
    const source = await this.mesh.subscribe(TOPIC, { groupId: GROUP })
    const done = (next: ReadonlyMap<number, number>): void => {
      for (const [partition, offset] of next) this.#committed.set(partition, offset)
      const sum = [...this.#committed.values()].reduce((total, offset) => total + offset, 0)
      if (sum >= this.#published) stop.abort()
    }
    const watched = new Watched(source, done, (partition) => this.told(partition))
    const pipeline = new Pipeline({
      config,
      source: watched,
      decoder: createDecoder(config),
      delivery: await this.#delivery(source, watched, config, fate, done),
      state: meshStateStore(this.mesh, config, GROUP),
      metrics,
      logger: this.#logger,
      signal: stop.signal
    })
    done(new Map())
    try {
      await pipeline.run()
      return null
    } catch (error) {
      return error
    } finally {
      this.read = pipeline.totals.records
      await source.close()
    }
  }

  /** What the group has committed of each partition, by whomever. REQUIRES: it has no member. */
  async committed(): Promise<Map<number, number | null>> {
    const source = await this.mesh.subscribe(TOPIC, { groupId: GROUP })
    const { signal } = new AbortController()
    try {
      for await (const event of source.events({ recordsMax: 1, lingerMs: 0, signal })) {
        if (event.kind !== 'assigned') continue
        return new Map(event.partitions.map(({ partition, committed }) => [partition, committed]))
      }
    } finally {
      await source.close()
    }
    throw new Error('the mesh is closed')
  }

  async state(partition: number): Promise<ReadState> {
    const { config } = this.shape
    const { stateTopic } = config.output
    const names = config.scales.map(({ name }) => name)
    return readState(this.mesh.readPartition(stateTopic, partition), stateConfig(config, GROUP), names)
  }

  /** Removes every record that no restart needs. */
  async retainOnlyNeeded(): Promise<void> {
    for (let partition = 0; partition < this.shape.partitions; partition++) {
      const { state } = await this.state(partition)
      if (state) this.mesh.trim(TOPIC, partition, replayFrom(state))
    }
  }

  /** All records of the state topic, as they were written. */
  async stateRecords(): Promise<OutgoingRecord[]> {
    const found: OutgoingRecord[] = []
    for (let partition = 0; partition < this.shape.partitions; partition++) {
      for await (const records of this.mesh.readPartition(this.shape.config.output.stateTopic, partition)) {
        for (const { key, value, headers } of records) {
          found.push({ partition, key, value, ...(headers ? { headers } : {}) })
        }
      }
    }
    return found
  }

  /** Flips a bit of a record of the state topic, or takes it away. */
  async damageState(random: () => number): Promise<void> {
    const records = (await this.stateRecords()).filter(({ value }) => value !== null)
    if (records.length === 0) return
    const { partition, key, value } = records[Math.floor(random() * records.length)]!
    const bytes = Buffer.from(value as Uint8Array)
    bytes[Math.floor(random() * bytes.length)]! ^= 1 << Math.floor(random() * 8)
    const damaged = { partition: partition!, key, value: random() < 0.7 ? bytes : null }
    await this.mesh.publish(this.shape.config.output.stateTopic, [damaged])
  }

  /** Writes another value under every key of the state that begins so. */
  async replaceState(prefix: string, value: Buffer | null): Promise<void> {
    for (const { partition, key } of await this.stateRecords()) {
      if (!Buffer.from(key!).toString().startsWith(prefix)) continue
      await this.mesh.publish(this.shape.config.output.stateTopic, [{ partition: partition!, key, value }])
    }
  }

  /** Writes every stream's newest record again, changed. */
  async forgeState(change: (record: StreamRecord) => StreamRecord): Promise<void> {
    const newest = new Map<string, OutgoingRecord>()
    for (const record of await this.stateRecords())
      newest.set(`${record.partition} ${Buffer.from(record.key!).toString()}`, record)
    for (const { partition, key, value: written } of newest.values()) {
      const decoded = written && decodeState(Buffer.from(key!).toString(), written as Uint8Array)
      if (!decoded || decoded.kind !== 'stream') continue
      // As by a checkpoint that was cut off.
      const cutOff = { replaces: decoded.mark, checkpoint: decoded.record.checkpoint + 1_000 }
      const value = encodeStream({ ...change(decoded.record), ...cutOff })
      const forged = { partition: partition!, key, value }
      await this.mesh.publish(this.shape.config.output.stateTopic, [forged])
    }
  }

  /** Values on the output topic by stream, and the places of the dead letters. */
  async results(): Promise<{ values: Map<string, string[]>; letters: string[] }> {
    const { topic, deadLetterTopic } = this.shape.config.output
    const values = new Map<string, string[]>()
    for await (const records of this.mesh.readPartition(topic, 0)) {
      for (const { key, value } of records) {
        const text = Buffer.from(value!).toString()
        // The same name in two partitions is two streams.
        const stream = `${(JSON.parse(text) as DiagramMessage).partition}/${Buffer.from(key!).toString()}`
        const ofStream = values.get(stream) ?? []
        ofStream.push(text)
        values.set(stream, ofStream)
      }
    }
    const letters: string[] = []
    for await (const records of this.mesh.readPartition(deadLetterTopic, 0)) {
      for (const { headers } of records) {
        const of = Object.fromEntries(headers ?? []) as Record<string, string>
        letters.push(`${of['tda-partition']}/${of['tda-offset']} ${of['tda-reason']}`)
      }
    }
    return { values, letters: letters.sort() }
  }

  async #delivery(
    source: Subscription,
    watched: Subscription,
    config: Config,
    fate: Fate,
    done: (next: ReadonlyMap<number, number>) => void
  ): Promise<Delivery> {
    const strike = this.#striker(fate)
    if (this.shape.guarantee === 'at-least-once')
      return new AtLeastOnce(struck(meshSink(this.mesh, config), strike), watched)
    const inner = await this.mesh.transactions(source)
    const transactions: Transactions = {
      commit: (transaction) =>
        strike(async () => {
          const committed = await inner.commit(transaction)
          if (committed) done(transaction.next)
          return committed
        }),
      close: () => inner.close()
    }
    const repeat = <T>(attempt: () => Promise<T>): Promise<T> => attempt()
    return new ExactlyOnce({
      transactions,
      topics: topicsOf(config),
      intervalMs: 1,
      repeat,
      metrics: noMetrics
    })
  }

  #striker({ crashAt, after, rebalanceAt }: Fate): <T>(work: () => Promise<T>) => Promise<T> {
    let calls = 0
    return async (work) => {
      calls += 1
      if (calls === rebalanceAt) this.mesh.rebalance(TOPIC, GROUP)
      if (calls === crashAt && after !== true) throw new TdaError('BROKER', 'crash')
      const result = await work()
      if (calls === crashAt) throw new TdaError('BROKER', 'crash')
      return result
    }
  }

  readonly #logger: PipelineLogger = {
    info: (_, message) => void this.said.push(message),
    warn: (_, message) => void this.said.push(message),
    error: (_, message) => void this.said.push(message)
  }
}

function struck(sink: Sink, strike: <T>(work: () => Promise<T>) => Promise<T>): Sink {
  return {
    publish: (updates) => strike(() => sink.publish(updates)),
    reject: (records) => strike(() => sink.reject(records)),
    // In two pieces, so that a crash may come between them.
    async keep(state) {
      const half = state.length >>> 1
      await strike(() => sink.keep!(state.slice(0, half)))
      await strike(() => sink.keep!(state.slice(half)))
    }
  }
}

class Watched implements Subscription {
  readonly #source: Subscription
  readonly #done: (next: ReadonlyMap<number, number>) => void
  readonly #told: RestoreWorld['told']

  constructor(
    source: Subscription,
    done: (next: ReadonlyMap<number, number>) => void,
    told: RestoreWorld['told']
  ) {
    this.#source = source
    this.#done = done
    this.#told = told
  }

  async *events(options: Parameters<Subscription['events']>[0]): AsyncIterable<MeshEvent> {
    for await (const event of this.#source.events(options)) {
      if (event.kind === 'assigned') yield { ...event, partitions: event.partitions.map(this.#told) }
      else yield event
    }
  }

  async commit(next: ReadonlyMap<number, number>): Promise<ReadonlySet<number>> {
    const committed = await this.#source.commit(next)
    if (committed.size === next.size) this.#done(next)
    return committed
  }

  lag(): Promise<ReadonlyMap<number, number>> {
    return this.#source.lag()
  }

  close(): Promise<void> {
    return this.#source.close()
  }
}
