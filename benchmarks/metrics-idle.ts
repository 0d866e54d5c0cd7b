/** A process that does nothing, with metrics or without, and says what so many ms of it took. */
import { createMetrics } from '../lib/observability/metrics.js'

export interface IdleTime {
  readonly cpuMs: number
  readonly tookMs: number
}

const [withMetrics] = process.argv.slice(2)
if (withMetrics === 'true') createMetrics()
process.on('message', (ms: number) => {
  const before = process.cpuUsage()
  const startedMs = performance.now()
  setTimeout(() => {
    const { user, system } = process.cpuUsage(before)
    process.send!({ cpuMs: (user + system) / 1000, tookMs: performance.now() - startedMs } satisfies IdleTime)
  }, ms)
})
