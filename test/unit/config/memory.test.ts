import { expect, test } from '@jest/globals'
import { totalmem } from 'node:os'
import { memoryLimit, predictMemory, requireMemory, ripsCostTexts } from '../../../lib/config/memory.js'
import { nativeAddon } from '../../../lib/native.js'
import { planStream } from '../../../lib/scales/scale-plan.js'
import { configWith } from '../../support/config.js'

/** What one stream really takes at the worst: every second point a local minimum, at last engines that lag: rings full. */
function measured(config: ReturnType<typeof configWith>): { ring: number; engines: number[] } {
  const addon = nativeAddon()
  const plan = planStream(config)
  const stream = addon.streamCreate({
    dimension: plan.channels,
    capacity: plan.ringCapacity,
    timestamps: plan.eventTime,
    logPositions: true
  })
  const engines = plan.scales.map(({ engine }) => addon.engineCreate(stream, engine))
  const highest = engines.map(() => 0)
  const step = 1024
  let ring = 0
  const end = 3 * plan.ringCapacity
  for (let point = 0; point + step <= end + plan.backlogPointsMax; point += step) {
    const row = Float64Array.from({ length: step }, (_, i) => point + i)
    const values = Float64Array.from(
      { length: step * plan.channels },
      (_, i) => (Math.floor(i / plan.channels) % 2 === 0 ? -1 : 1) * ((i * 7919) % 1009)
    )
    addon.streamAppend(stream, values, plan.eventTime ? row : null, row, new Uint32Array(step))
    engines.forEach((engine, i) => {
      if (point < end - step) addon.engineAdvance(engine, point + step, true)
      highest[i] = Math.max(highest[i]!, addon.engineState(engine).bytes)
    })
    ring = Math.max(ring, addon.streamState(stream).bytes)
  }
  engines.forEach((engine) => addon.engineRelease(engine))
  addon.streamRelease(stream)
  return { ring, engines: highest }
}

test.each([
  ['a small window', {}, [{ window: 64 }]],
  [
    'odd sizes and slides',
    {},
    [
      { window: 1000, slide: 7 },
      { window: 5000, slide: 5000 }
    ]
  ],
  ['a large window', {}, [{ window: 65_536, slide: 100 }]],
  [
    'many channels and event time',
    { channels: ['value', 'b', 'c', 'd', 'e'], timestamp: { from: 'record' } },
    [{ window: 4096 }]
  ],
  ['a window by time', { timestamp: { from: 'record' } }, [{ window: '3s', slide: '1s', pointsMax: 3000 }]]
])('law_memory: %s takes no more than predicted, and not half of it', (_name, input, scales) => {
  const config = configWith(input, {
    scales: scales.map((scale, i) => ({ name: `s${i}`, filtration: 'sublevel', channel: 'value', ...scale }))
  })
  const prediction = predictMemory(config)
  const { ring, engines } = measured(config)
  expect(ring).toBeLessThanOrEqual(prediction.ringBytes)
  expect(ring).toBeGreaterThan(prediction.ringBytes / 2)
  engines.forEach((bytes, i) => expect(bytes).toBeLessThanOrEqual(prediction.engineBytes[i]!))
  expect(prediction.totalBytes).toBe(1000 * prediction.streamBytes)
})

test('what does not fit is refused with the prediction and what to lower', () => {
  const large = { name: 'large', window: 1_000_000, filtration: 'sublevel' }
  expect(() => requireMemory(configWith({}, { scales: [large], limits: { memoryMiB: 500 } }))).toThrow(
    expect.objectContaining({
      code: 'MEMORY_LIMIT',
      message:
        'the windows may need 62386 MiB (streams.max 1000 x 63 MiB a stream), more than the 500 MiB of limits.memoryMiB; ' +
        'lower streams.max to 8, make the window smaller (most is for scale "large"), or raise limits.memoryMiB'
    })
  )
  expect(() => requireMemory(configWith({}, { scales: [large], limits: { memoryMiB: 5 } }))).toThrow(
    'not even one stream fits'
  )
  const byTime = { name: 'hour', window: '1h', filtration: 'sublevel' }
  const input = { timestamp: { from: 'record' } }
  expect(() => requireMemory(configWith(input, { scales: [byTime] }), 1 << 30)).toThrow(
    'lower pointsMax (most is for scale "hour")'
  )
  requireMemory(configWith({}, { limits: { memoryMiB: 500 } }))
})

test('the default limit is most of what the process may have', () => {
  expect(memoryLimit(configWith())).toBeLessThanOrEqual(0.7 * totalmem())
  expect(memoryLimit(configWith())).toBeGreaterThan(0)
  expect(memoryLimit(configWith({}, { limits: { memoryMiB: 3 } }))).toBe(3 << 20)
})

test.each([
  ['loops', { window: 120 }],
  ['components', { window: 200, maxDimension: 0 }],
  ['an embedding', { window: 200, channel: 'a', embedding: { dimension: 3, delay: 2, stride: 3 } }]
])('law_memory: a Rips scale with %s takes no more than predicted', (_name, scale) => {
  const channels = ['a', 'b', 'c']
  const config = configWith(
    { channels },
    { scales: [{ name: 'rips', filtration: 'rips', ...scale }], streams: { max: 1 } }
  )
  const { engines } = measured(config)
  const [predicted] = predictMemory(config).engineBytes
  expect(engines[0]).toBeLessThanOrEqual(predicted!)
  expect(engines[0]).toBeGreaterThan(predicted! / 5)
  expect(ripsCostTexts(config)).toEqual([
    expect.stringMatching(/^scale "rips": a cloud of \d+ points, .* MiB, about .* ms a point$/)
  ])
})

test('a Rips window that cannot fit is refused with what it would take', () => {
  const scales = [{ name: 'huge', filtration: 'rips', window: 30_000 }]
  expect(() =>
    requireMemory(configWith({}, { scales, streams: { max: 1 }, limits: { memoryMiB: 4096 } }))
  ).toThrow(
    /not even one stream fits.*scale "huge".*Predicted for scale "huge": a cloud of 30001 points, \d+ MiB, about 150 ms a point/s
  )
})

test('a window whose simplices of H2 cannot fit is refused with what they would take', () => {
  const scales = [{ name: 'voids', filtration: 'rips', window: 2000, maxDimension: 2 }]
  expect(() =>
    requireMemory(configWith({}, { scales, streams: { max: 1 }, limits: { memoryMiB: 4096 } }))
  ).toThrow(
    /not even one stream fits.*scale "voids".*a cloud of 2001 points, \d{5} MiB, about \d+ ms a point/s
  )
  const small = [{ name: 'voids', filtration: 'rips', window: 100, maxDimension: 2 }]
  requireMemory(configWith({}, { scales: small, streams: { max: 1 }, limits: { memoryMiB: 16 } }))
})

test('the figures of the reference are right', () => {
  const scales = [{ name: 'r', filtration: 'rips', window: 1000 }]
  const bytes = predictMemory(configWith({ channels: ['a', 'b', 'c'] }, { scales })).engineBytes[0]!
  expect(bytes / 2 ** 20).toBeGreaterThan(20)
  expect(bytes / 2 ** 20).toBeLessThan(30)
})
