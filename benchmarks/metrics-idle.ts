/** A process that does nothing for so many seconds, with metrics or without, and then says what it took. */
import { createMetrics } from '../lib/observability/metrics.js'

const [withMetrics, seconds] = process.argv.slice(2)
if (withMetrics === 'true') createMetrics()
const before = process.cpuUsage()
setTimeout(
  () => {
    const { user, system } = process.cpuUsage(before)
    process.send?.({ cpuMs: (user + system) / 1000 })
    process.disconnect()
  },
  1000 * Number(seconds)
)
