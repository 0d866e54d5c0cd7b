/** In a fresh process: how much RSS grows by one full series window, ring and engine together. Sent to the parent. */
import { series, SERIES_CASES, type SeriesCase } from './inputs.js'
import { NativeDriver } from './series-drivers.js'

const WARM_UP_WINDOW = 1024

const name = process.argv[2] as SeriesCase
const window = Number(process.argv[3])
if (!SERIES_CASES.includes(name) || !(window > 0))
  throw new Error(`series-memory CASE WINDOW, not ${name} ${window}`)

/** A window's worth, then the half of it again, so that everything that grows has grown. */
function run(size: number, values: Float64Array): NativeDriver {
  const driver = new NativeDriver(size)
  const spans = Math.ceil((1.5 * size) / NativeDriver.span) + 1
  for (let span = 0; span < spans; span++) {
    const at = (span * NativeDriver.span) % values.length
    driver.push(values.subarray(at, at + NativeDriver.span))
  }
  return driver
}

const values = series(name, Math.ceil(window / NativeDriver.span) * NativeDriver.span)
// Code, buffers of the calls and the allocator's first arenas do not belong to the window.
run(WARM_UP_WINDOW, values).close()
globalThis.gc?.()
const before = process.memoryUsage.rss()
const driver = run(window, values)
globalThis.gc?.()
process.send?.(process.memoryUsage.rss() - before)
driver.close()
process.disconnect()
