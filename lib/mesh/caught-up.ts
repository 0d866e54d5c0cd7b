/** Waiting until a reader has all that is in its topic. */
import { setTimeout as delay } from 'node:timers/promises'
import { TdaError } from '../errors.js'
import type { Subscription } from './event-mesh.js'

const POLL_MS = 10
/** A lag that stays the same for so long is of markers of transactions, which nobody gets. */
const QUIET_MS = 1_500

/**
 * Resolves when what was in the topic at some moment after this call has been read. The lag counts what belongs to
 * transactions, so one that does not change for a while counts as none.
 *
 * @throws BROKER when that takes longer than `limitMs`.
 */
export async function caughtUp(
  subscription: Pick<Subscription, 'lag'>,
  topic: string,
  limitMs: number
): Promise<void> {
  const deadlineMs = performance.now() + limitMs
  let before = -1
  let sinceMs = performance.now()
  for (;;) {
    const lag = await subscription.lag()
    const behind = [...lag.values()].reduce((sum, records) => sum + records, 0)
    const nowMs = performance.now()
    if (behind !== before) sinceMs = nowMs
    before = behind
    const isQuiet = behind === 0 || nowMs - sinceMs >= QUIET_MS
    if (lag.size > 0 && isQuiet) return
    if (nowMs > deadlineMs) {
      const text = `topic "${topic}" was not read to its end within ${limitMs} ms: ${behind} records left`
      throw new TdaError('BROKER', text)
    }
    await delay(POLL_MS)
  }
}
