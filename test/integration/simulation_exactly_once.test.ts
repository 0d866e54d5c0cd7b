/** Seeded worlds under exactly once: crashes, failing transactions and rebalances anywhere; every update once. */
import { expect, test } from '@jest/globals'
import { validateConfig } from '../../lib/config/load.js'
import { TdaError } from '../../lib/errors.js'
import type { Transaction, Transactions } from '../../lib/mesh/event-mesh.js'
import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { createDecoder } from '../../lib/adapters/decoder.js'
import { ExactlyOnce } from '../../lib/pipeline/exactly-once.js'
import { Pipeline } from '../../lib/pipeline/pipeline.js'
import { noMetrics } from '../../lib/observability/pipeline-metrics.js'
import { topicsOf } from '../../lib/pipeline/sink.js'
import { MemorySink, pipelineOf, seeded } from '../support/pipeline-world.js'

const RECORDS = 600
const PARTITIONS = 2
const config = validateConfig({
  input: { channels: ['x'] },
  pipeline: { workers: 2, recordsMax: 23, batchesInFlight: 3 },
  publish: { snapshotEvery: 5, transactionInterval: '1ms' },
  scales: [
    { name: 'short', window: 8, slide: 3, filtration: 'sublevel' },
    { name: 'long', window: 64, slide: 10, filtration: 'superlevel' }
  ]
})
const topics = topicsOf(config)

interface World {
  readonly mesh: InProcessEventMesh
  /** What is committed, over all lives. */
  readonly committed: Map<number, number>
}

async function world(seed: number): Promise<World> {
  const random = seeded(seed)
  const mesh = new InProcessEventMesh({ now: () => 0 })
  for (const topic of ['tda.points', topics.updates, topics.letters])
    await mesh.createStream(topic, PARTITIONS)
  const records = Array.from({ length: RECORDS }, () => ({
    key: `k${Math.floor(random() * 3)}`,
    value: random() < 0.05 ? '{"x":' : `{"x":${Math.floor(random() * 20)}}`
  }))
  await mesh.publish('tda.points', records)
  return { mesh, committed: new Map() }
}

/** What happens to an attempt: nothing, a failure before or after the commit, or the end of the daemon. */
type Fault = 'none' | 'fails' | 'crashes-before' | 'crashes-after' | 'rebalances' | 'loses'
/** A refused member may go on for so long until it hears that its partitions are gone. */
const UNHEARD_MS = 5

class Shaken implements Transactions {
  readonly #inner: Transactions
  readonly #fault: () => Fault
  readonly #rebalance: () => void

  constructor(inner: Transactions, fault: () => Fault, rebalance: () => void) {
    this.#inner = inner
    this.#fault = fault
    this.#rebalance = rebalance
  }

  async commit(transaction: Transaction): Promise<boolean> {
    const fault = this.#fault()
    if (fault === 'fails') throw new TdaError('BROKER', 'timed out', { retriable: true })
    if (fault === 'crashes-before') throw new TdaError('INTERNAL', 'crash')
    if (fault === 'rebalances') this.#rebalance()
    if (fault === 'loses') {
      setTimeout(this.#rebalance, UNHEARD_MS)
      return false
    }
    const committed = await this.#inner.commit(transaction)
    if (fault === 'crashes-after') throw new TdaError('INTERNAL', 'crash')
    return committed
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}

/** One life, until the whole log is committed or it crashes: then true. */
async function life({ mesh, committed: next }: World, fault: () => Fault): Promise<boolean> {
  const stop = new AbortController()
  const source = await mesh.subscribe('tda.points', { groupId: 'g' })
  const stopWhenDone = (): void => {
    if ([...next.values()].reduce((sum, offset) => sum + offset, 0) === RECORDS) stop.abort()
  }
  stopWhenDone()
  const inner = await mesh.transactions(source)
  const watched: Transactions = {
    async commit(transaction) {
      const committed = await inner.commit(transaction)
      if (committed) for (const [partition, offset] of transaction.next) next.set(partition, offset)
      stopWhenDone()
      return committed
    },
    close: () => inner.close()
  }
  const transactions = new Shaken(watched, fault, () => mesh.rebalance('tda.points', 'g'))
  const repeat = async <T>(attempt: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        if (!(error instanceof TdaError && error.retriable)) throw error
      }
    }
  }
  const delivery = new ExactlyOnce({ transactions, topics, intervalMs: 1, repeat, metrics: noMetrics })
  const pipeline = new Pipeline({
    config,
    source,
    decoder: createDecoder(config),
    delivery,
    signal: stop.signal
  })
  try {
    await pipeline.run()
    return false
  } catch (error) {
    if (!(error instanceof TdaError && error.message === 'crash')) throw error
    return true
  } finally {
    await delivery.close()
    await source.close()
  }
}

async function valuesByKey(mesh: InProcessEventMesh, topic: string): Promise<Map<string, string[]>> {
  const values = new Map<string, string[]>()
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for await (const records of mesh.readPartition(topic, partition)) {
      for (const { key, value } of records) {
        values.set(String(key), [...(values.get(String(key)) ?? []), String(value)])
      }
    }
  }
  return values
}

async function undisturbed(seed: number): Promise<InProcessEventMesh> {
  const whole = await world(seed)
  expect(await life(whole, () => 'none')).toBe(false)
  return whole.mesh
}

test('the undisturbed world equals what is put out at least once', async () => {
  const mesh = await undisturbed(1)
  const sink = new MemorySink()
  const { mesh: other } = await world(1)
  const stop = new AbortController()
  const source = await other.subscribe('tda.points', { groupId: 'g' })
  const running = pipelineOf(config, source, sink, { signal: stop.signal }).run()
  while ([...(await source.lag()).values()].some((lag) => lag > 0) || (await source.lag()).size === 0) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  stop.abort()
  await running
  expect(await valuesByKey(mesh, topics.updates)).toEqual(sink.values)
  expect([...(await valuesByKey(mesh, topics.letters)).values()].flat()).toHaveLength(sink.rejected.length)
  expect(sink.rejected.length).toBeGreaterThan(5)
})

test.each([31, 32, 33, 34, 35, 36])(
  'simulation: with crashes, failures and rebalances at any transaction every value is there once (seed %i)',
  async (seed) => {
    const whole = await undisturbed(seed)
    const random = seeded(seed)
    const disturbed = await world(seed)
    let crashes = 0
    const fault = (): Fault => {
      const die = random()
      if (die < 0.1) return 'fails'
      if (die < 0.15) return 'rebalances'
      if (die > 0.9) return 'loses'
      if (crashes >= 4) return 'none'
      return die < 0.25 ? 'crashes-before' : die < 0.35 ? 'crashes-after' : 'none'
    }
    while (await life(disturbed, fault)) crashes += 1
    for (const topic of [topics.updates, topics.letters]) {
      expect(await valuesByKey(disturbed.mesh, topic)).toEqual(await valuesByKey(whole, topic))
    }
  }
)
