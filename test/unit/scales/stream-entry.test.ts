/** How a stream waits for its engines: whatever comes back first, and only as long as it must. */
import { expect, test } from '@jest/globals'
import { validateConfig } from '../../../lib/config/load.js'
import { nativeAddon } from '../../../lib/native.js'
import { planStream } from '../../../lib/scales/scale-plan.js'
import { StreamEntry, type StreamSlice } from '../../../lib/scales/stream-entry.js'
import { WorkerPool, type PoolJob } from '../../../lib/scales/worker-pool.js'

const config = validateConfig({
  input: { channels: ['x'] },
  scales: [{ name: 'a', window: 4, slide: 2, filtration: 'sublevel' }]
})

async function withEntry(work: (entry: StreamEntry) => Promise<void>): Promise<void> {
  const pool = new WorkerPool({
    workers: 1,
    scales: planStream(config).scales,
    maxBytes: 1e6,
    eventTime: false
  })
  const entry = new StreamEntry(
    0,
    's',
    { truncated: false, known: null, state: null },
    planStream(config),
    pool
  )
  try {
    await work(entry)
  } finally {
    entry.release()
    await pool.close()
  }
}

function sliceOf(entry: StreamEntry, count: number): StreamSlice {
  const values = new Float64Array(count)
  const offsets = Float64Array.from(values, (_, i) => entry.next + i)
  return { entry, count, values, timestamps: null, offsets, indices: new Uint32Array(count), replay: false }
}

/** What a worker does with the job. */
function run({ engine, until, owner, scale }: PoolJob): void {
  nativeAddon().engineAdvance(engine, until, true)
  owner.completed(scale, until)
}

test('a later round that is back already does not hide an earlier one that is not', async () => {
  await withEntry(async (entry) => {
    const half = entry.slicePointsMax
    const jobs: PoolJob[] = []
    let back = (): void => {}
    entry.append(sliceOf(entry, half), jobs)
    entry.underWay(new Promise<void>((resolve) => (back = resolve)))
    entry.append(sliceOf(entry, 1), jobs) // no update is due by it, so its round has nothing to wait for
    entry.underWay(Promise.resolve())
    expect(jobs).toHaveLength(1)
    let room = false
    const waiting = entry.appendable(half).then(() => (room = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect(room).toBe(false)
    run(jobs[0]!)
    back()
    await waiting
    entry.append(sliceOf(entry, half), jobs)
    expect(entry.next).toBe(2 * half + 1)
  })
})

test('whoever waits for room hears of the failure that will never make any', async () => {
  await withEntry(async (entry) => {
    const half = entry.slicePointsMax
    entry.append(sliceOf(entry, half), [])
    entry.underWay(Promise.reject(new Error('thread died')))
    entry.append(sliceOf(entry, half), [])
    entry.underWay(Promise.resolve())
    await expect(entry.appendable(1)).rejects.toThrow('thread died')
  })
})
