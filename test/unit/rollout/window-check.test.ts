/** The check must be able to fail: every kind of fault, put into a correct engine, is found. */
import { expect, test } from '@jest/globals'
import { EMISSION, nativeAddon, type AdvanceResult, type NativeAddon } from '../../../lib/native.js'
import {
  checkWindows,
  type CheckResult,
  type ScaleToCheck,
  type Series
} from '../../../lib/rollout/window-check.js'

const POINTS = 700
const values = Float64Array.from(
  { length: POINTS },
  (_, i) => Math.round(20 * Math.sin(i / 9)) + (((i * 7919) % 13) - 6)
)
const series: Series = {
  stream: 'waves',
  count: POINTS,
  channels: 1,
  values,
  timestamps: Float64Array.from(values, (_, i) => i * 1000),
  offsets: Float64Array.from(values, (_, i) => 5 + Math.floor(i / 2)),
  indices: Uint32Array.from(values, (_, i) => i % 2)
}
const scale: ScaleToCheck = {
  name: 'fast',
  filtration: 'sublevel',
  channel: 0,
  window: { count: 50 },
  slide: { count: 1 },
  snapshotEvery: 100,
  maxBytes: 1024
}

function check(
  addon: NativeAddon,
  changes: Partial<ScaleToCheck> = {},
  points: Partial<Series> = {}
): CheckResult {
  const steps = checkWindows(addon, { ...series, ...points }, { ...scale, ...changes } as ScaleToCheck)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** An addon whose `call`-th advance with emissions is altered. */
function faulty(alter: (result: AdvanceResult) => AdvanceResult): NativeAddon {
  const addon = nativeAddon()
  let done = false
  return {
    ...addon,
    engineAdvance(engine, until, discard) {
      const result = addon.engineAdvance(engine, until, discard)
      if (done || until < 500) return result
      done = true
      return alter(result)
    }
  }
}

function edited(array: Float64Array, at: number, value: number): Float64Array {
  const copy = array.slice()
  copy[at] = value
  return copy
}

test.each<[string, Partial<ScaleToCheck>, number]>([
  ['every window by count', {}, 700],
  ['superlevel', { filtration: 'superlevel' }, 700],
  ['windows by time', { window: { spanMs: 30_500 } }, 700],
  ['boundaries by time', { window: { spanMs: 30_500 }, slide: { everyMs: 7000 } }, 100],
  ['every seventh window', { slide: { count: 7 } }, 100],
  ['a window larger than the series', { window: { count: 5000 } }, 700]
])('oracle_engine: %s equals batch', (_name, changes, windows) => {
  expect(check(nativeAddon(), changes)).toEqual({ windows, mismatches: 0, examples: [] })
})

test.each<[string, (result: AdvanceResult) => AdvanceResult, RegExp]>([
  [
    'a birth that is off by one bit',
    (r) => ({ ...r, changes: edited(r.changes, lastAdded(r) + 2, r.changes[lastAdded(r) + 2]! + 2 ** -40) }),
    /is \(.*\), expected \(/
  ],
  [
    'a death that is off',
    (r) => ({ ...r, changes: edited(r.changes, finite(r) + 3, r.changes[finite(r) + 3]! + 1) }),
    /is \(.*\), expected \(/
  ],
  [
    'another death point',
    (r) => ({ ...r, changes: edited(r.changes, finite(r) + 6, r.changes[finite(r) + 6]! + 1) }),
    /dies at point/
  ],
  [
    'a pair too few',
    (r) => ({ ...r, changes: edited(r.changes, removal(r), 2) }),
    /could not be applied: gap/
  ],
  [
    'an update that is lost',
    (r) => ({ ...r, emissions: r.emissions.slice(EMISSION.stride) }),
    /could not be applied: gap/
  ],
  [
    'a wrong window',
    (r) => ({ ...r, emissions: edited(r.emissions, EMISSION.firstOffset, 1) }),
    /window .* expected/
  ],
  [
    'a wrong count of points',
    (r) => ({ ...r, emissions: edited(r.emissions, EMISSION.points, 49) }),
    /window .* expected/
  ],
  [
    'a wrong pair in a snapshot',
    (r) => ({ ...r, snapshots: edited(r.snapshots, 2, -1e9) }),
    /snapshot: pair/
  ],
  [
    'a snapshot of another window',
    (r) => ({ ...r, snapshots: edited(r.snapshots, 4, 0) }),
    /snapshot: no pair/
  ]
])('%s is found', (_name, alter, expected) => {
  const result = check(faulty(alter), { snapshotEvery: 1 })
  expect(result.mismatches).toBeGreaterThan(0)
  expect(result.examples[0]).toMatchObject({ stream: 'waves', scale: 'fast' })
  expect(result.examples[0]!.message).toMatch(expected)
  expect(result.examples.length).toBeLessThanOrEqual(5)
})

test('updates missing at the end, and updates too many, are found', () => {
  const addon = nativeAddon()
  const silent: NativeAddon = {
    ...addon,
    engineAdvance: (engine, until) => addon.engineAdvance(engine, until, true)
  }
  expect(check(silent)).toMatchObject({ windows: POINTS, mismatches: POINTS })
  const eager: NativeAddon = {
    ...addon,
    engineCreate: (stream, config) => addon.engineCreate(stream, { ...config, slide: { count: 1 } })
  }
  const found = check(eager, { slide: { count: 2 } })
  expect(found.examples.at(-1)?.message).toMatch(/expected|too many/)
  expect(found.mismatches).toBeGreaterThanOrEqual(POINTS)
})

test('a boundary of a slide by time that is off is found', () => {
  const alter = (r: AdvanceResult): AdvanceResult => ({
    ...r,
    emissions: edited(r.emissions, EMISSION.boundaryMs, 1)
  })
  expect(check(faulty(alter), { slide: { everyMs: 7000 } }).examples[0]!.message).toMatch(
    /boundary 1, expected \d+/
  )
})

test('a batch computation that disagrees is found: the check has two sides', () => {
  const addon = nativeAddon()
  const wrong: NativeAddon = {
    ...addon,
    seriesBatchDiagram: (points, filtration) =>
      addon.seriesBatchDiagram(points, filtration === 'sublevel' ? 'superlevel' : 'sublevel')
  }
  expect(check(wrong).mismatches).toBeGreaterThan(POINTS / 2)
})

test('nothing to check, and nothing left behind', () => {
  const before = nativeAddon().liveHandles()
  expect(check(nativeAddon(), {}, { count: 0 })).toEqual({ windows: 0, mismatches: 0, examples: [] })
  expect(() => check(nativeAddon(), { channel: 3 })).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT' })
  )
  check(nativeAddon())
  expect(nativeAddon().liveHandles()).toBe(before)
})

const ROW = 8

/** The row of the last pair added by the first emissions. */
function lastAdded({ changes }: AdvanceResult): number {
  return rowWhere(changes, (row) => changes[row] === 1)
}

function finite({ changes }: AdvanceResult): number {
  return rowWhere(changes, (row) => changes[row] === 1 && Number.isFinite(changes[row + 3]))
}

function removal({ changes }: AdvanceResult): number {
  return rowWhere(changes, (row) => changes[row] === 0)
}

function rowWhere(changes: Float64Array, is: (row: number) => boolean): number {
  for (let row = 0; row < changes.length; row += ROW) if (is(row)) return row
  throw new Error('no such change in this step')
}
