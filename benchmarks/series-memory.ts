/**
 * In a fresh process: how much RSS grows by one full series window, ring and engine together. Sent to the parent. Of small
 * windows several are filled, because RSS moves by a megabyte on its own.
 */
import { series, SERIES_CASES, type SeriesCase } from './inputs.js'
import { NativeDriver } from './series-drivers.js'

const WARM_UP_WINDOW = 1024
/** Small, so that what is measured is the window and not the results of one call. */
const SPAN = 4096
const POINTS_MIN = 1_000_000

const name = process.argv[2] as SeriesCase
const window = Number(process.argv[3])
if (!SERIES_CASES.includes(name) || !(window > 0))
  throw new Error(`series-memory CASE WINDOW, not ${name} ${window}`)

/** The points of a window of the case, then the half of it again, so that everything that grows has grown. */
function run(size: number, values: Float64Array): NativeDriver {
  const driver = new NativeDriver(size)
  for (let pushed = 0; pushed < 1.5 * window; pushed += SPAN) {
    const at = pushed % values.length
    driver.push(values.subarray(at, at + SPAN))
  }
  return driver
}

const values = series(name, Math.ceil(window / SPAN) * SPAN)
// Code, buffers of the calls and what the allocator keeps of them do not belong to the window: the same points through a
// small window first.
run(WARM_UP_WINDOW, values).close()
globalThis.gc?.()
const before = process.memoryUsage.rss()
const drivers = Array.from({ length: Math.ceil(POINTS_MIN / window) }, () => run(window, values))
globalThis.gc?.()
process.send?.((process.memoryUsage.rss() - before) / drivers.length)
for (const driver of drivers) driver.close()
process.disconnect()
