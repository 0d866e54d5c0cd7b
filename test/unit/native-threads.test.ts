/** Handles are shared by all threads of the process: several workers, one that dies in a call, many engines. */
import { expect, test } from '@jest/globals'
import { Worker } from 'node:worker_threads'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { TdaError } from '../../lib/errors.js'
import { type EngineHandle, nativeAddon, type StreamHandle } from '../../lib/native.js'
import { StreamingTdaProcessor } from '../../lib/scales/streaming-tda-processor.js'
import type { NativeJob } from '../support/native-worker.js'

const addon = nativeAddon()
const PATIENCE_MS = 120_000

/** A triangle wave with a period of 7: many pairs, the same everywhere. */
function wave(points: number): Float64Array {
  return Float64Array.from({ length: points }, (_, at) => Math.abs((at % 7) - 3) + (at % 11) / 100)
}

function streamOf(points: number): StreamHandle {
  const stream = addon.streamCreate({
    dimension: 1,
    capacity: points,
    timestamps: false,
    logPositions: false
  })
  addon.streamAppend(stream, wave(points), null, null, null)
  return stream
}

function engineOf(stream: StreamHandle, window: number, slide: number): EngineHandle {
  const config = { filtration: 'sublevel', channel: 0, snapshotEvery: 0 } as const
  return addon.engineCreate(stream, { ...config, window: { count: window }, slide: { count: slide } })
}

function start(job: NativeJob): { worker: Worker; answer: Promise<number> } {
  const worker = new Worker(new URL('../support/native-worker.js', import.meta.url), { workerData: job })
  const answer = new Promise<number>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  return { worker, answer }
}

function isBusy(engine: EngineHandle): boolean {
  try {
    addon.engineDiagram(engine)
    return false
  } catch (error) {
    if (error instanceof TdaError && error.code === 'ENGINE_BUSY') return true
    throw error
  }
}

async function untilBusy(engine: EngineHandle): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS
  while (!isBusy(engine)) {
    if (performance.now() > deadlineMs) throw new Error('the worker never held the engine')
    await turn()
  }
}

test('workers advance engines of one stream side by side, with the results of one thread', async () => {
  const stream = streamOf(200_000)
  const windows = [100, 1000, 10_000, 50_000]
  const alone = windows.map((window) => {
    const engine = engineOf(stream, window, 10)
    const rows = addon.engineAdvance(engine, 200_000, false).changes.length / 8
    addon.engineRelease(engine)
    return rows
  })
  const engines = windows.map((window) => engineOf(stream, window, 10))
  const started = engines.map((engine) => start({ kind: 'advance', engine, until: 200_000 }))
  expect(await Promise.all(started.map(({ answer }) => answer))).toEqual(alone)
  await Promise.all(started.map(({ worker }) => worker.terminate()))
  for (const engine of engines) addon.engineRelease(engine)
  addon.streamRelease(stream)
})

test('ENGINE_BUSY: a second thread is refused, never let in and never kept waiting', async () => {
  const stream = streamOf(1_000_000)
  const engine = engineOf(stream, 900_000, 100)
  addon.engineAdvance(engine, 1_000_000, true)
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const { worker, answer } = start({ kind: 'ask', engine, stop })
  await untilBusy(engine)
  Atomics.store(stop, 0, 1)
  expect(await answer).toBeGreaterThan(0)
  expect(isBusy(engine)).toBe(false)
  await worker.terminate()
  addon.engineRelease(engine)
  addon.streamRelease(stream)
})

test('a worker terminated in a call leaves the engine usable and whole', async () => {
  const stream = streamOf(3_000_000)
  const engine = engineOf(stream, 100_000, 1000)
  const { worker, answer } = start({ kind: 'advance', engine, until: 3_000_000 })
  answer.catch(() => undefined)
  await untilBusy(engine)
  await worker.terminate()
  expect(addon.engineState(engine)).toMatchObject({ next: 3_000_000, sequence: 3000 })
  const window = addon.streamRead(stream, 2_900_000, 3_000_000).values
  const expected = addon.seriesBatchDiagram(window, 'sublevel').map((number, at) => {
    return (at % 8 === 4 || at % 8 === 6) && number >= 0 ? number + 2_900_000 : number
  })
  expect(addon.engineDiagram(engine).every((number, at) => number === expected[at])).toBe(true)
  addon.engineRelease(engine)
  addon.streamRelease(stream)
})

test('10,000 engines created and released leave nothing behind', () => {
  const before = addon.liveHandles()
  const stream = streamOf(100)
  for (let count = 0; count < 10_000; count++) {
    const engine = engineOf(stream, 50, 10)
    addon.engineAdvance(engine, 100, false)
    addon.engineRelease(engine)
  }
  addon.streamRelease(stream)
  expect(addon.liveHandles()).toBe(before)
})

test('10,000 forgotten processors are freed after they were collected', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const before = addon.liveHandles()
  const forget = (): void => {
    for (let count = 0; count < 10_000; count++) {
      const processor = new StreamingTdaProcessor({ filtration: 'sublevel', window: { count: 10 } })
      processor.processPoints([2, 1, 3])
    }
  }
  forget()
  expect(addon.liveHandles()).toBeGreaterThan(before)
  const deadlineMs = performance.now() + PATIENCE_MS
  while (addon.liveHandles() > before && performance.now() < deadlineMs) {
    collect()
    await turn()
  }
  // The last ones may still be on the stack of a conservative collector.
  expect(addon.liveHandles()).toBeLessThan(before + 20)
})
