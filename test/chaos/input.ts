/**
 * The seeded input: what is sent is a function of the seed and of the faults in it, when it is sent is not. Every record
 * carries its number in a header, and what Kafka acknowledged is written down, so that nothing can get lost unseen.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { EventMesh, OutgoingRecord } from '../../lib/mesh/event-mesh.js'
import { seeded } from '../support/pipeline-world.js'

export const NUMBER_HEADER = 'n'
const TICK_MS = 50
/** While so many are not acknowledged, nothing more is sent: brokers are away. */
const UNACKNOWLEDGED_MAX = 5_000
const START_MS = Date.UTC(2026, 0, 1)
const POISON_SHARE = 0.01
const POISON = ['{"x":', '{"x":"NaN","y":1,"t":1}', '{"y":1,"t":1}', 'null', '{"x":1e999,"y":1,"t":5}', '']

interface Stream {
  readonly key: string
  x: number
  y: number
  t: number
  /** Records still to come whose clock is wrong, and by how much. */
  skewed: number
  skewMs: number
}

export class ChaosInput {
  /** Numbers of the records that are in the log for certain. */
  readonly acknowledged = new Set<number>()
  /** Numbers of those that may be in it: their acknowledgement failed. */
  readonly unsure = new Set<number>()
  readonly #mesh: EventMesh
  readonly #topic: string
  readonly #perTick: number
  readonly #random: () => number
  readonly #streams: Stream[]
  #next = 0
  #sent = 0
  #poison = 0
  #flights = new Set<Promise<void>>()
  #stopped = false
  #running: Promise<void> = Promise.resolve()

  constructor(
    mesh: EventMesh,
    options: {
      readonly topic: string
      readonly seed: number
      readonly streams: number
      readonly rate: number
    }
  ) {
    this.#mesh = mesh
    this.#topic = options.topic
    this.#perTick = Math.max(1, Math.round((options.rate * TICK_MS) / 1000))
    this.#random = seeded(options.seed ^ 0x5bd1e995)
    this.#streams = Array.from({ length: options.streams }, (_, i) => ({
      key: `stream-${i}`,
      x: 0,
      y: 0,
      t: START_MS,
      skewed: 0,
      skewMs: 0
    }))
  }

  /** Records handed to the producer so far. */
  get sent(): number {
    return this.#next
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Resolves when every record has been acknowledged, or given up by the producer. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
    await Promise.all(this.#flights)
  }

  /** The next records are broken ones, so many. */
  poison(records: number): void {
    this.#poison += records
  }

  /**
   * The clock of every third stream jumps: forwards for good, and backwards for a few records, which are dead letters where a
   * scale is a duration.
   */
  jumpClocks(force: number): void {
    for (const [i, stream] of this.#streams.entries()) {
      if (i % 3 !== 0) continue
      if (force < 0.5) stream.t += 3_600_000 * (1 + force)
      else {
        stream.skewed = 5
        stream.skewMs = -86_400_000
      }
    }
  }

  async #run(): Promise<void> {
    const startedMs = performance.now()
    for (let tick = 0; !this.#stopped; tick++) {
      // Open loop: a slow turn is made up for, an outage is not.
      await delay(Math.max(0, startedMs + tick * TICK_MS - performance.now()))
      if (this.#next - this.#sent > UNACKNOWLEDGED_MAX) continue
      const flight: Promise<void> = this.#send().finally(() => this.#flights.delete(flight))
      this.#flights.add(flight)
    }
  }

  async #send(): Promise<void> {
    const numbers: number[] = []
    const records: OutgoingRecord[] = []
    for (let i = 0; i < this.#perTick; i++) {
      numbers.push(this.#next)
      records.push(this.#record(this.#next++))
    }
    try {
      await this.#mesh.publish(this.#topic, records)
      for (const number of numbers) this.acknowledged.add(number)
    } catch {
      for (const number of numbers) this.unsure.add(number)
    }
    this.#sent += numbers.length
  }

  #record(number: number): OutgoingRecord {
    const random = this.#random
    const stream = this.#streams[Math.floor(random() * this.#streams.length)]!
    const headers = [[NUMBER_HEADER, String(number)]] as const
    if (this.#poison > 0 || random() < POISON_SHARE) {
      this.#poison = Math.max(0, this.#poison - 1)
      return { key: stream.key, value: POISON[Math.floor(random() * POISON.length)]!, headers }
    }
    stream.x = Math.round((0.9 * stream.x + random() - 0.5) * 64) / 64
    stream.y = Math.round((0.9 * stream.y + random() - 0.5) * 64) / 64
    stream.t += Math.floor(random() * 500)
    const t = stream.t + (stream.skewed > 0 ? stream.skewMs : 0)
    if (stream.skewed > 0) stream.skewed -= 1
    return { key: stream.key, value: JSON.stringify({ x: stream.x, y: stream.y, t }), headers }
  }
}
