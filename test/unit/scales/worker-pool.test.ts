import { afterEach, expect, test } from '@jest/globals'
import { nativeAddon, SERIES_LAYOUT, type EngineHandle, type StreamHandle } from '../../../lib/native.js'
import { WorkerPool, type PoolJob } from '../../../lib/scales/worker-pool.js'

const opened: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

function poolOf(workers: number): WorkerPool {
  const pool = new WorkerPool({
    workers,
    scales: [{ name: 'a', layout: SERIES_LAYOUT }],
    maxBytes: 100_000,
    eventTime: false
  })
  opened.push(() => pool.close())
  return pool
}

interface Engine {
  readonly stream: StreamHandle
  readonly engine: EngineHandle
  readonly lane: number
}

function engineOf(pool: WorkerPool): Engine {
  const stream = nativeAddon().streamCreate({
    dimension: 1,
    capacity: 10_000,
    timestamps: false,
    logPositions: false
  })
  const engine = nativeAddon().engineCreate(stream, {
    filtration: 'sublevel',
    channel: 0,
    window: { count: 10 },
    slide: { count: 5 },
    snapshotEvery: 0
  })
  opened.push(() => {
    nativeAddon().engineRelease(engine)
    nativeAddon().streamRelease(stream)
  })
  return { stream, engine, lane: pool.join() }
}

function jobOf(
  { engine, lane }: Engine,
  until: number,
  completed: (until: number) => void = () => {}
): PoolJob {
  const owner = { completed: (_: number, at: number): void => completed(at) }
  return { engine, lane, until, owner, discard: false, rebuilt: false, stream: 's', partition: 0, scale: 0 }
}

function sequences(messages: readonly Uint8Array[]): number[] {
  return messages.map(
    (message) => (JSON.parse(Buffer.from(message).toString()) as { sequence: number }).sequence
  )
}

test('jobs of an engine run in their order on any number of threads; results are in the order of the jobs', async () => {
  const pool = poolOf(3)
  const engines = Array.from({ length: 7 }, () => engineOf(pool))
  for (const { stream } of engines)
    nativeAddon().streamAppend(stream, new Float64Array(1000), null, null, null)
  const done: number[] = []
  const rounds = Array.from({ length: 20 }, (_, round) =>
    pool.advance(engines.map((engine) => jobOf(engine, (round + 1) * 50, (at) => done.push(at))))
  )
  expect(pool.jobsInFlight).toBe(140)
  for (const [round, results] of (await Promise.all(rounds)).entries()) {
    const expected = Array.from({ length: 10 }, (_, i) => round * 10 + i + 1)
    for (const { messages, dueAt } of results) {
      expect(sequences(messages)).toEqual(expected)
      expect([...dueAt]).toEqual(expected.map((sequence) => sequence * 5 - 1))
    }
  }
  expect(done).toHaveLength(140)
  expect(pool.jobsInFlight).toBe(0)
})

test('utilisation is the busy part of the time of all threads, of late', async () => {
  const pool = poolOf(1)
  const engine = engineOf(pool)
  const startMs = performance.now()
  expect(pool.utilisation(startMs)).toBe(0)
  await pool.advance([jobOf(engine, 0)]) // the thread is up
  let next = 0
  const busyFromMs = performance.now() + 1_000
  pool.utilisation(busyFromMs) // two readings, so that what comes counts from here
  pool.utilisation(busyFromMs + 1_000)
  const startedMs = performance.now()
  let awaitedMs = 0
  while (performance.now() - startedMs < 500) {
    next += 5_000
    nativeAddon().streamAppend(engine.stream, new Float64Array(5_000), null, null, null)
    const askedMs = performance.now()
    await pool.advance([jobOf(engine, next)])
    awaitedMs += performance.now() - askedMs
  }
  const periodMs = 1_500 // As if it had taken so long: less than until the reading after the next one.
  const busy = pool.utilisation(busyFromMs + periodMs)
  expect(busy).toBeGreaterThan(0)
  expect(busy * periodMs).toBeLessThanOrEqual(awaitedMs)
  pool.utilisation(busyFromMs + 10_000)
  expect(pool.utilisation(busyFromMs + 20_000)).toBe(0)
})

test('lanes get engines evenly, and lose them', () => {
  const pool = poolOf(2)
  const lanes = Array.from({ length: 8 }, () => pool.join())
  expect([...lanes].sort()).toEqual([0, 0, 1, 1, 2, 2, 3, 3])
  pool.leave(2)
  expect(pool.join()).toBe(2)
})

test('a call that an engine refuses names stream and scale, and ends the pool', async () => {
  const pool = poolOf(1)
  const engine = engineOf(pool)
  const failing = pool.advance([jobOf(engine, 99)])
  const behind = pool.advance([jobOf(engine, 0)])
  await expect(failing).rejects.toMatchObject({
    code: 'POINT_NOT_RETAINED',
    message: expect.stringContaining('stream "s", scale "a"')
  })
  await expect(behind).rejects.toMatchObject({ code: 'POINT_NOT_RETAINED' })
  await expect(pool.advance([])).rejects.toMatchObject({ code: 'POINT_NOT_RETAINED' })
})

test('closing rejects what is under way, and everything after', async () => {
  const pool = poolOf(1)
  const engine = engineOf(pool)
  const under = pool.advance([jobOf(engine, 0)])
  const settled = under.then(
    () => 'done',
    () => 'rejected'
  )
  await pool.close()
  expect(['done', 'rejected']).toContain(await settled)
  await expect(pool.diagram(engine.engine, engine.lane)).rejects.toMatchObject({ code: 'CANCELLED' })
})
