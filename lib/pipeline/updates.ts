/** From the results of one round to records for the sink. Pure. */
import type { OutgoingRecord } from '../mesh/event-mesh.js'
import type { JobMessages, PoolJob } from '../scales/worker-pool.js'

interface Due {
  readonly dueAt: number
  readonly scale: number
  readonly value: Uint8Array
}

/**
 * The updates of each stream in the order in which its points made them due, scales in the order of the configuration:
 * an order that does not depend on how the points were cut into batches.
 */
export function orderedUpdates(jobs: readonly PoolJob[], results: readonly JobMessages[]): OutgoingRecord[] {
  const streams = new Map<number, Map<string, Due[]>>()
  for (const [i, { partition, stream, scale }] of jobs.entries()) {
    const { messages, dueAt } = results[i]!
    if (messages.length === 0) continue
    const ofPartition = getOrMake(streams, partition, () => new Map<string, Due[]>())
    const ofStream = getOrMake(ofPartition, stream, (): Due[] => [])
    for (const [k, value] of messages.entries()) ofStream.push({ dueAt: dueAt[k]!, scale, value })
  }
  const updates: OutgoingRecord[] = []
  for (const ofPartition of streams.values()) {
    for (const [key, due] of ofPartition) {
      due.sort((a, b) => a.dueAt - b.dueAt || a.scale - b.scale) // Stable: parts and snapshots stay behind updates.
      for (const { value } of due) updates.push({ key, value })
    }
  }
  return updates
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = make()))
  return value
}
