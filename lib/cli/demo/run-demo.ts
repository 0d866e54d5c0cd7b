/**
 * The demo, top to bottom: an embedded broker, real sensor readings replayed into a topic, the daemon between them and
 * the result topic, and a consumer that shows what comes out. Everything a deployment has, in one process.
 */
import { setTimeout } from 'node:timers/promises'
import type { Config } from '../../config/schema.js'
import { createDaemon } from '../../pipeline/daemon.js'
import type { Pipeline, PipelineLogger } from '../../pipeline/pipeline.js'
import type { DiagramReplica } from '../../publishers/diagram-replica.js'
import { demoConfig } from './demo-config.js'
import { DemoFigures, type Latency } from './figures.js'
import { replayReadings } from './replay.js'
import { ResultViewer } from './result-viewer.js'
import type { ScreenRow, ScreenState } from './screen.js'
import { loadSensorReadings, type SensorReading } from './sensor-data.js'
import { openTransport, type Transport } from './transport.js'
import type { DemoView } from './views.js'

/** Readings between publication and the screen: seconds at the default pace, and far below what the broker keeps. */
const AHEAD_MAX = 1000
const POLL_MS = 20

export interface DemoOptions {
  /** Readings per second over all motes; Infinity = as fast as they are taken. */
  readonly rate: number
  /** End when all readings are in, instead of staying up. */
  readonly exitAtEnd: boolean
  /** Port of /metrics; 0 = any free one. */
  readonly port: number
  readonly transport: 'embedded' | 'in-process'
  readonly view: DemoView
  /** The daemon's log. */
  readonly logger: PipelineLogger
  /** Aborting it drains and ends the demo. */
  readonly signal: AbortSignal
}

export interface DemoResult {
  readonly readings: number
  readonly updates: number
  readonly rejected: number
  readonly seconds: number
  readonly latency: Latency
  /** Messages that did not continue their diagram; not 0 only when something is broken. */
  readonly gaps: number
  /** The diagrams as the result topic tells them, one for each stream and scale. */
  readonly replicas: readonly DiagramReplica[]
}

export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const readings = loadSensorReadings()
  const transport = await openTransport(options.transport)
  const { mesh, brokers, partitions } = transport
  const config = demoConfig({ brokers, partitions, port: options.port })
  const figures = new DemoFigures()
  try {
    await mesh.createStream(config.output.topic, partitions)
    const viewer = await ResultViewer.open(mesh, config.output.topic, (message) => figures.onMessage(message))
    try {
      return await runOn({ transport, config, readings, figures, viewer }, options)
    } finally {
      await viewer.close()
    }
  } finally {
    await transport.close()
  }
}

interface Stage {
  readonly transport: Transport
  readonly config: Config
  readonly readings: readonly SensorReading[]
  readonly figures: DemoFigures
  readonly viewer: ResultViewer
}

async function runOn(stage: Stage, options: DemoOptions): Promise<DemoResult> {
  const { transport, config, readings, figures, viewer } = stage
  const { view, logger } = options
  const stop = new AbortController()
  const daemon = await createDaemon(config, { mesh: transport.mesh, logger, signal: stop.signal })
  const where = whereResultsAre(config.output.topic, transport.brokers, daemon.url)
  view.begin([...introduction(readings.length, options.rate), ...transport.description, ...where])
  const show = (): void => view.show(screenState(where, stage, daemon.pipeline))
  const ticker = setInterval(show, view.periodMs)
  const running = daemon.run()
  try {
    // The daemon and the viewer end by themselves only when they fail.
    await Promise.race([
      replayToTheEnd(stage, daemon.pipeline, options, stop.signal),
      running,
      viewer.finished
    ])
    stop.abort()
    await running
    await viewer.caughtUp()
  } finally {
    clearInterval(ticker)
    stop.abort()
    await Promise.allSettled([running])
  }
  show()
  const result: DemoResult = {
    readings: figures.seen,
    updates: figures.updates,
    rejected: daemon.pipeline.totals.rejected,
    seconds: figures.seconds(),
    latency: figures.totalLatency(),
    gaps: viewer.gaps,
    replicas: viewer.replicas()
  }
  view.end(summary(result))
  return result
}

/** Publishes all readings once everybody listens; then waits until they are in, with `exitAtEnd`, or for a signal. */
async function replayToTheEnd(
  { transport, config, readings, figures, viewer }: Stage,
  pipeline: Pipeline,
  { rate, exitAtEnd, signal }: DemoOptions,
  over: AbortSignal
): Promise<void> {
  const ending = AbortSignal.any([signal, over])
  // Joining their groups takes the daemon and the viewer seconds; a reading that waits for it has no latency to speak of.
  const joined = (): boolean => viewer.joined && pipeline.state.kind === 'running'
  while (!ending.aborted && !joined()) await setTimeout(POLL_MS)
  const seen = (): number => figures.seen + pipeline.totals.rejected
  await replayReadings({
    mesh: transport.mesh,
    topic: config.input.topic,
    readings,
    rate,
    aheadMax: AHEAD_MAX,
    seen,
    onPublish: (batch) => figures.onPublish(batch),
    signal: ending
  })
  while (!ending.aborted && (!exitAtEnd || seen() < figures.published)) await setTimeout(POLL_MS)
}

function introduction(readings: number, rate: number): string[] {
  const pace = rate === Infinity ? 'as fast as they are taken' : `${rate} a second`
  return [
    'streaming-tda demo: exact persistence diagrams of four live sensors at several time scales.',
    `${readings.toLocaleString('en-US')} readings of four wireless sensors (Suthaharan et al., CC BY 4.0), ${pace}.`,
    'temperature-*: level sets. Vietoris-Rips, bars are loops: loops-* of (humidity, temperature), cycles-* of delays.'
  ]
}

function whereResultsAre(topic: string, brokers: readonly string[], url: string | null): string[] {
  const broker = brokers.length > 0 ? ` on ${brokers.join(',')}` : ' of the in-process mesh'
  return [`results: topic ${topic}${broker}`, ...(url === null ? [] : [`metrics: ${url}/metrics`])]
}

function screenState(where: readonly string[], stage: Stage, pipeline: Pipeline): ScreenState {
  const { figures, viewer } = stage
  const total = stage.readings.length
  return {
    where,
    total,
    published: figures.published,
    seen: figures.seen,
    updates: figures.updates,
    rejected: pipeline.totals.rejected,
    pointsPerSecond: figures.pointsPerSecond(),
    latency: figures.recentLatency(),
    eventTimeMs: figures.eventTimeMs,
    ended: figures.published === total && figures.seen + pipeline.totals.rejected === total,
    rows: viewer.replicas().map(toRow).sort(byStreamAndScale(stage.config))
  }
}

/** Streams by name, the scales of each in the order of the configuration. */
function byStreamAndScale({ scales }: Config): (a: ScreenRow, b: ScreenRow) => number {
  const place = new Map(scales.map(({ name }, index) => [name, index]))
  return (a, b) =>
    a.stream === b.stream
      ? (place.get(a.scale) ?? 0) - (place.get(b.scale) ?? 0)
      : a.stream < b.stream
        ? -1
        : 1
}

function toRow(replica: DiagramReplica): ScreenRow {
  const { stream, scale, sequence, window } = replica
  return {
    stream: stream ?? '',
    scale: scale ?? '',
    points: window?.points ?? 0,
    full: window?.full ?? false,
    sequence,
    pairs: replica.pairs()
  }
}

function summary({ readings, updates, rejected, seconds, latency, gaps }: DemoResult): string[] {
  const number = (value: number): string => Math.round(value).toLocaleString('en-US')
  const lines = [
    `Done: ${number(readings)} readings in ${seconds.toFixed(1)} s (${number(seconds > 0 ? readings / seconds : 0)} a second), ` +
      `${number(updates)} updates, ${number(rejected)} bad records.`,
    `From publishing a reading to reading its diagram: p50 ${latency.p50Ms.toFixed(1)} ms, p99 ${latency.p99Ms.toFixed(1)} ms.`
  ]
  return gaps === 0
    ? lines
    : [...lines, `${gaps} messages did not continue their diagram: please report this.`]
}
