/**
 * Publishes readings at a pace, but never far ahead of the reader: the embedded broker keeps 5 MiB a partition and drops
 * what exceeds it, read or not.
 *
 *   (P1) published - seen <= aheadMax at any time, so nothing unread is ever dropped.
 */
import { setTimeout } from 'node:timers/promises'
import type { EventMesh } from '../../mesh/event-mesh.js'
import { toJsonRecord, type SensorReading } from './sensor-data.js'

/** The shortest useful sleep of a timer, and how often a pace is readjusted. */
const TICK_MS = 10
const BATCH_MAX = 512

export interface ReplayOptions {
  readonly mesh: EventMesh
  readonly topic: string
  readonly readings: readonly SensorReading[]
  /** Readings per second over all streams; Infinity = as fast as they are taken. */
  readonly rate: number
  /** How many readings may be published and not seen yet. */
  readonly aheadMax: number
  /** How many of the readings published have come out at the other end. */
  readonly seen: () => number
  /** Called just before readings are handed to the mesh. */
  readonly onPublish: (readings: readonly SensorReading[]) => void
  readonly signal: AbortSignal
}

/** Resolves when all are published or the signal aborts, whichever is first. */
export async function replayReadings(options: ReplayOptions): Promise<void> {
  const { mesh, topic, readings, rate, aheadMax, seen, onPublish, signal } = options
  let published = 0
  let credit = 1
  let last = performance.now()
  while (published < readings.length && !signal.aborted) {
    const now = performance.now()
    // Time that passed while the reader was behind is not made up for by more than one second's worth.
    credit = Math.min(credit + ((now - last) / 1000) * rate, Math.max(rate, 1))
    last = now
    const room = aheadMax - (published - seen())
    const count = Math.floor(Math.min(credit, room, BATCH_MAX, readings.length - published))
    if (count > 0) {
      const batch = readings.slice(published, published + count)
      onPublish(batch)
      await mesh.publish(
        topic,
        batch.map((reading) => ({ key: reading.stream, value: toJsonRecord(reading) }))
      )
      published += count
      credit -= count
    }
    if (rate < Infinity || count === 0) await setTimeout(TICK_MS)
  }
}
