/**
 * What a process tells of itself: prom-client's defaults (processor time, RSS, heap, event-loop delay, descriptors) and
 * what it runs. Its histogram of collections is replaced: prom-client looks at the first of the entries an observer is
 * handed, and a busy event loop gets several at once.
 */
import { createRequire } from 'node:module'
import { constants, PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks'
import { collectDefaultMetrics, Gauge, Histogram, type Registry } from 'prom-client'

const GC = 'nodejs_gc_duration_seconds'
const GC_BUCKETS = [1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1]

const GC_KINDS = new Map([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb']
])

/** Registers them. Its observer does not keep the process alive. */
export function registerProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry })
  registry.removeSingleMetric(GC)
  const pauses = new Histogram({
    name: GC,
    help: 'Collections of the main thread by kind, how long each took.',
    labelNames: ['kind'],
    buckets: GC_BUCKETS,
    registers: [registry]
  })
  for (const kind of GC_KINDS.values()) pauses.zero({ kind })
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { duration, detail } = entry as PerformanceEntry & { readonly detail: { readonly kind: number } }
      const kind = GC_KINDS.get(detail.kind) ?? 'other'
      pauses.observe({ kind }, duration / 1000)
    }
  })
  observer.observe({ entryTypes: ['gc'] })

  const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string }
  new Gauge({
    name: 'tda_build_info',
    help: '1; what runs here.',
    labelNames: ['version', 'node'],
    registers: [registry]
  }).set({ version, node: process.versions.node }, 1)
}
