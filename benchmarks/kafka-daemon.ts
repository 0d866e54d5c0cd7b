/**
 * The daemon of `bench kafka`, a process of its own: what `streaming-tda run` starts, with its metrics, plus a count. Its
 * parent ends it.
 */
import { createHistogram } from 'node:perf_hooks'
import { KafkaEventMesh } from '../lib/mesh/kafka-mesh.js'
import { createMetrics, type Metrics } from '../lib/observability/metrics.js'
import { createDaemon } from '../lib/pipeline/daemon.js'
import { configOf, type DaemonTask, type Progress, type ToDaemon } from './kafka-case.js'
import { receive, report } from './kafka-process.js'

const TELL_MS = 100

async function serve(): Promise<void> {
  const task = await receive<DaemonTask>()
  const config = configOf(task)
  const latency = createHistogram()
  const produced = createHistogram()
  // Batches finish in the order in which they were taken.
  const taken: number[] = []
  let finished = 0
  let published = 0
  let publishing = 0
  const inner = createMetrics()
  const metrics: Metrics = {
    ...inner,
    recordsConsumed(count) {
      taken.push(count)
      inner.recordsConsumed(count)
    },
    publishLatency(seconds) {
      publishing = seconds
      inner.publishLatency(seconds)
    },
    batchLatency(seconds) {
      finished += taken.shift() ?? 0
      // A batch that made no update due has published nothing, and says nothing of how long that takes.
      if (published > 0) {
        latency.record(micros(seconds))
        produced.record(micros(seconds - publishing))
      }
      published = 0
      inner.batchLatency(seconds)
    },
    updatesPublished(count, bytes) {
      published += count
      inner.updatesPublished(count, bytes)
    },
    state(kind) {
      if (kind === 'running') report({ kind: 'ready' })
      inner.state(kind)
    }
  }
  process.on('message', (_: ToDaemon) => {
    latency.reset()
    produced.reset()
  })
  const mesh = await KafkaEventMesh.connect({ brokers: task.brokers, columnar: task.columnar })
  const daemon = await createDaemon(config, { mesh, metrics, http: false })
  setInterval(() => {
    const { user, system } = process.cpuUsage()
    report({
      kind: 'progress',
      finished,
      cpuMs: (user + system) / 1000,
      p50Ms: latency.percentile(50) / 1000,
      p99Ms: latency.percentile(99) / 1000,
      producedP50Ms: produced.percentile(50) / 1000,
      producedP99Ms: produced.percentile(99) / 1000
    } satisfies Progress)
  }, TELL_MS)
  await daemon.run()
}

function micros(seconds: number): number {
  return Math.max(1, Math.round(seconds * 1e6)) // Histograms take no zero.
}

await serve()
