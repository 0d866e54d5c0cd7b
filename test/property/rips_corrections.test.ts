/** Points of a cloud that are added, removed and moved anywhere: after every call the diagram equals batch persistence. */
import { describe, expect, test } from '@jest/globals'
import type { PersistencePair } from '../../lib/diagram.js'
import { TdaError } from '../../lib/errors.js'
import { uniform } from '../../lib/loadgen/random.js'
import { type Metric, METRICS, nativeAddon } from '../../lib/native.js'
import { prepared } from '../../lib/rollout/plain-metric.js'
import { windowTwin } from '../../lib/rollout/window-twin.js'
import type { ChangeRows } from '../../lib/scales/diagram-rows.js'
import { nativeFiltration, type RipsOptions } from '../../lib/scales/filtration.js'
import { IncrementalPersistence } from '../../lib/scales/incremental-persistence.js'

const CAPACITY = 24
const CHANNELS = 3

/** A consumer that knows nothing but the changes. */
class Replica extends Map<string, PersistencePair> {
  take(changes: ChangeRows): void {
    for (const id of changes.removed()) expect(this.delete(id)).toBe(true)
    for (const pair of changes.added()) {
      expect(this.has(pair.id)).toBe(false)
      this.set(pair.id, pair)
    }
    for (const moved of changes.moved()) this.set(moved.id, { ...this.get(moved.id)!, ...moved })
  }
}

/** The cloud as it should be: coordinates by number. */
class Cloud extends Map<number, readonly number[]> {
  readonly #filtration

  constructor(options: RipsOptions) {
    super()
    this.#filtration = nativeFiltration(options, CHANNELS, CAPACITY)
  }

  get numbers(): number[] {
    return [...this.keys()].sort((a, b) => a - b)
  }

  /** In what the diagram of these points differs from the replica. */
  difference(replica: Replica): string | null {
    const numbers = this.numbers
    const series = {
      count: numbers.length,
      channels: CHANNELS,
      values: Float64Array.from(numbers.flatMap((number) => this.get(number)!)),
      offsets: Float64Array.from(numbers),
      indices: new Uint32Array(numbers.length)
    }
    const twin = windowTwin(nativeAddon(), series, this.#filtration)
    twin.compute({ first: 0, last: numbers.length - 1, full: false, boundary: null })
    return twin.difference(replica)
  }
}

function codeOf(call: () => unknown): string {
  try {
    call()
    return 'no error'
  } catch (error) {
    if (error instanceof TdaError) return error.code
    throw error
  }
}

/** Steps of which a third adds, and the others remove, move or bring back any point; `levels` > 0: ties and duplicates. */
function walk(options: RipsOptions, levels: number, steps: number, seed: number): Set<string> {
  const random = uniform(seed)
  const below = (end: number): number => Math.floor(random() * end)
  const point = (): number[] =>
    Array.from({ length: CHANNELS }, () => (levels > 0 ? below(levels) : 4 * random() - 2))
  using persistence = new IncrementalPersistence({ ...options, dimension: CHANNELS, capacity: CAPACITY })
  const cloud = new Cloud(options)
  const replica = new Replica()
  const removed = new Set<number>()
  const seen = new Set<string>()
  let next = 0

  const taken = (values: readonly number[]): boolean =>
    prepared(values, options.metric ?? 'euclidean', null) !== null
  const add = (): void => {
    const values = point()
    const first = cloud.numbers[0] ?? next
    if (next - first === CAPACITY) {
      expect(codeOf(() => persistence.addPoint(values))).toBe('CAPACITY_EXCEEDED')
      seen.add('full')
      remove(first)
      return
    }
    if (!taken(values)) {
      expect(codeOf(() => persistence.addPoint(values))).toBe('NON_FINITE_POINT')
      return
    }
    expect(persistence.nextPoint).toBe(next)
    replica.take(persistence.addPoint(values))
    cloud.set(next, values)
    next += 1
  }
  const remove = (number: number): void => {
    const oldest = number === cloud.numbers[0]
    replica.take(oldest && random() < 0.5 ? persistence.removePoint() : persistence.removePoint(number))
    cloud.delete(number)
    removed.add(number)
    seen.add(oldest ? 'oldest' : 'removed')
    expect(codeOf(() => persistence.removePoint(number))).toBe('POINT_NOT_RETAINED')
  }
  const move = (number: number): void => {
    const values = point()
    const [first = next] = cloud.numbers
    if (number < first) {
      expect(codeOf(() => persistence.movePoint(number, values))).toBe('POINT_NOT_RETAINED')
      seen.add('gone')
      return
    }
    if (!taken(values)) {
      expect(codeOf(() => persistence.movePoint(number, values))).toBe('NON_FINITE_POINT')
      return
    }
    replica.take(persistence.movePoint(number, values))
    seen.add(removed.delete(number) ? 'brought back' : 'moved')
    cloud.set(number, values)
  }
  const removeOldest = (): void => {
    const count = Math.min(below(4), cloud.size)
    const leaving = cloud.numbers.slice(0, count)
    replica.take(persistence.removePoints(count))
    for (const number of leaving) cloud.delete(number)
  }

  for (let step = 0; step < steps; step++) {
    const kind = random()
    const numbers = cloud.numbers
    const some = numbers[below(numbers.length)]
    if (some === undefined || kind < 0.45) add()
    else if (kind < 0.6) remove(some)
    else if (kind < 0.8) move(some)
    else if (kind < 0.95) move([...removed][below(removed.size)] ?? some)
    else removeOldest()
    expect(persistence.size).toBe(cloud.size)
    expect(cloud.difference(replica)).toBeNull()
    const present = new Replica(
      persistence
        .diagram()
        .toPairs()
        .map((pair) => [pair.id, pair])
    )
    expect([...present].sort()).toEqual([...replica].sort())
  }
  return seen
}

describe.each<Metric>(METRICS)('oracle: %s', (metric) => {
  test.each([0, 1, 2] as const)(
    'corrected clouds equal batch after every call, up to H%i',
    (maxDimension) => {
      const seen = new Set<string>()
      for (const levels of [0, 2, 4]) {
        for (const kind of walk({ filtration: 'rips', metric, maxDimension }, levels, 90, 7 + levels)) {
          seen.add(kind)
        }
      }
      expect([...seen].sort()).toEqual(['brought back', 'full', 'gone', 'moved', 'oldest', 'removed'])
    }
  )
})

test('oracle: corrected clouds with a threshold and weights of 1 equal batch', () => {
  walk({ filtration: 'rips', threshold: 1.5, weights: [1, 1, 1] }, 3, 200, 3)
})

describe('what cannot be corrected', () => {
  test('a series and a delay embedding lose their oldest point only', () => {
    using series = new IncrementalPersistence({ filtration: 'sublevel', capacity: 9 })
    using embedded = new IncrementalPersistence({
      filtration: 'rips',
      capacity: 9,
      embedding: { dimension: 2 }
    })
    for (const persistence of [series, embedded]) {
      persistence.addPoints([1, 3, 2, 5])
      expect(codeOf(() => persistence.removePoint(2))).toBe('INVALID_ARGUMENT')
      expect(codeOf(() => persistence.movePoint(0, [2]))).toBe('INVALID_ARGUMENT')
      expect(() => persistence.removePoint(2)).toThrow(/Rips cloud without an embedding/)
      expect(persistence.removePoint(0).length).toBeGreaterThan(0)
      expect(persistence.size).toBe(3)
    }
  })

  test('points that are not there, and values that are none, change nothing', () => {
    using cloud = new IncrementalPersistence({ filtration: 'rips', dimension: 2, capacity: 5 })
    expect(codeOf(() => cloud.removePoint())).toBe('WINDOW_EMPTY')
    expect(() => cloud.removePoint(0)).toThrow(/point 0 is not present; none is/)
    cloud.addPoints([0, 0, 1, 0, 1, 1])
    const before = cloud.diagram().toPairs()
    expect(() => cloud.movePoint(3, [0, 0])).toThrow(/point 3 is not present; those from 0 to 2 are/)
    for (const number of [-1, 0.5, NaN, '1', null]) {
      expect(codeOf(() => cloud.removePoint(number as number))).toBe('INVALID_ARGUMENT')
      expect(codeOf(() => cloud.movePoint(number as number, [1, 1]))).toBe('INVALID_ARGUMENT')
    }
    expect(codeOf(() => cloud.movePoint(1, [1]))).toBe('WRONG_DIMENSION')
    expect(codeOf(() => cloud.movePoint(1, [1, 2, 3, 4]))).toBe('WRONG_DIMENSION')
    expect(codeOf(() => cloud.movePoint(1, [1, NaN]))).toBe('NON_FINITE_POINT')
    expect(codeOf(() => cloud.movePoint(1, [1, 2e38]))).toBe('DISTANCE_OVERFLOW')
    expect(codeOf(() => cloud.movePoint(1, 7 as unknown as number[]))).toBe('INVALID_ARGUMENT')
    expect([cloud.size, cloud.diagram().toPairs()]).toEqual([3, before])
    cloud.close()
    expect(codeOf(() => cloud.removePoint(1))).toBe('UNKNOWN_HANDLE')
    expect(codeOf(() => cloud.movePoint(1, [0, 0]))).toBe('UNKNOWN_HANDLE')
  })
})

test('a class whose birth edge lives keeps its id, also when a point of it was moved', () => {
  using cloud = new IncrementalPersistence({ filtration: 'rips', dimension: 2, capacity: 9 })
  cloud.addPoints([0, 0, 1, 0, 1, 1, 0, 1])
  const [loop] = cloud
    .diagram()
    .toPairs()
    .filter(({ dimension }) => dimension === 1)
  const changes = cloud.movePoint(3, [-0.125, 1])
  expect(changes.removed()).toContain(loop!.id)
  expect(changes.added()).toContainEqual(expect.objectContaining({ id: loop!.id, birth: 1.125 }))
  expect(changes.moved().every(({ id }) => id.startsWith('0:'))).toBe(true)
})
