/**
 * Question: what does one daemon take from a real broker, with broker and producer on the same machine?
 * Sketch:   `single` 100 000 records/s, `batched` 10^6 points/s, `latency` p99 below 10 ms at 20 000 records/s.
 * If not:   see which process has the processors (`daemonCores`, `producerCores`, `brokerCores`), then --cpu-prof.
 *
 * Open loop: a producer process sends at a rate of its own, record by record at intended times, and does not wait for the
 * daemon. Sustained means that the lag (sent, not yet finished) has no slope. Each case on topics of its own, which
 * are removed: first a short part whose updates are read back, applied to replicas and compared with batch, then the
 * timed part, on a daemon that has not been started anew.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { ResultViewer } from '../lib/cli/demo/result-viewer.js'
import type { Config } from '../lib/config/schema.js'
import { ResultsReader } from '../lib/loadgen/results-reader.js'
import type { EventMesh } from '../lib/mesh/event-mesh.js'
import { KafkaEventMesh } from '../lib/mesh/kafka-mesh.js'
import { deleteTopics } from '../lib/mesh/kafka-topics.js'
import {
  CASE_SETTINGS,
  deadLettersOf,
  diagramsOf,
  stateOf,
  type DaemonTask,
  type KafkaCase,
  type ProducerTask,
  type Progress,
  type Sent
} from './kafka-case.js'
import { Worker } from './kafka-process.js'
import { expectDiagrams, expectWindow } from './pipeline-check.js'
import { pipelineValues } from './pipeline-records.js'
import { WINDOWS } from './pipeline-run.js'
import { processorMs } from './processor-time.js'
import { BenchmarkMismatch, Checksum, type BenchmarkResult } from './report.js'

export interface KafkaBenchmark {
  readonly brokers: readonly string[]
  readonly cases: readonly KafkaCase[]
  /** Records a second; default: the case's. */
  readonly rate?: number
  readonly streams: number
  /** Updates of a scale between two snapshots; 0: none. */
  readonly snapshotEvery: number
  readonly seconds: number
  readonly warmupSeconds: number
  /** Processes whose time is the broker's. */
  readonly brokerPids: readonly number[]
  readonly columnar: boolean
  readonly delivery: Config['delivery']
}

const VERIFY_POINTS_MIN = 20_000
const SAMPLE_MS = 250
const DRAIN_MS_MAX = 60_000

export async function* benchmarkKafka(options: KafkaBenchmark): AsyncGenerator<BenchmarkResult> {
  for (const name of options.cases) yield await benchmarkCase(name, options)
}

/** The processes of one case. */
interface Parties {
  readonly daemon: Worker<Progress>
  readonly producer: Worker<Sent>
}

async function benchmarkCase(name: KafkaCase, options: KafkaBenchmark): Promise<BenchmarkResult> {
  const { brokers, streams, seconds, snapshotEvery, columnar, delivery } = options
  const settings = CASE_SETTINGS[name]
  const rate = options.rate ?? settings.rate
  const { pointsPerRecord, slide } = settings
  const topic = `tda-bench-${randomUUID()}`
  const topics = [topic, diagramsOf(topic), deadLettersOf(topic), stateOf(topic)]
  const mesh = await KafkaEventMesh.connect({ brokers })
  const daemon = new Worker<Progress>('kafka-daemon.js', {
    brokers,
    topic,
    streams,
    slide,
    binary: pointsPerRecord > 1,
    snapshotEvery,
    delivery,
    transactionInterval: settings.transactionInterval,
    lingerMs: settings.daemonLingerMs,
    columnar
  } satisfies DaemonTask)
  let producer: Worker<Sent> | undefined
  try {
    await daemon.ready()
    const lingerMs = settings.producerLingerMs
    producer = new Worker('kafka-producer.js', {
      brokers,
      topic,
      streams,
      rate,
      pointsPerRecord,
      lingerMs
    } satisfies ProducerTask)
    await producer.ready()
    const parties = { daemon, producer }
    const checksum = await verify(mesh, parties, topic, { streams, pointsPerRecord, slide })
    const results = settings.watched ? await ResultsReader.open(mesh, diagramsOf(topic)) : null
    const figures = await measure(parties, { ...options, rate }, results)
    return {
      suite: 'kafka',
      case: name,
      params: {
        rate,
        pointsPerRecord,
        streams,
        windows: WINDOWS.join(' '),
        slide,
        snapshotEvery,
        delivery,
        seconds,
        columnar
      },
      repetitions: 1,
      ...figures,
      pointsPerSecond: figures.recordsPerSecond * pointsPerRecord,
      checksum
    }
  } finally {
    await producer?.kill()
    await daemon.kill()
    await mesh.close()
    await deleteTopics(brokers, topics)
  }
}

/** Sends a few records and compares the last diagram of every stream and scale with that of its window. */
async function verify(
  mesh: EventMesh,
  parties: Parties,
  topic: string,
  { streams, pointsPerRecord, slide }: { streams: number; pointsPerRecord: number; slide: number }
): Promise<string> {
  const points = Math.max(VERIFY_POINTS_MIN, (2 * slide + 10) * streams)
  const records = Math.ceil(points / pointsPerRecord)
  const viewer = await ResultViewer.open(mesh, diagramsOf(topic), () => undefined)
  await send(parties, records)
  await drained(parties)
  await viewer.caughtUp()
  const replicas = viewer.replicas()
  await viewer.close()
  expectDiagrams(replicas, streams * WINDOWS.length)
  const values = pipelineValues()
  const checksum = new Checksum()
  for (const replica of replicas) {
    const stream = Number(replica.stream?.split('-')[1])
    const valueAt = (i: number): number => {
      const record = Math.floor(i / pointsPerRecord) * streams + stream
      return values[(record * pointsPerRecord + (i % pointsPerRecord)) % values.length]!
    }
    const received = Math.ceil((records - stream) / streams) * pointsPerRecord
    checksum.add(expectWindow(replica, { points: received, slide, valueAt }))
  }
  return checksum.text()
}

function send({ producer }: Parties, records: number): Promise<void> {
  producer.send({ kind: 'send', records })
  const end = (producer.state?.records ?? 0) + records
  return producer.until(() => producer.state?.done === true && producer.state.records === end)
}

async function drained({ daemon, producer }: Parties): Promise<void> {
  const sent = producer.state?.records ?? 0
  const limit = new AbortController()
  const late = delay(DRAIN_MS_MAX, undefined, { signal: limit.signal }).then(() => {
    const missing = sent - (daemon.state?.finished ?? 0)
    throw new BenchmarkMismatch(
      `${missing} of ${sent} records had no result ${DRAIN_MS_MAX} ms after the last was sent`
    )
  })
  try {
    await Promise.race([daemon.until(() => (daemon.state?.finished ?? 0) >= sent), late])
  } finally {
    limit.abort()
    late.catch(() => undefined)
  }
}

interface Sample {
  readonly atMs: number
  readonly finished: number
  readonly lag: number
}

async function measure(
  parties: Parties,
  options: KafkaBenchmark & { readonly rate: number },
  results: ResultsReader | null
): Promise<{ readonly recordsPerSecond: number } & Partial<BenchmarkResult>> {
  const { daemon, producer } = parties
  const { seconds, warmupSeconds, rate, brokerPids } = options
  const sending = send(parties, Math.round((warmupSeconds + seconds) * rate))
  sending.catch(() => undefined) // A rate beyond what the machine takes is a result, too: nobody waits for the rest.
  await Promise.race([delay(warmupSeconds * 1000), daemon.lost, producer.lost])
  daemon.send({ kind: 'measure' })
  results?.restart()
  const before = processorTimes(parties, brokerPids)
  const samples: Sample[] = []
  let lateMs = 0
  const endMs = performance.now() + seconds * 1000
  while (performance.now() < endMs && producer.state?.done !== true) {
    samples.push(sampleOf(parties))
    lateMs = Math.max(lateMs, producer.state?.lateMs ?? 0)
    await Promise.race([delay(SAMPLE_MS), daemon.lost, producer.lost])
  }
  const { p50Ms = 0, p99Ms = 0, producedP50Ms = 0, producedP99Ms = 0 } = daemon.state ?? {}
  const after = processorTimes(parties, brokerPids)
  const endToEnd = await results?.finish()
  const first = samples[0]!
  const last = samples.at(-1)!
  const elapsedMs = after.atMs - before.atMs
  return {
    recordsPerSecond: ((last.finished - first.finished) * 1000) / (last.atMs - first.atMs),
    lagSlope: slope(samples),
    lagMax: Math.max(...samples.map(({ lag }) => lag)),
    p50Ms,
    p99Ms,
    producedP50Ms,
    producedP99Ms,
    sentLateMs: lateMs,
    daemonCores: (after.daemonMs - before.daemonMs) / elapsedMs,
    producerCores: (after.producerMs - before.producerMs) / elapsedMs,
    ...(brokerPids.length > 0 ? { brokerCores: (after.brokerMs - before.brokerMs) / elapsedMs } : {}),
    ...(endToEnd ? { endToEndP50Ms: endToEnd.p50, endToEndP99Ms: endToEnd.p99 } : {})
  }
}

function sampleOf({ daemon, producer }: Parties): Sample {
  const finished = daemon.state?.finished ?? 0
  return { atMs: performance.now(), finished, lag: (producer.state?.records ?? 0) - finished }
}

function processorTimes({ daemon, producer }: Parties, brokerPids: readonly number[]) {
  return {
    atMs: performance.now(),
    daemonMs: daemon.state?.cpuMs ?? 0,
    producerMs: producer.state?.cpuMs ?? 0,
    brokerMs: brokerPids.reduce((sum, pid) => sum + processorMs(pid), 0)
  }
}

/** Of the lag in records per second, by least squares. */
function slope(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length
  const at = mean(({ atMs }) => atMs)
  const lag = mean((sample) => sample.lag)
  const covariance = mean((sample) => (sample.atMs - at) * (sample.lag - lag))
  return (covariance / mean(({ atMs }) => (atMs - at) ** 2)) * 1000
}
