/**
 * The native memory a configuration can need at most, predicted before start. It counts what grows with the data, point
 * rings and engines, as if every one of `streams.max` streams had its rings full and the worst data in its windows (every
 * second point a local minimum). A test compares the prediction with what such streams really take.
 *
 *     ring of a stream    1.25 x its points + 128 (blocks)   x (8 per channel + 8 with event time + 12 for the position)
 *                         points: largest window + slide + backlog (lib/scales/scale-plan.ts)
 *     engine of a scale   40 per point of its window + 24 per point of its slide, + 4 KiB; Rips: lib/config/rips-cost.ts
 *     all                 streams.max x (ring + engines)
 * A window or slide by duration counts as `pointsMax` points. V8, Kafka's client and messages in flight come on top:
 * that is what the 30 % are for that the default limit leaves free.
 */
import { totalmem } from 'node:os'
import { TdaError } from '../errors.js'
import { planStream } from '../scales/scale-plan.js'
import { ripsCost } from './rips-cost.js'
import type { Config } from './schema.js'

const MIB = 1 << 20
const DEFAULT_SHARE = 0.7

export interface MemoryPrediction {
  readonly ringBytes: number
  /** Of each scale, in order. */
  readonly engineBytes: readonly number[]
  /** Of one stream with all its scales. */
  readonly streamBytes: number
  /** Of all `streams.max` streams. */
  readonly totalBytes: number
}

export function predictMemory(config: Config): MemoryPrediction {
  const plan = planStream(config)
  const pointBytes = 8 * plan.channels + (plan.eventTime ? 8 : 0) + 12
  const ringBytes = Math.ceil((1.25 * plan.ringCapacity + 128) * pointBytes)
  const engineBytes = plan.scales.map(
    (scale) => ripsCost(scale)?.bytes ?? 40 * scale.windowPointsMax + 24 * scale.slidePointsMax + 4096
  )
  const streamBytes = engineBytes.reduce((sum, bytes) => sum + bytes, ringBytes)
  return { ringBytes, engineBytes, streamBytes, totalBytes: streamBytes * config.streams.max }
}

/** What the engines may take: `limits.memoryMiB`, else 70 % of the machine or of the cgroup this process is limited to. */
export function memoryLimit(config: Config): number {
  if (config.limits.memoryMiB !== undefined) return config.limits.memoryMiB * MIB
  return Math.floor(DEFAULT_SHARE * processMemory())
}

/** What this process may take as a whole: the machine, or the cgroup it is limited to. */
export function processMemory(): number {
  const machine = totalmem()
  const constrained = process.constrainedMemory()
  // Without a limit, Node answers 0 or a number beyond any machine.
  return constrained > 0 ? Math.min(machine, constrained) : machine
}

/** A sentence for each Rips scale: what it takes, roughly how long a point takes. */
export function ripsCostTexts(config: Config): string[] {
  return planStream(config).scales.flatMap((scale) => {
    const cost = ripsCost(scale)
    if (cost === null) return []
    const time = Number(cost.pointMs.toPrecision(cost.pointMs < 10 ? 1 : 2))
    return [
      `scale "${scale.name}": a cloud of ${cost.points} points, ${mib(cost.bytes)} MiB, about ${time} ms a point`
    ]
  })
}

/**
 * Refuses a configuration that may need more than `limit` bytes.
 * @throws {TdaError} MEMORY_LIMIT with the prediction and what to lower.
 */
export function requireMemory(config: Config, limit = memoryLimit(config)): void {
  const prediction = predictMemory(config)
  if (prediction.totalBytes <= limit) return
  const { max } = config.streams
  const fitting = Math.floor(limit / prediction.streamBytes)
  const largest = config.scales[prediction.engineBytes.indexOf(Math.max(...prediction.engineBytes))]!
  const byTime = 'spanMs' in largest.window || 'spanMs' in largest.slide
  const smaller = `${byTime ? 'lower pointsMax' : 'make the window smaller'} (most is for scale "${largest.name}")`
  const limitName =
    config.limits.memoryMiB === undefined ? `${DEFAULT_SHARE * 100} % of this machine` : 'limits.memoryMiB'
  const first = fitting >= 1 ? `lower streams.max to ${fitting}` : 'not even one stream fits'
  const advice = `${first}, ${smaller}, or raise limits.memoryMiB`
  const rips = ripsCostTexts(config).map((text) => `. Predicted for ${text}`)
  throw new TdaError(
    'MEMORY_LIMIT',
    `the windows may need ${mib(prediction.totalBytes)} MiB (streams.max ${max} x ${mib(prediction.streamBytes)} MiB a stream), ` +
      `more than the ${mib(limit)} MiB of ${limitName}; ${advice}${rips.join('')}`
  )
}

function mib(bytes: number): string {
  const size = bytes / MIB
  return size >= 10 ? String(Math.ceil(size)) : size.toFixed(2)
}
