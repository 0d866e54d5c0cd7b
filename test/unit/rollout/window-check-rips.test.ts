/** Rips windows against persistent cohomology of each window's own cloud; and that a fault in either is found. */
import { expect, test } from '@jest/globals'
import {
  changeStride,
  nativeAddon,
  RIPS_LAYOUT,
  type AdvanceResult,
  type Metric,
  type NativeAddon,
  type NativeRips
} from '../../../lib/native.js'
import {
  checkWindows,
  type CheckResult,
  type ScaleToCheck,
  type Series
} from '../../../lib/rollout/window-check.js'
import { seeded } from '../../support/pipeline-world.js'
import { ripsOptions } from '../../support/rips-options.js'

const POINTS = 150

/** Two channels; with `levels`, integers from 1, so that nearly all lengths are tied. */
function cloud(levels: number | null): Series {
  const random = seeded(11)
  const values = Float64Array.from({ length: 2 * POINTS }, (_, i) =>
    levels === null ? Math.sin(i / 9) + random() / 3 : 1 + Math.floor(random() * levels)
  )
  return {
    stream: 'cloud',
    count: POINTS,
    channels: 2,
    values,
    timestamps: Float64Array.from({ length: POINTS }, (_, i) => 1000 * i - (i % 3) * 300),
    offsets: Float64Array.from({ length: POINTS }, (_, i) => 7 + Math.floor(i / 2)),
    indices: Uint32Array.from({ length: POINTS }, (_, i) => i % 2)
  }
}

const plain = ripsOptions({ pointsMax: 100 })

function scaleOf(rips: Partial<NativeRips>, rest: Partial<ScaleToCheck> = {}): ScaleToCheck {
  return {
    name: 'loops',
    filtration: 'rips',
    rips: { ...plain, ...rips },
    window: { count: 24 },
    slide: { count: 1 },
    snapshotEvery: 10,
    maxBytes: 4096,
    ...rest
  } as ScaleToCheck
}

function check(addon: NativeAddon, series: Series, scale: ScaleToCheck): CheckResult {
  const steps = checkWindows(addon, series, scale)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

const one = Uint32Array.of(1)
const metrics: readonly Metric[] = ['euclidean', 'manhattan', 'chebyshev', 'cosine']
const cases: readonly (readonly [string, ScaleToCheck, number])[] = [
  ...metrics.map((metric) => [`a cloud, ${metric}`, scaleOf({ metric }), POINTS] as const),
  ['weights', scaleOf({ weights: Float64Array.of(2, 0.25) }), POINTS],
  ['a threshold', scaleOf({ threshold: 1 }), POINTS],
  ['components only', scaleOf({ maxDimension: 0 }, { window: { count: 60 } }), POINTS],
  ['voids', scaleOf({ maxDimension: 2 }, { window: { count: 18 } }), POINTS],
  ['an embedding', scaleOf({ channels: one, embedding: { dimension: 3, delay: 2, stride: 1 } }), POINTS],
  [
    'an embedding with a stride',
    scaleOf({ channels: one, embedding: { dimension: 2, delay: 3, stride: 4 } }, { window: { count: 70 } }),
    POINTS
  ],
  [
    'an embedding by correlation, whose constant vectors are left out',
    scaleOf({ channels: one, metric: 'correlation', embedding: { dimension: 3, delay: 1, stride: 1 } }),
    POINTS
  ],
  ['windows by time', scaleOf({}, { window: { spanMs: 20_500 } }), POINTS],
  ['boundaries by time', scaleOf({}, { window: { spanMs: 20_500 }, slide: { everyMs: 7000 } }), 22]
]

for (const levels of [null, 3]) {
  const series = cloud(levels)
  const ordered = { ...series, timestamps: series.timestamps!.slice().sort() }
  test.each(cases)(`oracle_engine: %s equals batch (${levels ?? 'no'} levels)`, (_name, scale, windows) => {
    expect(check(nativeAddon(), ordered, scale)).toEqual({ windows, mismatches: 0, examples: [] })
  })
}

/** An addon that alters the field `field` of the first added row of dimension `dimension` late in the series. */
function faulty(dimension: number, field: number, change: (number: number) => number): NativeAddon {
  const addon = nativeAddon()
  let done = false
  return {
    ...addon,
    engineAdvance(engine, until, discard): AdvanceResult {
      const result = addon.engineAdvance(engine, until, discard)
      if (done || until < 80) return result
      const changes = result.changes.slice()
      for (let row = 0; row < changes.length && !done; row += changeStride(RIPS_LAYOUT)) {
        if (changes[row] !== 1 || changes[row + 1] !== dimension || changes[row + 3] === Infinity) continue
        changes[row + field] = change(changes[row + field]!)
        done = true
      }
      return { ...result, changes }
    }
  }
}

test.each<[string, number, number, RegExp]>([
  ['a birth of a loop', 1, 2, /is \(.*\), expected \(/],
  ['a death of a loop', 1, 3, /is \(.*\), expected \(/],
  ['a birth edge', 1, 6, /no pair 1:/],
  ['a death of a component', 0, 3, /is \(.*\), expected \(/],
  ['the edge that ends a component', 0, 10, /dies by/],
  ['the triangle that ends a loop', 1, 14, /dies by/]
])('%s that is off is found', (_name, dimension, field, expected) => {
  const result = check(
    faulty(dimension, field, (number) => number + 1),
    cloud(null),
    scaleOf({}, { snapshotEvery: 0 })
  )
  expect(result.mismatches).toBeGreaterThan(0)
  expect(result.examples[0]!.message).toMatch(expected)
})

test('nothing is left behind', () => {
  const before = nativeAddon().liveHandles()
  check(nativeAddon(), cloud(null), scaleOf({}))
  expect(nativeAddon().liveHandles()).toBe(before)
})
