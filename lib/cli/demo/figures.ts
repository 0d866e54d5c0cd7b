/** What the demo measures from outside: when a reading went in, and when a result that contains it came out. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { DiagramMessage } from '../../diagram.js'
import { SENSOR_INTERVAL_MS, SENSOR_START_MS, type SensorReading } from './sensor-data.js'

/** The live latency speaks of the last 5 to 10 s, so that the start does not weigh on it for ever. */
const RECENT_MS = 5000
/** Points per second are taken over this long. */
const RATE_MS = 2000

export interface Latency {
  readonly p50Ms: number
  readonly p99Ms: number
}

interface StreamFigures {
  /** When each reading was published, performance.now() in ms, by its index. */
  readonly publishedAt: number[]
  seen: number
}

export class DemoFigures {
  readonly #now: () => number
  readonly #streams = new Map<string, StreamFigures>()
  readonly #total = createHistogram()
  #recent: [current: RecordableHistogram, previous: RecordableHistogram] = [
    createHistogram(),
    createHistogram()
  ]
  #recentSince: number
  /** (time, points seen by then), oldest first, spanning a little more than RATE_MS. */
  #samples: (readonly [atMs: number, seen: number])[]
  #published = 0
  #seen = 0
  #updates = 0
  #eventTimeMs = SENSOR_START_MS
  #firstPublishedMs: number | undefined
  #lastSeenMs = 0

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#recentSince = now()
    this.#samples = [[this.#recentSince, 0]]
  }

  /** Readings handed to the broker. */
  get published(): number {
    return this.#published
  }
  /** Readings that a result has contained. */
  get seen(): number {
    return this.#seen
  }
  get updates(): number {
    return this.#updates
  }
  /** The newest event time in any result. */
  get eventTimeMs(): number {
    return this.#eventTimeMs
  }

  onPublish(readings: readonly SensorReading[]): void {
    const at = this.#now()
    this.#firstPublishedMs ??= at
    for (const { stream, index } of readings) this.#figuresOf(stream).publishedAt[index] = at
    this.#published += readings.length
  }

  /** The newest point of the window tells which readings are in: event time is 5 s times their index. */
  onMessage(message: DiagramMessage): void {
    const timestamp = message.window.lastTimestamp
    if (message.type !== 'update' || timestamp === null || (message.part?.index ?? 0) > 0) return
    this.#updates += 1
    this.#eventTimeMs = Math.max(this.#eventTimeMs, timestamp)
    const figures = this.#figuresOf(message.stream)
    const newest = Math.round((timestamp - SENSOR_START_MS) / SENSOR_INTERVAL_MS)
    const publishedAt = figures.publishedAt[newest]
    if (newest < figures.seen || publishedAt === undefined) return
    this.#seen += newest + 1 - figures.seen
    figures.seen = newest + 1
    this.#lastSeenMs = this.#now()
    this.#observe(this.#lastSeenMs - publishedAt)
  }

  /** From the first reading that was published to the last that was seen, in seconds. */
  seconds(): number {
    return this.#firstPublishedMs === undefined
      ? 0
      : Math.max(0, this.#lastSeenMs - this.#firstPublishedMs) / 1000
  }

  /** From publishing a reading until a result that contains it was read back, over the last seconds. */
  recentLatency(): Latency {
    const histogram = createHistogram()
    for (const part of this.#recent) histogram.add(part)
    return latencyOf(histogram)
  }

  totalLatency(): Latency {
    return latencyOf(this.#total)
  }

  /** Readings seen per second over the last two seconds. */
  pointsPerSecond(): number {
    const now = this.#now()
    this.#samples.push([now, this.#seen])
    while (this.#samples.length > 2 && now - this.#samples[1]![0] >= RATE_MS) this.#samples.shift()
    const [since, before] = this.#samples[0]!
    return now > since ? ((this.#seen - before) / (now - since)) * 1000 : 0
  }

  #observe(latencyMs: number): void {
    const now = this.#now()
    if (now - this.#recentSince > RECENT_MS) {
      this.#recent = [createHistogram(), this.#recent[0]]
      this.#recentSince = now
    }
    const microseconds = Math.max(1, Math.round(latencyMs * 1000))
    this.#recent[0].record(microseconds)
    this.#total.record(microseconds)
  }

  #figuresOf(stream: string): StreamFigures {
    let figures = this.#streams.get(stream)
    if (figures === undefined) {
      figures = { publishedAt: [], seen: 0 }
      this.#streams.set(stream, figures)
    }
    return figures
  }
}

function latencyOf(histogram: RecordableHistogram): Latency {
  if (histogram.count === 0) return { p50Ms: 0, p99Ms: 0 }
  return { p50Ms: histogram.percentile(50) / 1000, p99Ms: histogram.percentile(99) / 1000 }
}
