/**
 * End-to-end latency of a load: updates are read back, and the event time of the newest point of an update's window is the
 * intended time of its record (`input.timestamp` from the record, or from the load's time field). What counts is the time
 * until the update has been read, so the reader's own way is in it. Resolution: 1 ms, that of log timestamps.
 */
import { randomUUID } from 'node:crypto'
import { caughtUp } from '../mesh/caught-up.js'
import type { EventMesh, Subscription } from '../mesh/event-mesh.js'
import { Latencies, type LatencyFigures } from './latency.js'

const RECORDS_MAX = 4096
const LINGER_MS = 1
const CATCH_UP_MS = 30_000
/** How long the last updates may take after the last acknowledgement. */
const SETTLE_MS = 2000
/** The window comes before the lists of pairs, however long these are. */
const HEAD_BYTES = 1024

export class ResultsReader {
  readonly #subscription: Subscription
  #latencies = new Latencies()
  readonly #stop = new AbortController()
  #since = Date.now()
  readonly #reading: Promise<void>

  /** Joins a group of its own and reads what is there already. @throws BROKER when that takes longer than 30 s. */
  static async open(mesh: EventMesh, topic: string): Promise<ResultsReader> {
    const reader = new ResultsReader(await mesh.subscribe(topic, { groupId: `tda-load-${randomUUID()}` }))
    try {
      await Promise.race([caughtUp(mesh, reader.#subscription, topic, CATCH_UP_MS), reader.#reading])
    } catch (error) {
      reader.#stop.abort()
      await reader.#subscription.close()
      throw error
    }
    return reader
  }

  private constructor(subscription: Subscription) {
    this.#subscription = subscription
    this.#reading = this.#read()
    this.#reading.catch(() => undefined) // `finish` throws it.
  }

  /** Forgets what it has seen: only records from now on count. */
  restart(): void {
    this.#since = Date.now()
    this.#latencies = new Latencies()
  }

  /** Waits a little for the last updates. In ms; `null` when no update of this run carried event time. */
  async finish(): Promise<LatencyFigures | null> {
    const timer = setTimeout(() => this.#stop.abort(), SETTLE_MS)
    try {
      await this.#reading
    } finally {
      clearTimeout(timer)
      await this.#subscription.close()
    }
    return this.#latencies.figures()
  }

  async #read(): Promise<void> {
    const options = { recordsMax: RECORDS_MAX, lingerMs: LINGER_MS, signal: this.#stop.signal }
    for await (const event of this.#subscription.events(options)) {
      if (event.kind === 'revoked') event.done()
      if (event.kind !== 'records') continue
      const now = Date.now()
      for (const { value } of event.records) {
        const at = value === null ? null : lastTimestamp(value)
        if (at !== null && at >= this.#since) this.#latencies.record(Math.max(0, now - at))
      }
    }
  }
}

/** `window.lastTimestamp` of an update, without parsing the rest of it. */
function lastTimestamp(value: Uint8Array): number | null {
  const head = Buffer.from(value.buffer, value.byteOffset, Math.min(value.length, HEAD_BYTES)).toString(
    'latin1'
  )
  const digits = /"lastTimestamp":(\d+)/.exec(head)?.[1]
  return digits === undefined ? null : Number(digits)
}
