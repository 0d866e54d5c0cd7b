/** Waiting until a reader has all that is in its topic. */
import { setTimeout as delay } from 'node:timers/promises'
import { TdaError } from '../errors.js'
import type { EventMesh, Subscription } from './event-mesh.js'

const POLL_MS = 10
/** A lag that has not changed for so long may be of what belongs to transactions, which nobody gets: then it is looked at. */
const QUIET_MS = 500

/**
 * Resolves when every record that was in the topic at some moment after this call has been read. What is left of the lag must
 * hold no record: the log behind the reader's position is read to its end to see that.
 *
 * @throws BROKER when that takes longer than `limitMs`.
 */
export async function caughtUp(
  mesh: Pick<EventMesh, 'bounds' | 'readPartition'>,
  subscription: Pick<Subscription, 'lag'>,
  topic: string,
  limitMs: number
): Promise<void> {
  const deadlineMs = performance.now() + limitMs
  let before = ''
  let known = 0
  let sinceMs = performance.now()
  for (;;) {
    const lag = await subscription.lag()
    const left = [...lag].filter(([, records]) => records > 0)
    // One that was there before has no leader now: what it holds is not known.
    known = Math.max(known, lag.size)
    const whole = lag.size > 0 && lag.size === known
    if (whole && left.length === 0) return
    const nowMs = performance.now()
    if (String(left) !== before) sinceMs = nowMs
    before = String(left)
    if (nowMs > deadlineMs) {
      const behind = left.reduce((sum, [, records]) => sum + records, 0)
      const text = `topic "${topic}" was not read to its end within ${limitMs} ms: ${behind} records left`
      throw new TdaError('BROKER', text)
    }
    if (whole && nowMs - sinceMs >= QUIET_MS) {
      const signal = AbortSignal.timeout(Math.ceil(deadlineMs - nowMs))
      if (await holdNoRecord(mesh, topic, left, signal)) return
      sinceMs = performance.now()
    }
    await delay(POLL_MS)
  }
}

/** Whether the last `records` offsets of each of these partitions hold none. False when the signal aborts before that is known. */
async function holdNoRecord(
  mesh: Pick<EventMesh, 'bounds' | 'readPartition'>,
  topic: string,
  left: readonly (readonly [partition: number, records: number])[],
  signal: AbortSignal
): Promise<boolean> {
  for (const [partition, records] of left) {
    const { high } = await mesh.bounds(topic, partition)
    for await (const found of mesh.readPartition(topic, partition, { from: high - records, signal })) {
      if (found.length > 0) return false
    }
  }
  return !signal.aborted
}
