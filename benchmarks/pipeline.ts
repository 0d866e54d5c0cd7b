/**
 * Question: how many one-point JSON records a second go from the broker through three scales to acknowledged updates,
 *           on this machine, producer and broker included?
 * Sketch:   the main thread fetches, decodes and appends (about 5 us a record), workers advance and write JSON.
 * If not:   the main thread is at 100 %: look at per-record objects (--cpu-prof); the workers are: at updates per point.
 *
 * Two passes on one embedded broker. First a short one whose updates are read back, applied to replicas, and compared
 * with the batch computation; then the timed one, whose updates nobody reads.
 */
import { createHistogram } from 'node:perf_hooks'
import { ResultViewer } from '../lib/cli/demo/result-viewer.js'
import { EmbeddedBroker } from '../lib/mesh/embedded-broker.js'
import type { EventMesh } from '../lib/mesh/event-mesh.js'
import { measureAsync, sum } from './measure.js'
import { pipelineValues } from './pipeline-records.js'
import { AHEAD_MAX, outputTopic, PipelineRun, Producer, SLIDE, WINDOWS } from './pipeline-run.js'
import { expectDiagrams, expectWindow } from './pipeline-check.js'
import { Checksum, type BenchmarkResult } from './report.js'

export interface PipelineBenchmark {
  /** One case for each. */
  readonly streams: readonly number[]
  readonly records: number
  readonly repetitions: number
}

const VERIFY_RECORDS_MIN = 20_000

export async function* benchmarkPipeline(options: PipelineBenchmark): AsyncGenerator<BenchmarkResult> {
  for (const streams of options.streams) yield await benchmarkCase(streams, options)
}

async function benchmarkCase(
  streams: number,
  { records, repetitions }: PipelineBenchmark
): Promise<BenchmarkResult> {
  const broker = await EmbeddedBroker.start()
  const mesh = await broker.connect()
  const producer = await Producer.start(broker.brokers)
  try {
    const checksum = await verify(mesh, producer, streams)
    const latency = createHistogram()
    const run = await PipelineRun.start(mesh, producer, { topic: 'timed', streams, latency })
    await run.records(records) // Fills windows as far as they get, and lets the code warm up.
    latency.reset()
    const { seconds } = await measureAsync(`streams-${streams}`, repetitions, () => run.records(records))
    await run.stop()
    return {
      suite: 'pipeline',
      case: `streams-${streams}`,
      params: { streams, records, windows: WINDOWS.join(' '), slide: SLIDE, aheadMax: AHEAD_MAX },
      repetitions: seconds.length,
      recordsPerSecond: (seconds.length * records) / sum(seconds),
      p50Ms: latency.percentile(50) / 1000,
      p99Ms: latency.percentile(99) / 1000,
      checksum
    }
  } finally {
    await producer.end()
    await mesh.close()
    await broker.close()
  }
}

/** The last diagram of every stream and scale, built from the published updates, must be that of its window. */
async function verify(mesh: EventMesh, producer: Producer, streams: number): Promise<string> {
  const records = Math.max(VERIFY_RECORDS_MIN, (SLIDE + 10) * streams)
  const topic = 'verified'
  const run = await PipelineRun.start(mesh, producer, { topic, streams, latency: createHistogram() })
  const viewer = await ResultViewer.open(mesh, outputTopic(topic), () => undefined)
  await run.records(records)
  await run.stop()
  await viewer.caughtUp()
  const replicas = viewer.replicas()
  await viewer.close()
  expectDiagrams(replicas, streams * WINDOWS.length)
  const values = pipelineValues()
  const checksum = new Checksum()
  for (const replica of replicas) {
    const stream = Number(replica.stream?.split('-')[1])
    checksum.add(
      expectWindow(replica, {
        points: Math.ceil((records - stream) / streams),
        slide: SLIDE,
        valueAt: (i) => values[(i * streams + stream) % values.length]!
      })
    )
  }
  return checksum.text()
}
