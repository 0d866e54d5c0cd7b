/**
 * Seeded worlds: per stream, the keys and values on the output topic equal the uninterrupted run's, byte for byte, whatever
 * ends the lives of daemons in between and whatever retention removes of what no restart needs.
 */
import { expect, test } from '@jest/globals'
import { validateConfig } from '../../lib/config/load.js'
import type { Config } from '../../lib/config/schema.js'
import { parseExposition, type Exposition } from '../../lib/cli/top/exposition-reader.js'
import { TdaError } from '../../lib/errors.js'
import type { OutgoingRecord, Subscription } from '../../lib/mesh/event-mesh.js'
import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { createMetrics } from '../../lib/observability/metrics.js'
import { createDaemon } from '../../lib/pipeline/daemon.js'
import { assigned, batches, records, repeatsOnly, ScriptedSource, seeded } from '../support/pipeline-world.js'
import { decodeState, PARTITION_KEY, TERM_HEADER } from '../../lib/state/state-records.js'
import { logOf, RestoreWorld, shapeOf, TOPIC, type Fate, type Shape } from '../support/restore-world.js'

const RECORDS = 260
const SEEDS = Number(process.env['TDA_SEEDS'] ?? 10)
const TIMEOUT_MS = 600_000
const FIRST = Number(process.env['TDA_SEED'] ?? 1)

type Results = Awaited<ReturnType<RestoreWorld['results']>>

async function undisturbed(seed: number, shape: Shape): Promise<Results> {
  const world = await RestoreWorld.make(shape)
  await world.publish(logOf(seed, RECORDS, shape.mixed))
  expect(await world.life()).toBeNull()
  return world.results()
}

function compare(seed: number, shape: Shape, whole: Results, got: Results, said: readonly string[]): void {
  const about = `TDA_SEED=${seed} ${shape.guarantee}\n${said.join('\n')}`
  const wrong = (what: string): Error => new Error(`${what}\n${about}`)
  if (String([...got.values.keys()].sort()) !== String([...whole.values.keys()].sort()))
    throw wrong('other streams')
  for (const [stream, values] of whole.values) {
    const of = got.values.get(stream)!
    if (shape.guarantee === 'exactly-once') {
      const at = values.findIndex((value, i) => value !== of[i])
      if (at >= 0 || of.length !== values.length) {
        throw wrong(`${stream}: value ${at} of ${values.length} (${of.length})\n${values[at]}\n${of[at]}`)
      }
    } else {
      const repeated = repeatsOnly(values, of)
      if (repeated !== null) throw wrong(`${stream}: ${repeated}`)
    }
  }
  const letters = (from: Results): string[] =>
    shape.guarantee === 'exactly-once' ? from.letters : [...new Set(from.letters)]
  if (String(letters(got)) !== String(letters(whole))) {
    const odd = [
      ...letters(got).filter((one) => !whole.letters.includes(one)),
      '|',
      ...letters(whole).filter((one) => !got.letters.includes(one))
    ]
    throw wrong(`other dead letters: ${odd.join(', ')}`)
  }
}

/** The log comes in pieces; each is read by lives that end at random places, the last one by a drain. */
async function disturbed(
  seed: number,
  shape: Shape,
  between: (world: RestoreWorld) => Promise<void>
): Promise<RestoreWorld> {
  const world = await RestoreWorld.make(shape)
  const log = logOf(seed, RECORDS, shape.mixed)
  const random = seeded(seed + 1_000_003)
  for (let at = 0; at < log.length;) {
    const end = Math.min(log.length, at + 20 + Math.floor(random() * 90))
    await world.publish(log.slice(at, end))
    at = end
    for (let lives = 0; ; lives++) {
      const fate: Fate = {
        ...(lives < 3 && random() < 0.7
          ? { crashAt: 1 + Math.floor(random() * 12), after: random() < 0.5 }
          : {}),
        ...(random() < 0.4 ? { rebalanceAt: 1 + Math.floor(random() * 6) } : {})
      }
      const died = await world.life(fate)
      if (died === null) break
      if (!(died instanceof TdaError) || died.message !== 'crash') throw died as Error
      await between(world)
    }
    await between(world)
  }
  return world
}

function seeds(count: number): number[] {
  return Array.from({ length: count }, (_, i) => FIRST + i)
}

const wentOn = (world: RestoreWorld): boolean => world.said.some((text) => text.includes('go on from offset'))
const rebuilt = (world: RestoreWorld): boolean => world.said.some((text) => text.includes('is not used'))

/** The same over many seeds; how many of the worlds `showed` something. */
async function worlds(
  count: number,
  between: (world: RestoreWorld, random: () => number) => Promise<void>,
  showed: (world: RestoreWorld) => boolean
): Promise<number> {
  let shown = 0
  for (const seed of seeds(count)) {
    const shape = shapeOf(seed)
    const random = seeded(seed + 77)
    const world = await disturbed(seed, shape, (each) => between(each, random))
    compare(seed, shape, await undisturbed(seed, shape), await world.results(), world.said)
    if (showed(world)) shown += 1
  }
  return shown
}

// Each ends by saying how many of its worlds were of the kind it is about, or nothing would have been tried.
test(
  `simulation: crashes and rebalances anywhere change no byte (${SEEDS} seeds)`,
  async () => {
    expect(await worlds(SEEDS, async () => {}, wentOn)).toBeGreaterThan(SEEDS * 0.8)
  },
  TIMEOUT_MS
)

test(
  `simulation: retention that removes all that no restart needs changes no byte (${SEEDS} seeds)`,
  async () => {
    const trimmed = new Set<RestoreWorld>()
    const trim = async (world: RestoreWorld): Promise<void> => {
      await world.retainOnlyNeeded()
      if ((await world.mesh.bounds(TOPIC, 0)).low > 0) trimmed.add(world)
    }
    expect(
      await worlds(SEEDS, trim, (world) => trimmed.has(world) && wentOn(world) && !rebuilt(world))
    ).toBeGreaterThan(SEEDS * 0.8)
  },
  TIMEOUT_MS
)

test(
  `simulation: damaged state is noticed and made up for by the log (${SEEDS >> 1} seeds)`,
  async () => {
    const damage = (world: RestoreWorld, random: () => number): Promise<void> => world.damageState(random)
    expect(await worlds(SEEDS >> 1, damage, rebuilt)).toBeGreaterThan(SEEDS * 0.2)
  },
  TIMEOUT_MS
)

function termOf({ key, value, headers }: OutgoingRecord): number {
  if (value === null) return Number(headers?.find(([name]) => name === TERM_HEADER)?.[1])
  return decodeState(Buffer.from(key!).toString(), value as Uint8Array)!.record.term
}

test(
  `simulation: a member that lost its partition and still writes its state changes no byte (${SEEDS >> 1} seeds)`,
  async () => {
    const old = new Map<RestoreWorld, OutgoingRecord[]>()
    const late = async (world: RestoreWorld, random: () => number): Promise<void> => {
      // Of what the former owners wrote some comes again. Nobody writes again what it has written itself.
      const terms = new Map<number, number>()
      for (let partition = 0; partition < world.shape.partitions; partition++) {
        terms.set(partition, (await world.state(partition)).term)
      }
      const isLate = (record: OutgoingRecord): boolean => termOf(record) < terms.get(record.partition!)!
      const before = (old.get(world) ?? []).filter((record) => isLate(record) && random() < 0.5)
      const { stateTopic } = world.shape.config.output
      if (random() < 0.3) world.mesh.compact(stateTopic)
      await world.mesh.publish(stateTopic, before)
      if (random() < 0.3) world.mesh.compact(stateTopic)
      old.set(world, await world.stateRecords())
    }
    expect(await worlds(SEEDS >> 1, late, wentOn)).toBeGreaterThan(SEEDS * 0.2)
  },
  TIMEOUT_MS
)

const plain = {
  streams: { max: 10 },
  scales: [{ name: 's', window: 30, slide: 3, filtration: 'sublevel', channel: 'x' }]
}

/** A life with its state, then a log that lost what the state speaks of. */
async function lossy(onLoss: string): Promise<RestoreWorld> {
  const shape = shapeOf(3, { onLoss, interval: '1ms', replayRecordsMax: 1_000_000, idleAfter: '1h' }, plain)
  const world = await RestoreWorld.make({ ...shape, partitions: 1 })
  await world.publish(logOf(3, 200, shape.mixed))
  expect(await world.life()).toBeNull()
  world.mesh.trim(TOPIC, 0, 190)
  await world.publish(logOf(4, 40, shape.mixed))
  return world
}

test('the counter of a watched stream counts what this process took, not the history it restored', async () => {
  const shape = shapeOf(3, { interval: '1ms', replayRecordsMax: 1_000_000, idleAfter: '1h' }, plain)
  const world = await RestoreWorld.make({ ...shape, mixed: false, partitions: 1 })
  const log = Array.from({ length: 107 }, (_, i) => ({ key: 'k0', value: `{"x":${i % 5},"y":0,"t":${i}}` }))
  const lived = async (records: readonly OutgoingRecord[]): Promise<Exposition> => {
    await world.publish(records)
    const metrics = createMetrics({ streams: ['k0'], exemplars: false })
    expect(await world.life({}, shape.config, metrics)).toBeNull()
    return parseExposition(await metrics.text())
  }
  const before = await lived(log.slice(0, 100))
  expect(before.value('tda_stream_points_total', { stream: 'k0' })).toBe(100)
  const after = await lived(log.slice(100))
  expect(wentOn(world)).toBe(true)
  expect(after.value('tda_points_processed_total')).toBeGreaterThan(7)
  expect(after.value('tda_stream_points_total', { stream: 'k0' })).toBe(7)
})

test('where retention has removed what is needed, a restart is refused with the stream, the offset and what to do', async () => {
  const world = await lossy('refuse')
  const died = await world.life()
  expect(died).toMatchObject({ code: 'STATE_LOST' })
  expect((died as TdaError).message).toMatch(
    /partition 0 of "points": stream ".+" needs the records from offset \d+ on, and retention has removed the records before 190.*state\.onLoss: rebuild-from-earliest/
  )
})

test('or windows begin anew and their updates say so, by policy', async () => {
  const world = await lossy('rebuild-from-earliest')
  const before = await world.results()
  expect(await world.life()).toBeNull()
  expect(rebuilt(world)).toBe(true)
  const { values } = await world.results()
  let marked = 0
  for (const [stream, ofStream] of values) {
    const added = ofStream.slice(before.values.get(stream)?.length ?? 0)
    marked += added.filter((value) => value.includes('"rebuilt":true')).length
  }
  expect(marked).toBeGreaterThan(0)
})

const otherScale = { ...plain, scales: [{ ...plain.scales[0]!, window: 31 }] }

test.each<[string, (world: RestoreWorld) => Promise<void>, RegExp, Record<string, unknown>]>([
  ['damaged', (world) => world.replaceState('p', Buffer.from('not a head')), /its head is damaged/, plain],
  ['without its head', (world) => world.replaceState('p', null), /its head is missing/, plain],
  ['without a stream', (world) => world.replaceState('s:k1', null), /it has \d+ of \d+ streams/, plain],
  [
    'gone',
    (world) => world.replaceState('', null),
    /there is none, though the group has read some of it/,
    plain
  ],
  ['of other settings', () => Promise.resolve(), /scale "s" has changed/, otherScale]
])(
  'a state that is %s, of a log that has lost its beginning: state.onLoss decides',
  async (_, harm, reason, rest) => {
    const settings = (onLoss: string): Config => shapeOf(3, { onLoss, interval: '1ms' }, rest).config
    const world = await lossy('refuse')
    await harm(world)
    const published = await world.results()
    const died = await world.life({}, settings('refuse'))
    expect(died).toMatchObject({ code: 'STATE_LOST' })
    expect((died as TdaError).message).toMatch(reason)
    expect((died as TdaError).message).toMatch(/state\.onLoss: rebuild-from-earliest/)
    expect(await world.results()).toEqual(published)
    expect(await world.life({}, settings('rebuild-from-earliest'))).toBeNull()
    expect(rebuilt(world)).toBe(true)
    await world.publish(logOf(5, 20, false))
    expect(await world.life({}, settings('refuse'))).toBeNull()
  }
)

test.each([0, 20])(
  'a group whose offsets have expired, though it has a state, publishes nothing again unasked (log from %i on)',
  async (low) => {
    const settings = (onLoss: string): Shape => shapeOf(3, { onLoss, interval: '1ms' }, plain)
    const world = await RestoreWorld.make({ ...settings('refuse'), mixed: false, partitions: 1 })
    await world.publish(logOf(3, 200, false))
    expect(await world.life()).toBeNull()
    world.mesh.trim(TOPIC, 0, low)
    await world.publish(logOf(5, 20, false))
    const published = await world.results()
    world.told = (partition) => ({ ...partition, resume: partition.low, committed: null })
    const died = await world.life()
    expect(died).toMatchObject({ code: 'STATE_LOST' })
    expect((died as TdaError).message).toMatch(
      /it is of offset 200, but the group has committed no offset.*"streaming-tda restore --to 0:200" to go on.*rebuild-from-earliest/
    )
    expect((died as TdaError).message).toMatch(
      low === 0 ? /and publishes their updates again$/ : /and marks their updates rebuilt$/
    )
    expect(await world.results()).toEqual(published)
    expect(await world.life({}, settings('rebuild-from-earliest').config)).toBeNull()
    expect(rebuilt(world)).toBe(true)
  }
)

test('a group whose offsets have expired, and whose state needs what is gone, has read it all the same: state.onLoss decides', async () => {
  const world = await lossy('refuse')
  world.told = (partition) => ({ ...partition, resume: partition.low, committed: null })
  const died = await world.life()
  expect(died).toMatchObject({ code: 'STATE_LOST' })
  expect((died as TdaError).message).toMatch(
    /has committed no offset, and retention has removed the records before 190\. Restore the records, or start once/
  )
  const { config } = shapeOf(3, { onLoss: 'rebuild-from-earliest', interval: '1ms' }, plain)
  expect(await world.life({}, config)).toBeNull()
  expect(rebuilt(world)).toBe(true)
})

test('offsets that were set back to before a stream that is ahead of its partition: nothing in between is left out', async () => {
  const shape = { ...shapeOf(3, { interval: '1h', idleAfter: '1h' }, plain), mixed: false, partitions: 1 }
  const log = logOf(3, 220, false)
  const whole = await RestoreWorld.make(shape)
  await whole.publish(log.slice(0, 100))
  expect(await whole.life()).toBeNull()
  const first = await whole.stateRecords()
  await whole.publish(log.slice(100, 200))
  expect(await whole.life()).toBeNull()
  // The second checkpoint was cut off before its head.
  const isBeforeHead = ({ key, value }: OutgoingRecord): boolean =>
    value !== null && Buffer.from(key!).toString() !== PARTITION_KEY
  const cutOff = [...first, ...(await whole.stateRecords()).slice(first.length).filter(isBeforeHead)]
  await whole.publish(log.slice(200))
  expect(await whole.life()).toBeNull()
  const lived = async (committed: number): Promise<RestoreWorld> => {
    const world = await RestoreWorld.make(shape)
    await world.publish(log)
    await world.mesh.publish(shape.config.output.stateTopic, cutOff)
    world.told = (partition) => ({ ...partition, resume: committed, committed })
    expect(await world.life()).toBeNull()
    return world
  }
  expect(rebuilt(await lived(200))).toBe(false)
  const world = await lived(150)
  expect(rebuilt(world)).toBe(true)
  const { values } = await world.results()
  const expected = (await whole.results()).values
  for (const [stream, ofStream] of values)
    expect(ofStream).toEqual(expected.get(stream)!.slice(-ofStream.length))
  expect([...values.values()].flat().length).toBeGreaterThan(10)
})

test('a group whose offsets have expired begins anew on a log that its state cannot be of', async () => {
  const shape = shapeOf(3, { interval: '1ms' }, plain)
  const world = await RestoreWorld.make({ ...shape, mixed: false, partitions: 1 })
  await world.publish(logOf(3, 20, false))
  const other = await RestoreWorld.make({ ...shape, mixed: false, partitions: 1 })
  await other.publish(logOf(3, 200, false))
  expect(await other.life()).toBeNull()
  await world.mesh.publish(shape.config.output.stateTopic, await other.stateRecords())
  expect(await world.life()).toBeNull()
  expect(rebuilt(world)).toBe(true)
})

test('an offset beyond the end of a log that has lost its beginning was read, too: state.onLoss decides', async () => {
  const settings = (onLoss: string): Shape => shapeOf(3, { onLoss, interval: '1ms' }, plain)
  const world = await RestoreWorld.make({ ...settings('refuse'), mixed: false, partitions: 1 })
  await world.publish(logOf(3, 200, false))
  world.mesh.trim(TOPIC, 0, 20)
  world.told = (partition) => ({ ...partition, resume: partition.low, committed: 500 })
  const died = await world.life()
  expect(died).toMatchObject({ code: 'STATE_LOST' })
  expect((died as TdaError).message).toMatch(/has committed offset 500, but the log ends before it/)
  expect(await world.life({}, settings('rebuild-from-earliest').config)).toBeNull()
  expect(rebuilt(world)).toBe(true)
})

test.each(['refuse', 'rebuild-from-earliest'])(
  'retention that overtakes the reading ends it before anything from behind the gap is out (%s)',
  async (onLoss) => {
    const settings = (policy: string): Shape => {
      const pipeline = { workers: 1, recordsMax: 50 }
      return shapeOf(3, { onLoss: policy, interval: '1ms' }, { ...plain, pipeline })
    }
    const world = await RestoreWorld.make({ ...settings(onLoss), mixed: false, partitions: 1 })
    await world.publish(logOf(3, 100, false))
    expect(await world.life()).toBeNull()
    const before = await world.results()
    await world.publish(logOf(4, 100, false))
    // It begins while all is there, and retention is quicker.
    world.told = (partition) => {
      world.mesh.trim(TOPIC, 0, 150)
      return partition
    }
    const died = await world.life()
    world.told = (partition) => partition
    expect(died).toMatchObject({ code: 'STATE_LOST' })
    expect((died as TdaError).message).toMatch(
      onLoss === 'refuse'
        ? /partition 0 of "points": retention has removed \d+ records before they.*\. Start once with state\.onLoss/
        : /partition 0 of "points": retention has removed \d+ records before they.*\. A restart begins windows anew/
    )
    expect(await world.results()).toEqual(before)
    expect(await world.life({}, settings('refuse').config)).toMatchObject({ code: 'STATE_LOST' })
    expect(await world.life({}, settings('rebuild-from-earliest').config)).toBeNull()
    expect(rebuilt(world)).toBe(true)
  }
)

test('a group that begins on a log without a beginning, and crashes at once, goes on from where it began', async () => {
  const shape = {
    ...shapeOf(3, { interval: '1h' }, plain),
    partitions: 1,
    guarantee: 'exactly-once'
  } as const
  const worldOf = async (): Promise<RestoreWorld> => {
    const world = await RestoreWorld.make(shape)
    await world.publish(logOf(3, 200, false))
    world.mesh.trim(TOPIC, 0, 50)
    return world
  }
  const whole = await worldOf()
  expect(await whole.life()).toBeNull()
  const world = await worldOf()
  expect(await world.life({ crashAt: 3, after: true })).toMatchObject({ message: 'crash' })
  expect((await world.results()).values.size).toBeGreaterThan(0)
  expect(await world.life()).toBeNull()
  expect(await world.results()).toEqual(await whole.results())
})

test.each([1, 2, 3])(
  'windows that were begun anew are written down before their first results, wherever a crash comes (delivery %i)',
  async (crashAt) => {
    // One batch holds both what rebuilds windows and what is live.
    const pipeline = { workers: 1, recordsMax: 500, batchesInFlight: 1 }
    const settings = (onLoss: string, scales = otherScale): Shape =>
      shapeOf(3, { onLoss, interval: '1h' }, { ...scales, pipeline })
    const worldOf = async (): Promise<RestoreWorld> => {
      const shape = { ...settings('refuse'), guarantee: 'exactly-once', mixed: false, partitions: 1 } as const
      const world = await RestoreWorld.make(shape)
      await world.publish(logOf(3, 200, false))
      expect(await world.life({}, settings('refuse', plain).config)).toBeNull()
      world.mesh.trim(TOPIC, 0, 20)
      await world.publish(logOf(5, 40, false))
      return world
    }
    const rebuild = settings('rebuild-from-earliest').config
    const whole = await worldOf()
    expect(await whole.life({}, rebuild)).toBeNull()
    await whole.publish(logOf(6, 20, false))
    expect(await whole.life()).toBeNull()
    const world = await worldOf()
    const before = await world.results()
    await world.life({ crashAt, after: true }, rebuild)
    const isOut = String([...(await world.results()).values]) !== String([...before.values])
    await world.publish(logOf(6, 20, false))
    expect(await world.life({}, isOut ? world.shape.config : rebuild)).toBeNull()
    compare(3, world.shape, await whole.results(), await world.results(), world.said)
  }
)

test.each(['refuse', 'rebuild-from-earliest'])(
  'a log that is not what the state speaks of is noticed (%s)',
  async (onLoss) => {
    const shape = shapeOf(3, { onLoss, interval: '1ms', replayRecordsMax: 1_000_000, idleAfter: '1h' }, plain)
    const log = logOf(3, 240, shape.mixed)
    const world = await RestoreWorld.make({ ...shape, partitions: 1 })
    await world.publish(log.slice(0, 200))
    expect(await world.life()).toBeNull()
    await world.forgeState((record) => ({ ...record, next: record.next + 1 }))
    await world.publish(log.slice(200))
    const published = await world.results()
    expect(await world.life()).toMatchObject({ code: 'STATE_LOST' })
    expect(await world.results()).toEqual(published)
    if (onLoss === 'refuse') {
      expect(await world.life()).toMatchObject({ code: 'STATE_LOST' })
      return
    }
    expect(await world.life()).toBeNull()
    const whole = await RestoreWorld.make({ ...shape, partitions: 1 })
    await whole.publish(log)
    expect(await whole.life()).toBeNull()
    expect(await world.results()).toEqual(await whole.results())
  }
)

test('a scale that has changed begins from the oldest record, and the log says which', async () => {
  const shape = shapeOf(3, { interval: '1ms' }, plain)
  const log = logOf(3, 300, shape.mixed)
  const world = await RestoreWorld.make({ ...shape, partitions: 1 })
  await world.publish(log.slice(0, 100))
  expect(await world.life()).toBeNull()
  const changed = shapeOf(3, { interval: '1ms' }, { ...plain, scales: [{ ...plain.scales[0]!, window: 31 }] })
  await world.publish(log.slice(100, 200))
  expect(await world.life({}, changed.config)).toBeNull()
  expect(world.said.join()).toContain('scale "s" has changed; windows are rebuilt from offset 0')
  const before = world.said.length
  await world.publish(log.slice(200))
  expect(await world.life({}, changed.config)).toBeNull()
  expect(world.said.slice(before).join()).toContain('go on from offset')
})

test('a restart reads what it needs, not the topic', async () => {
  const shape = shapeOf(3, { interval: '1h', replayRecordsMax: 60 }, plain)
  const world = await RestoreWorld.make({ ...shape, partitions: 1 })
  await world.publish(logOf(3, 2_000, false))
  expect(await world.life()).toBeNull()
  await world.publish(logOf(5, 1, false))
  expect(await world.life()).toBeNull()
  expect(world.read).toBeLessThan(100)
})

test('/readyz says restoring, with progress', async () => {
  const source = new ScriptedSource(
    [assigned(0, 9), ...batches(records([1, 2, 3, 4].map((x) => ({ x }))), 4)],
    false
  )
  class Stalled extends InProcessEventMesh {
    override subscribe(): Promise<Subscription> {
      return Promise.resolve(source)
    }
  }
  const config = validateConfig({
    delivery: 'at-least-once',
    input: { channels: ['x'], partitions: 1 },
    scales: [{ name: 'a', window: 8, filtration: 'sublevel' }],
    pipeline: { workers: 1 },
    http: { port: 0 }
  })
  const mesh = new Stalled()
  const stop = new AbortController()
  const daemon = await createDaemon(config, { mesh, signal: stop.signal })
  const running = daemon.run()
  while (daemon.pipeline.totals.records < 4) await new Promise((resolve) => setImmediate(resolve))
  const ask = async (path: string): Promise<unknown[]> => {
    const answer = await fetch(`${daemon.url}${path}`)
    return [answer.status, await answer.json()]
  }
  const reason = 'restoring: partition 0: 4 of 9 records read; 1 streams'
  expect(await ask('/readyz')).toEqual([503, { ready: false, reason }])
  expect(await ask('/healthz')).toEqual([200, { live: true, reason }])
  const metrics = await (await fetch(`${daemon.url}/metrics`)).text()
  expect(metrics).toContain(`\ntda_restore_progress_ratio{partition="0"} ${4 / 9}\n`)
  stop.abort()
  await running
  await mesh.close()
})
