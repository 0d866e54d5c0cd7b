/** Rips scales in a configuration: what becomes of their options, and every combination that is refused. */
import { describe, expect, test } from '@jest/globals'
import { parseConfig, validateConfig } from '../../../lib/config/load.js'
import { RIPS_POINTS_MAX, VOIDS_POINTS_MAX } from '../../../lib/config/rips-checks.js'
import type { TdaError } from '../../../lib/errors.js'
import { nativeAddon } from '../../../lib/native.js'
import { planStream, scaleFiltration } from '../../../lib/scales/scale-plan.js'

const channels = ['a', 'b', 'c']
const input = { channels, timestamp: { from: 'record' } }
const filtrationOf = (scale: object): unknown => {
  const config = validateConfig({ input, scales: [{ name: 'r', window: 50, filtration: 'rips', ...scale }] })
  return scaleFiltration(config.scales[0]!, channels)
}

test('defaults: the cloud of all channels, euclidean, components and loops', () => {
  expect(filtrationOf({})).toEqual({
    filtration: 'rips',
    rips: {
      channels: Uint32Array.of(0, 1, 2),
      embedding: null,
      metric: 'euclidean',
      weights: null,
      maxDimension: 1,
      threshold: Infinity,
      pointsMax: 16_384
    }
  })
})

test('every option arrives', () => {
  expect(
    filtrationOf({
      channels: ['c', 'a'],
      metric: 'manhattan',
      weights: [2, 0],
      maxDimension: 0,
      threshold: 1.5,
      window: '10s',
      pointsMax: 80
    })
  ).toEqual({
    filtration: 'rips',
    rips: {
      channels: Uint32Array.of(2, 0),
      embedding: null,
      metric: 'manhattan',
      weights: Float64Array.of(2, 0),
      maxDimension: 0,
      threshold: 1.5,
      pointsMax: 80
    }
  })
  expect(filtrationOf({ channel: 'b', embedding: { dimension: 3, delay: 4 } })).toMatchObject({
    rips: { channels: Uint32Array.of(1), embedding: { dimension: 3, delay: 4, stride: 1 } }
  })
})

describe('refused', () => {
  const problems = (scale: string): string => {
    const text = `input: { channels: [a, b, c], timestamp: { from: record } }
scales:
  - { name: r, window: 50, ${scale} }
`
    try {
      parseConfig(text, 'c.yaml', 'library')
    } catch (error) {
      expect((error as TdaError).code).toBe('CONFIG_INVALID')
      return (error as TdaError).message
    }
    throw new Error('the configuration was taken')
  }

  test.each([
    ['channels: [a]', 'channels: only with filtration: rips, but filtration is "sublevel"'],
    ['embedding: { dimension: 2 }', 'embedding: only with filtration: rips'],
    ['metric: cosine', 'metric: only with filtration: rips'],
    ['weights: [1]', 'weights: only with filtration: rips'],
    ['maxDimension: 1', 'maxDimension: only with filtration: rips'],
    ['threshold: 1', 'threshold: only with filtration: rips']
  ])('level sets with %s', (option, message) => {
    expect(problems(`filtration: sublevel, channel: a, ${option}`)).toContain(message)
  })

  test.each([
    ['channel: a', 'channel: only with an embedding; the channels of a cloud are `channels`'],
    ['channels: [a, d]', 'channels[1]: expected one of input.channels (a, b, c), found "d"'],
    ['channels: [a, a]', 'channels[1]: "a" is there already'],
    ['channels: []', 'channels: expected a list of at least 1 entries, found an empty list'],
    ['channels: [a], channel: a, embedding: { dimension: 2 }', 'channels: not with an embedding'],
    ['embedding: { dimension: 2 }', 'channel: expected one of input.channels (a, b, c), found nothing'],
    ['channel: a, embedding: {}', 'embedding.dimension: expected a number, found nothing'],
    ['channel: a, embedding: { dimension: 2, lag: 1 }', 'embedding.lag: unknown key'],
    ['channel: a, embedding: { dimension: 8, delay: 8 }', 'window: expected more than 56'],
    ['metric: hamming', 'metric: expected one of "euclidean"'],
    ['channels: [a], metric: correlation', 'correlation needs points of at least 2 coordinates'],
    ['weights: [1, 2]', 'weights: expected a factor for each of the 3 coordinates, found a list of 2'],
    ['weights: [0, 0, 0]', 'weights: expected at least one above 0, found only zeros'],
    ['weights: [1, -1, 1]', 'weights[1]: expected at least 0, found -1'],
    ['maxDimension: 3', 'maxDimension: expected 0, 1 or 2 (for dimension 3 and above, compute whole windows'],
    ['threshold: -1', 'threshold: expected at least 0, found -1']
  ])('rips with %s', (option, message) => {
    expect(problems(`filtration: rips, ${option}`)).toContain(message)
  })

  test('a window with more points than an engine takes', () => {
    const scales = (rest: object): object => ({
      input,
      scales: [{ name: 'r', filtration: 'rips', ...rest }]
    })
    expect(() => validateConfig(scales({ window: '1h', pointsMax: 1_000_000 }))).toThrow(
      'scales[0].pointsMax: a Rips window holds at most 32767 points, and 1000000 samples would give 1000000'
    )
    expect(() => validateConfig(scales({ window: RIPS_POINTS_MAX + 1 }))).toThrow('lower window')
    expect(() => validateConfig(scales({ window: VOIDS_POINTS_MAX + 1, maxDimension: 2 }))).toThrow(
      'a Rips window with maxDimension: 2 holds at most 5791 points'
    )
    expect(validateConfig(scales({ window: RIPS_POINTS_MAX })).scales).toHaveLength(1)
  })
})

test('the most points a configuration may ask for is the most the core takes, with the one that enters', () => {
  const addon = nativeAddon()
  expect(addon.ripsPredictBytes(RIPS_POINTS_MAX + 1, 3, 1)).toBeGreaterThan(2 ** 30)
  expect(() => addon.ripsPredictBytes(RIPS_POINTS_MAX + 2, 3, 1)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT' })
  )
  expect(addon.ripsPredictBytes(VOIDS_POINTS_MAX + 1, 3, 2)).toBeGreaterThan(2 ** 30)
  expect(() => addon.ripsPredictBytes(VOIDS_POINTS_MAX + 2, 3, 2)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT' })
  )
})

test('the plan knows which streams have a gate, and the layout of each scale', () => {
  const config = validateConfig({
    input,
    scales: [
      { name: 's', window: 10, filtration: 'sublevel', channel: 'a' },
      { name: 'r', window: 10, filtration: 'rips' }
    ]
  })
  const plan = planStream(config)
  expect(plan.gated).toBe(true)
  expect(plan.scales.map(({ layout }) => layout.deathPoints)).toEqual([1, 4])
  expect(planStream({ ...config, scales: config.scales.slice(0, 1) }).gated).toBe(false)
})
