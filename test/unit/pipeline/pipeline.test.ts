/** The edges of a pipeline's life: how it ends, what it refuses, what it says about windows it could not rebuild. */
import { expect, test } from '@jest/globals'
import { validateConfig } from '../../../lib/config/load.js'
import type { DiagramMessage } from '../../../lib/diagram.js'
import { TdaError } from '../../../lib/errors.js'
import type { MeshEvent, OutgoingRecord } from '../../../lib/mesh/event-mesh.js'
import { tooLargeError } from '../../../lib/mesh/too-large.js'
import { nativeAddon } from '../../../lib/native.js'
import { noMetrics, type PipelineMetrics } from '../../../lib/observability/pipeline-metrics.js'
import type { StateStore } from '../../../lib/pipeline/restore.js'
import { componentLogger } from '../../../lib/pipeline/pipeline-logger.js'
import { RestoreProgress } from '../../../lib/pipeline/restore-progress.js'
import { planStream } from '../../../lib/scales/scale-plan.js'
import {
  assigned,
  batches,
  MemorySink,
  pipelineOf,
  records,
  runToEnd,
  ScriptedSource
} from '../../support/pipeline-world.js'

const base = {
  input: { channels: ['x'] },
  pipeline: { workers: 1 },
  scales: [{ name: 'a', window: 4, slide: 2, filtration: 'sublevel' }]
}
const config = validateConfig(base)
const values = (count: number): { x: number }[] =>
  Array.from({ length: count }, (_, i) => ({ x: (i * 7) % 5 }))

test('a source that ends: everything is published and committed, and the states follow one another', async () => {
  const states: string[] = []
  const source = new ScriptedSource([assigned(), ...batches(records(values(10)), 3)])
  const sink = new MemorySink()
  const metrics: PipelineMetrics = { ...noMetrics, state: (kind) => void states.push(kind) }
  const pipeline = pipelineOf(config, source, sink, { metrics })
  await pipeline.run()
  expect(sink.messages('s').map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5])
  expect(source.committed.at(-1)).toEqual(new Map([[0, 10]]))
  expect(states).toEqual(['starting', 'running', 'draining', 'stopped'])
  expect(pipeline.totals).toEqual({ records: 10, points: 10, rejected: 0, updates: 5 })
  expect(pipeline.state.kind).toBe('stopped')
})

test('results that their topic does not take are counted as omitted, not as published', async () => {
  const sink = new MemorySink()
  const publish = sink.publish.bind(sink)
  let taken = 0
  const letters: OutgoingRecord[] = []
  sink.publish = async (updates) => {
    const tooLong = updates.filter((_, i) => i % 2 === 1)
    const others = updates.filter((update) => !tooLong.includes(update))
    for (const { value } of others) taken += value!.length
    await publish(others)
    if (tooLong.length > 0) throw tooLargeError('publish', new Set(tooLong))
  }
  const omit = async (updates: readonly OutgoingRecord[]): Promise<void> => void letters.push(...updates)
  const counted = { published: 0, bytes: 0, omitted: 0 }
  const metrics: PipelineMetrics = {
    ...noMetrics,
    resultsOmitted: (count) => void (counted.omitted += count),
    updatesPublished(count, bytes) {
      counted.published += count
      counted.bytes += bytes
    }
  }
  const source = new ScriptedSource([assigned(), ...batches(records(values(20)), 10)])
  const pipeline = pipelineOf(config, source, Object.assign(sink, { omit }), { metrics })
  await pipeline.run()
  expect(letters.length).toBeGreaterThan(1)
  expect(counted).toEqual({ published: sink.published, bytes: taken, omitted: letters.length })
  expect(pipeline.totals.updates).toBe(sink.published)
})

test('an abort drains: what was read is published and committed', async () => {
  const stop = new AbortController()
  const source = new ScriptedSource([assigned(), ...batches(records(values(4)), 4)], false)
  const sink = new MemorySink()
  const publish = sink.publish.bind(sink)
  sink.publish = async (updates) => {
    stop.abort()
    await publish(updates)
  }
  const pipeline = pipelineOf(config, source, sink, { signal: stop.signal })
  await pipeline.run()
  expect(sink.published).toBe(2)
  expect(source.committed).toEqual([new Map([[0, 4]])])
  expect(pipeline.state.kind).toBe('stopped')
})

test('an abort before the start ends at once', async () => {
  const pipeline = pipelineOf(config, new ScriptedSource([assigned()], false), new MemorySink(), {
    signal: AbortSignal.abort()
  })
  await pipeline.run()
  expect(pipeline.state.kind).toBe('stopped')
})

test('a drain that takes too long fails with CANCELLED and commits nothing more', async () => {
  const stop = new AbortController()
  const source = new ScriptedSource([assigned(), ...batches(records(values(4)), 4)], false)
  const sink = new MemorySink()
  sink.publish = () => {
    stop.abort()
    return new Promise(() => {})
  }
  const impatient = validateConfig({ ...base, shutdown: { timeout: '20ms' } })
  const pipeline = pipelineOf(impatient, source, sink, { signal: stop.signal })
  await expect(pipeline.run()).rejects.toMatchObject({ code: 'CANCELLED' })
  expect(source.committed).toEqual([])
  expect(pipeline.state.kind).toBe('failed')
})

test.each([
  ['a sink that fails', { publish: () => Promise.reject(new TdaError('BROKER', 'away')) }, 'BROKER'],
  ['dead letters that fail', { reject: () => Promise.reject(new TdaError('FILE', 'disk full')) }, 'FILE'],
  ['anything else that is thrown', { publish: () => Promise.reject(new Error('what?')) }, 'INTERNAL']
])('%s ends the pipeline with its error, once', async (_, broken, code) => {
  const failed: string[] = []
  const source = new ScriptedSource([assigned(), ...batches(records([...values(4), 'poison']), 5)], false)
  const sink = Object.assign(new MemorySink(), broken)
  const metrics: PipelineMetrics = { ...noMetrics, failed: (why) => void failed.push(why) }
  const pipeline = pipelineOf(config, source, sink, { metrics })
  await expect(pipeline.run()).rejects.toMatchObject({ code })
  expect(failed).toEqual([code])
  expect(source.committed).toEqual([])
  expect(pipeline.state).toMatchObject({ kind: 'failed', cause: { code } })
})

test('a source that fails ends the pipeline with its error', async () => {
  const source = new ScriptedSource([])
  // eslint-disable-next-line require-yield
  source.events = async function* (): AsyncGenerator<MeshEvent> {
    throw new TdaError('BROKER', 'not authorised')
  }
  await expect(pipelineOf(config, source, new MemorySink()).run()).rejects.toThrow('not authorised')
})

test('a log that goes back ends the pipeline before its points enter the windows of the former one', async () => {
  const again = batches(records(values(6)), 3)
  const source = new ScriptedSource([assigned(), ...batches(records(values(8)), 8), ...again], false)
  const pipeline = pipelineOf(config, source, new MemorySink())
  await expect(pipeline.run()).rejects.toMatchObject({
    code: 'BROKER',
    message: expect.stringContaining('"points"/0 goes back from offset 8 to 0')
  })
  expect(pipeline.totals.records).toBe(8)
})

test('a refused commit ends the pipeline', async () => {
  const source = new ScriptedSource([assigned(), ...batches(records(values(4)), 4)], false)
  source.commit = () => Promise.reject(new TdaError('BROKER', 'commit refused'))
  await expect(pipelineOf(config, source, new MemorySink()).run()).rejects.toThrow('commit refused')
})

test('a record that cannot be used is a dead letter with its reason, and the stream goes on', async () => {
  const source = new ScriptedSource([assigned(), ...batches(records([{ x: 1 }, { y: 1 }, { x: 2 }]), 3)])
  const sink = new MemorySink()
  const rejected = new Map<string, number>()
  const metrics: PipelineMetrics = { ...noMetrics, recordsRejected: (why, n) => void rejected.set(why, n) }
  await pipelineOf(config, source, sink, { metrics }).run()
  expect(sink.rejected.map(({ record, reason }) => [record.offset, reason])).toEqual([[1, 'missing_field']])
  expect(rejected).toEqual(new Map([['missing_field', 1]]))
  expect(sink.published).toBe(1)
  expect(source.committed.at(-1)).toEqual(new Map([[0, 3]]))
})

test('a flood of broken records is at most one line a second in the log, with its number', async () => {
  const lines: { readonly records?: number }[] = []
  const silent = (): void => {}
  const logger = { info: silent, error: silent, warn: (fields: object) => void lines.push(fields) }
  const log = records(Array.from({ length: 90 }, () => 'poison'))
  const sink = new MemorySink()
  const startedMs = performance.now()
  await pipelineOf(config, new ScriptedSource([assigned(), ...batches(log, 1)]), sink, { logger }).run()
  expect(sink.rejected).toHaveLength(90)
  const place = { topic: 'points', partition: 0, offset: 0 }
  expect(lines[0]).toEqual({ ...place, reason: 'unparsable', records: 1, reasons: { unparsable: 1 } })
  expect(lines.length).toBeLessThanOrEqual(1 + Math.floor((performance.now() - startedMs) / 1000))
})

test('the warning counts the rejected records by reason', async () => {
  const lines: object[] = []
  const silent = (): void => {}
  const logger = { info: silent, error: silent, warn: (fields: object) => void lines.push(fields) }
  const log = records([{ y: 1 }, 'poison', { y: 2 }])
  const source = new ScriptedSource([assigned(), ...batches(log, 3)])
  await pipelineOf(config, source, new MemorySink(), { logger }).run()
  expect(lines).toHaveLength(1)
  const counts = { records: 3, reasons: { missing_field: 2, unparsable: 1 } }
  expect(lines[0]).toMatchObject(counts)
})

test('records before the committed offset rebuild windows: nothing is published, rejected or committed for them', async () => {
  const log = records([...values(9), { y: 'poison' }, ...values(10)])
  const whole = await runToEnd(config, [assigned(), ...batches(log, 4)])
  for (const resume of [1, 5, 9, 10, 13, 20]) {
    const states: string[] = []
    const source = new ScriptedSource([assigned(0, resume), ...batches(log, 3)])
    const sink = new MemorySink()
    const metrics: PipelineMetrics = { ...noMetrics, state: (kind) => void states.push(kind) }
    await pipelineOf(config, source, sink, { metrics }).run()
    const points = resume > 9 ? resume - 1 : resume
    expect(sink.values.get('s') ?? []).toEqual(whole.values.get('s')!.slice(Math.floor(points / 2)))
    expect(sink.rejected).toHaveLength(resume > 9 ? 0 : 1)
    for (const next of source.committed) expect(next.get(0)).toBeGreaterThan(resume)
    expect(states.slice(0, 3)).toEqual(['starting', 'restoring', 'running'])
  }
})

test.each([
  ['is read again from its second record on', assigned(100, 101), 0],
  ['has nothing left that was read before', assigned(100, 100, 100), 0],
  ['lost records that were never read', assigned(100, 100, 60), 40]
])(
  'a window whose log %s says rebuilt until it is full, and starts with a snapshot',
  async (_, given, lost) => {
    const source = new ScriptedSource([given, ...batches(records(values(8), { low: 100 }), 8)])
    const sink = new MemorySink()
    const warnings: string[] = []
    const logger = { info() {}, warn: (_: object, text: string) => void warnings.push(text), error() {} }
    await pipelineOf(config, source, sink, { logger }).run()
    expect(warnings).toEqual(lost === 0 ? [] : [expect.stringContaining(`removed ${lost} records`)])
    const seen = sink.messages('s').map(({ type, sequence, rebuilt, window }: DiagramMessage) => ({
      type,
      sequence,
      rebuilt,
      full: window.full
    }))
    expect(seen).toEqual([
      { type: 'update', sequence: 1, rebuilt: true, full: false },
      { type: 'snapshot', sequence: 1, rebuilt: true, full: false },
      { type: 'update', sequence: 2, rebuilt: undefined, full: true },
      { type: 'update', sequence: 3, rebuilt: undefined, full: true },
      { type: 'update', sequence: 4, rebuilt: undefined, full: true }
    ])
  }
)

test('a first start on a log without its beginning puts out the bytes that its repetition does', async () => {
  const log = batches(records(values(8), { low: 100 }), 8)
  const first = await runToEnd(config, [assigned(100), ...log])
  const repeated = await runToEnd(config, [assigned(100, 100, 100), ...log])
  expect(first.messages('s')[0]!.rebuilt).toBe(true)
  expect(first.values).toEqual(repeated.values)
})

test('the gauges show rebuilt windows as soon as the restore is over', async () => {
  const stop = new AbortController()
  const points: number[] = []
  const metrics: PipelineMetrics = { ...noMetrics, scale: (_, totals) => void points.push(totals.points) }
  const source = new ScriptedSource([assigned(0, 3), ...batches(records(values(3)), 3)], false)
  const pipeline = pipelineOf(config, source, new MemorySink(), { signal: stop.signal, metrics })
  const run = pipeline.run()
  while (pipeline.state.kind !== 'running') await new Promise((resolve) => setImmediate(resolve))
  pipeline.sample()
  expect(points).toEqual([3])
  stop.abort()
  await run
})

test('a restore whose last record is gone ends when there is no lag', async () => {
  const stop = new AbortController()
  const source = new ScriptedSource([assigned(0, 9), ...batches(records(values(4)), 4)], false)
  const pipeline = pipelineOf(config, source, new MemorySink(), { signal: stop.signal })
  const run = pipeline.run()
  while (pipeline.totals.records < 4) await new Promise((resolve) => setImmediate(resolve))
  expect(pipeline.state.kind).toBe('restoring')
  source.lagging = new Map([[0, 2]])
  await pipeline.sampleLag()
  expect(pipeline.state.kind).toBe('restoring')
  source.lagging = new Map([[0, 0]])
  await pipeline.sampleLag()
  expect(pipeline.state.kind).toBe('running')
  stop.abort()
  await run
})

test.each([
  [4, 'all that is removed was read', null],
  [7, 'three records were not', 'STATE_LOST']
])('a gap in the log before offset 10, which now begins at %i: %s', async (low, _, code) => {
  const log = [...records(values(4)), ...records(values(4), { low: 10 })]
  const source = new ScriptedSource([assigned(), ...batches(log, 2)])
  let answers = 0
  const state: StateStore = {
    group: 'g',
    read: async function* () {},
    bounds: () => (answers++ === 0 ? Promise.reject(new Error('away')) : Promise.resolve({ low, high: 14 })),
    repeat: (attempt) => attempt().catch(attempt)
  }
  const sink = new MemorySink()
  const end = await pipelineOf(config, source, sink, { state })
    .run()
    .catch((error: unknown) => error)
  const committed = Math.max(0, ...source.committed.map((next) => next.get(0) ?? 0))
  if (code === null) {
    expect(end).toBeUndefined()
    expect(committed).toBe(14)
  } else {
    expect(end).toMatchObject({ code })
    expect((end as TdaError).message).toContain('has removed 3 records before they were read')
    expect(committed).toBeLessThanOrEqual(4)
  }
})

test('a lag of 0 that was seen while an event was dealt with does not end a restore: records may wait behind it', async () => {
  const ended: number[] = []
  const streams = {
    readUpTo: () => 4,
    requireMatch: () => {},
    catchUp: () => Promise.resolve(),
    entriesOf: () => new Map<string, never>()
  }
  const logger = componentLogger(undefined, 'pipeline')
  const restored = (partition: number): void => void ended.push(partition)
  const progress = new RestoreProgress({ streams: streams as never, metrics: noMetrics, logger, restored })
  progress.expect(0, { from: 0, resume: 9 })
  await progress.lagged(0, 0, false, true)
  await progress.lagged(0, 0, true, true)
  expect(ended).toEqual([])
  await progress.lagged(0, 0, true, true)
  expect(ended).toEqual([0])
})

test('sample sets the gauges of streams, scales, queues and lag', async () => {
  const seen: unknown[] = []
  const note =
    (name: string) =>
    (...values: unknown[]): void =>
      void seen.push([name, ...values])
  const metrics: PipelineMetrics = {
    ...noMetrics,
    streams: note('streams'),
    scale: note('scale'),
    consumerLag: note('lag'),
    queueDepth: note('queue')
  }
  const stop = new AbortController()
  const source = new ScriptedSource([assigned(), ...batches(records(values(6)), 6)], false)
  const pipeline = pipelineOf(config, source, new MemorySink(), { signal: stop.signal, metrics })
  const run = pipeline.run()
  while (source.committed.length === 0) await new Promise((resolve) => setImmediate(resolve))
  source.lagging = new Map([[0, 3]])
  pipeline.sample()
  await pipeline.sampleLag()
  expect(seen).toEqual([
    ['streams', 1],
    [
      'scale',
      'a',
      {
        points: 4,
        pairs: expect.any(Number),
        loops: 0,
        voids: 0,
        counters: expect.any(Object),
        bytes: expect.any(Number)
      }
    ],
    ['queue', 'batches', 0],
    ['queue', 'jobs', 0],
    ['lag', 0, 3]
  ])
  const silent = new TdaError('BROKER', 'no answer')
  const answer = source.lag.bind(source)
  source.lag = () => Promise.reject(silent)
  await expect(pipeline.sampleLag()).rejects.toBe(silent)
  expect(seen.slice(-1)).toEqual([['lag', 0, null]])
  source.lag = answer
  await pipeline.sampleLag()
  expect(seen.slice(-1)).toEqual([['lag', 0, 3]])
  source.lagging = new Map()
  await pipeline.sampleLag()
  expect(seen.slice(-1)).toEqual([['lag', 0, null]])
  stop.abort()
  await run
})

test('a revocation drains, commits, frees the streams, then lets go', async () => {
  const log = records(values(8))
  const order: string[] = []
  const source = new ScriptedSource([
    assigned(),
    ...batches(log.slice(0, 5), 5),
    { kind: 'revoked', partitions: [0], done: () => order.push('done') },
    assigned(0, 5),
    ...batches(log, 8)
  ])
  const commit = source.commit.bind(source)
  source.commit = (next) => {
    order.push(`commit ${next.get(0)}`)
    return commit(next)
  }
  const sink = new MemorySink()
  await pipelineOf(config, source, sink).run()
  expect(order).toEqual(['commit 5', 'done', 'commit 8'])
  const whole = await runToEnd(config, [assigned(), ...batches(log, 8)])
  expect(sink.values.get('s')).toEqual(whole.values.get('s'))
})

test('records that are all refused are held back by a slow sink like any other', async () => {
  const log = records(Array.from({ length: 40 }, () => ({ y: 1 })))
  const source = new ScriptedSource([assigned(), ...batches(log, 1)])
  const sink = new MemorySink()
  let release = (): void => {}
  const stalled = new Promise<void>((resolve) => (release = resolve))
  const reject = sink.reject.bind(sink)
  sink.reject = async (letters) => {
    await stalled
    await reject(letters)
  }
  const run = pipelineOf(config, source, sink).run()
  // Everything that can move has moved once the loop waits for a place: give it more turns than it can use.
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(source.taken).toBeLessThanOrEqual(1 + config.pipeline.batchesInFlight + 1)
  release()
  await run
  expect(sink.rejected).toHaveLength(40)
  expect(source.committed.at(-1)).toEqual(new Map([[0, 40]]))
})

test('while memory is short new streams are dead letters, held and rebuilt ones go on, and it opens when streams go', async () => {
  const streams = (names: readonly string[], low: number, partition = 0): MeshEvent => ({
    kind: 'records',
    records: names.map((key, i) => ({ ...records([{ x: i }], { key, low: low + i })[0]!, partition }))
  })
  const of = (partition: number, resume: number): MeshEvent => ({
    kind: 'assigned',
    partitions: [{ partition, low: 0, resume, committed: resume }]
  })
  const names = Array.from({ length: 40 }, (_, i) => `k${i}`)
  const script: MeshEvent[] = [
    of(0, 0),
    ...Array.from({ length: 10 }, (_, i) => streams(names.slice(4 * i, 4 * i + 4), 4 * i)), // more than fit
    streams(['k0', 'k39'], 40), // one is held, one is not
    of(1, 1),
    streams(['rebuilt'], 0, 1), // before the committed offset: it was held by another daemon
    { kind: 'revoked', partitions: [0], done: () => undefined },
    streams(['later'], 1, 1)
  ]
  const sink = new MemorySink()
  const ratios: number[] = []
  const metrics: PipelineMetrics = { ...noMetrics, memoryRatio: (ratio) => void ratios.push(ratio) }
  const said: string[] = []
  const logger = {
    info: (_: object, text: string) => void said.push(text),
    warn: (_: object, text: string) => void said.push(text),
    error: (_: object, text: string) => void said.push(text)
  }
  const one = { ...config, scales: [{ ...config.scales[0]!, slide: { count: 1 } }] }
  const limits = { native: 20 * streamBytes(), resident: Infinity }
  const source = new ScriptedSource(script)
  const pipeline = pipelineOf(one, source, sink, { metrics, logger, memoryLimits: limits })
  const events = source.events.bind(source)
  source.events = async function* (options) {
    for await (const event of events(options)) {
      yield event
      pipeline.sampleMemory()
    }
  }
  await pipeline.run()
  const refused = sink.rejected.map(({ record, reason }) => [String(record.key), reason])
  expect(new Set(refused.map(([, reason]) => reason))).toEqual(new Set(['memory_pressure']))
  const held = names.filter((name) => sink.values.has(name))
  // 80 % of 20 streams, and what came while the streams before were on their way to the rings.
  expect(held.length).toBeGreaterThanOrEqual(16)
  expect(held.length).toBeLessThanOrEqual(36)
  expect(refused).toHaveLength(40 - held.length + 1)
  expect(sink.messages('k0')).toHaveLength(2)
  expect(sink.messages('later')).toHaveLength(1)
  expect(refused.at(-1)).toEqual(['k39', 'memory_pressure'])
  expect(Math.max(...ratios)).toBeGreaterThan(0.8)
  expect(ratios.at(-1)).toBeLessThan(0.2)
  const lines = said.filter((text) => text.startsWith('memory at'))
  expect(lines).toEqual([
    expect.stringMatching(/^memory at \d+ % of its limit: new streams are dead letters/),
    expect.stringMatching(/^memory at \d+ % of its limit: new streams are admitted again$/)
  ])
})

/** What one stream of `config` holds after its first point. */
function streamBytes(): number {
  const plan = planStream(config)
  const addon = nativeAddon()
  const stream = addon.streamCreate({
    dimension: 1,
    capacity: plan.ringCapacity,
    timestamps: false,
    logPositions: true
  })
  const engine = addon.engineCreate(stream, plan.scales[0]!.engine)
  addon.streamAppend(stream, Float64Array.of(1), null, Float64Array.of(0), Uint32Array.of(0))
  const bytes = addon.streamState(stream).bytes + addon.engineState(engine).bytes
  addon.engineRelease(engine)
  addon.streamRelease(stream)
  return bytes
}
