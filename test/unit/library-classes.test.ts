/** The synchronous library classes: limits, errors, ends of life. What they compute is in test/property. */
import { describe, expect, test } from '@jest/globals'
import { type ErrorCode, TdaError } from '../../lib/errors.js'
import { nativeAddon } from '../../lib/native.js'
import { ChangeRows, PairRows } from '../../lib/scales/diagram-rows.js'
import { IncrementalPersistence } from '../../lib/scales/incremental-persistence.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import { MultiScaleProcessor } from '../../lib/scales/multi-scale-processor.js'
import { MultiScaleWindows } from '../../lib/scales/multi-scale-windows.js'
import { PointRows } from '../../lib/scales/point-rows.js'
import { type DataWindow, SlidingWindow } from '../../lib/scales/sliding-window.js'
import { StreamingTdaProcessor } from '../../lib/scales/streaming-tda-processor.js'
import { UpdateRows } from '../../lib/scales/update-rows.js'

function codeOf(call: () => unknown): ErrorCode | 'no error' {
  try {
    call()
  } catch (error) {
    if (error instanceof TdaError) return error.code
    throw error
  }
  return 'no error'
}

describe('SlidingWindow', () => {
  test('is a DataWindow with a fixed capacity', () => {
    using window: SlidingWindow = new SlidingWindow({ count: 2, dimension: 3 })
    const asInterface: DataWindow = window
    expect([asInterface.capacity, asInterface.dimension, asInterface.size]).toEqual([2, 3, 0])
    expect(asInterface.addPoints([1, 2, 3, 4, 5, 6, 7, 8, 9]).values).toEqual(Float64Array.of(1, 2, 3))
    expect(asInterface.size).toBe(2)
  })

  test('a refused batch leaves no trace, also a long one cut into pieces', () => {
    using window = new SlidingWindow({ count: 3 })
    using wide = new SlidingWindow({ count: 3, dimension: 2 })
    using stamped = new SlidingWindow({ count: 3, timestamps: true })
    const long = (size: number, bad: number): Float64Array => new Float64Array(size).fill(bad, size - 1)
    expect(codeOf(() => window.addPoint(NaN))).toBe('NON_FINITE_POINT')
    expect(codeOf(() => window.addPoints([1, Infinity]))).toBe('NON_FINITE_POINT')
    expect(codeOf(() => window.addPoints(long(10_000, NaN)))).toBe('NON_FINITE_POINT')
    expect(codeOf(() => window.addPoint([1, 2]))).toBe('no error') // two points of dimension 1
    expect(codeOf(() => wide.addPoint(1))).toBe('WRONG_DIMENSION')
    expect(codeOf(() => wide.addPoints(long(10_001, 1)))).toBe('WRONG_DIMENSION')
    expect(codeOf(() => window.addPoint(1, 5))).toBe('INVALID_ARGUMENT')
    expect(codeOf(() => stamped.addPoint(1))).toBe('INVALID_ARGUMENT')
    expect(codeOf(() => stamped.addPoints(long(10_000, 1), [1]))).toBe('INVALID_ARGUMENT')
    expect(codeOf(() => stamped.addPoints(long(10_000, 1), long(10_000, NaN)))).toBe('NON_FINITE_POINT')
    const back = Float64Array.from({ length: 10_000 }, (_, at) => (at === 9_000 ? 3 : at))
    expect(codeOf(() => stamped.addPoints(long(10_000, 1), back))).toBe('TIMESTAMP_BACKWARDS')
    expect([window.size, wide.size, stamped.size]).toEqual([2, 0, 0])
    stamped.addPoint(1, 10)
    expect(codeOf(() => stamped.addPoint(1, 9))).toBe('TIMESTAMP_BACKWARDS')
    expect(codeOf(() => stamped.addPoints(long(10_000, 1), long(10_000, 9).fill(9)))).toBe(
      'TIMESTAMP_BACKWARDS'
    )
    expect(stamped.getPoints().point(0)).toEqual({ number: 0, values: [1], timestamp: 10 })
  })

  test('what is no number is refused, not read as one', () => {
    using window = new SlidingWindow({ count: 3 })
    using persistence = new IncrementalPersistence({ filtration: 'sublevel', capacity: 3 })
    const wrong: unknown[] = [
      undefined,
      7,
      '7',
      [null],
      [1, '2'],
      [[]],
      { length: 1 },
      {},
      new DataView(new ArrayBuffer(8)),
      new BigInt64Array(1)
    ]
    for (const values of wrong as ArrayLike<number>[]) {
      expect(codeOf(() => window.addPoints(values))).toBe('INVALID_ARGUMENT')
      expect(codeOf(() => persistence.addPoints(values))).toBe('INVALID_ARGUMENT')
    }
    for (const value of [null, '1', true, {}] as unknown[] as number[]) {
      expect(codeOf(() => persistence.addPoint(value))).toBe('INVALID_ARGUMENT')
    }
    expect([window.size, persistence.size]).toEqual([0, 0])
  })

  test('a window by time that is full says so', () => {
    using window = new SlidingWindow({ spanMs: 1000, pointsMax: 3 })
    window.addPoints([1, 2, 3], [0, 1, 2])
    expect(codeOf(() => window.addPoint(4, 3))).toBe('CAPACITY_EXCEEDED')
    expect(window.slide(1).values).toEqual(Float64Array.of(1))
    expect(window.addPoint(4, 3).length).toBe(0)
  })

  test('slides by a number of points it has', () => {
    using window = new SlidingWindow({ count: 3 })
    window.addPoints([1, 2])
    for (const wrong of [-1, 0.5, NaN]) expect(codeOf(() => window.slide(wrong))).toBe('INVALID_ARGUMENT')
    expect(codeOf(() => window.slide(3))).toBe('WINDOW_EMPTY')
    expect(window.slide(0).length).toBe(0)
    expect(window.slide(2).length).toBe(2)
    expect(window.size).toBe(0)
    expect(window.getPoints().length).toBe(0)
  })

  test('takes arrays over shared memory as copies', () => {
    using window = new SlidingWindow({ count: 3 })
    const shared = new Float64Array(new SharedArrayBuffer(16))
    shared.set([4, 5])
    window.addPoints(shared)
    expect(window.getPoints().values).toEqual(Float64Array.of(4, 5))
  })
})

describe('PointRows', () => {
  const rows = new PointRows(7, 2, Float64Array.of(1, 2, 3, 4), Float64Array.of(10, 20))

  test('reads values and points, and refuses what is outside', () => {
    expect(rows.length).toBe(2)
    expect(rows.value(1, 1)).toBe(4)
    expect(rows.point(1)).toEqual({ number: 8, values: [3, 4], timestamp: 20 })
    for (const outside of [-1, 2, 0.5]) expect(() => rows.point(outside)).toThrow(RangeError)
    expect(() => rows.value(0, 2)).toThrow(RangeError)
    expect(() => rows.value(2)).toThrow(RangeError)
    expect(() => rows.value(1, -1)).toThrow(RangeError)
  })

  test('joins runs', () => {
    const more = new PointRows(9, 2, Float64Array.of(5, 6), Float64Array.of(30))
    const whole = PointRows.join([rows, more])
    expect([...whole].map(({ number, timestamp }) => [number, timestamp])).toEqual([
      [7, 10],
      [8, 20],
      [9, 30]
    ])
    expect(() => PointRows.join([])).toThrow(RangeError)
  })
})

describe('MultiScaleWindows', () => {
  test('names its scales and refuses others', () => {
    using windows = new MultiScaleWindows({ windows: { a: { count: 1 }, b: { count: 2 } } })
    expect(windows.scales).toEqual(['a', 'b'])
    expect(windows.addPoint(1).get('a')?.length).toBe(0)
    expect(windows.addPoint([2]).get('a')?.values).toEqual(Float64Array.of(1))
    expect(codeOf(() => windows.getPoints('c'))).toBe('INVALID_ARGUMENT')
    expect(codeOf(() => windows.size('c'))).toBe('INVALID_ARGUMENT')
    expect(codeOf(() => new MultiScaleWindows({ windows: {} }))).toBe('INVALID_ARGUMENT')
  })

  test('a long batch goes through in pieces', () => {
    using windows = new MultiScaleWindows({ windows: { a: { count: 10 } }, timestamps: true })
    const values = Float64Array.from({ length: 10_000 }, (_, at) => at)
    expect(windows.addPoints(values, values).get('a')?.length).toBe(9_990)
    expect(windows.addPoint(0, 10_000).get('a')?.point(0).timestamp).toBe(9_990)
  })
})

describe('IncrementalPersistence', () => {
  test('refuses what does not fit, and what is not there', () => {
    using persistence = new IncrementalPersistence({ filtration: 'sublevel', capacity: 3 })
    persistence.addPoints([3, 1])
    expect(codeOf(() => persistence.addPoints([1, 2]))).toBe('CAPACITY_EXCEEDED')
    expect(codeOf(() => persistence.addPoint(NaN))).toBe('NON_FINITE_POINT')
    expect(codeOf(() => persistence.removePoints(3))).toBe('WINDOW_EMPTY')
    for (const wrong of [-1, 0.5, NaN])
      expect(codeOf(() => persistence.removePoints(wrong))).toBe('INVALID_ARGUMENT')
    expect(persistence.removePoints(2).removed()).toEqual(['0:1.0'])
    expect(codeOf(() => persistence.removePoint())).toBe('WINDOW_EMPTY')
    expect(persistence.addPoints([]).length).toBe(0)
    expect(persistence.diagram().length).toBe(0)
    expect(
      persistence
        .addPoint(7)
        .added()
        .map(({ id }) => id)
    ).toEqual(['0:2.0'])
  })
})

test('the largest capacity of all is taken', () => {
  using persistence = new IncrementalPersistence({ filtration: 'sublevel', capacity: 2 ** 30 })
  expect(persistence.addPoint(1).added()).toHaveLength(1)
})

describe('StreamingTdaProcessor', () => {
  test('slides by time, with a boundary for each update', () => {
    using processor = new StreamingTdaProcessor({
      filtration: 'superlevel',
      window: { spanMs: 100, pointsMax: 1000 },
      slide: { everyMs: 50 },
      dimension: 2,
      channel: 1
    })
    const updates = processor.processPoints([0, 1, 0, 3, 0, 2, 0, 5], [10, 50, 51, 300])
    expect(
      [...updates].map((update) => [update.boundaryTimestamp, update.window.points, update.pairs])
    ).toEqual([
      [50, 2, 1],
      [100, 3, 1]
    ])
    expect(updates.at(1).window).toEqual({
      points: 3,
      full: false,
      first: [0, 0],
      last: [2, 0],
      firstTimestamp: 10,
      lastTimestamp: 51
    })
    expect(processor.processPoint([0, 1], 300).length).toBe(0)
    expect(processor.getStatistics()).toMatchObject({ points: 5, windowPoints: 2, updates: 2 })
  })

  test('a batch longer than a piece gives all its updates', () => {
    using processor = new StreamingTdaProcessor({
      filtration: 'sublevel',
      window: { count: 50 },
      slide: { count: 7 }
    })
    const updates = processor.processPoints(
      Float64Array.from({ length: 10_000 }, (_, at) => (at * 7919) % 101)
    )
    expect(updates.length).toBe(Math.floor(10_000 / 7))
    expect(updates.at(1000).sequence).toBe(1001)
    expect([...updates].reduce((sum, { changes }) => sum + changes.length, 0)).toBe(updates.changeCount)
    expect(() => updates.at(-1)).toThrow(RangeError)
    expect(() => updates.at(updates.length)).toThrow(RangeError)
  })

  test('a snapshot comes when asked for', () => {
    using processor = new StreamingTdaProcessor({ filtration: 'sublevel', window: { count: 5 } })
    expect(processor.processPoint(3).at(0).snapshot).toBeNull()
    processor.requestSnapshot()
    expect(processor.processPoint(1).at(0).snapshot?.toPairs()).toEqual([
      { id: '0:1.0', dimension: 0, birth: 1, death: null, birthPoints: [[1, 0]], deathPoints: [] }
    ])
  })
})

describe('rows', () => {
  test('of a filtration with several points per simplex', () => {
    const layout = { birthPoints: 2, deathPoints: 3 }
    const rows = Float64Array.of(
      ...[1, 1, 0.5, 0.75, 3, 0, 9, 2, 3, 0, 9, 2, 11, 0],
      ...[0, 0, 0, Infinity, 3, 0, -1, 0, -1, 0, -1, 0, -1, 0],
      ...[2, 1, 0.5, 0.75, 4, 0, 9, 2, 3, 0, 9, 2, 11, 0]
    )
    const changes = new ChangeRows(rows, layout)
    expect(changes.added()).toEqual([
      {
        id: '1:3.0-9.2',
        dimension: 1,
        birth: 0.5,
        death: 0.75,
        birthPoints: [
          [3, 0],
          [9, 2]
        ],
        deathPoints: [
          [3, 0],
          [9, 2],
          [11, 0]
        ]
      }
    ])
    expect(changes.removed()).toEqual(['0:3.0'])
    expect(changes.moved().map(({ id, death }) => [id, death])).toEqual([['1:4.0-9.2', 0.75]])
    expect(() => changes.kind(3)).toThrow(RangeError)
    expect(() => new PairRows(rows, layout).birth(3)).toThrow(RangeError)
    expect(new UpdateRows([]).length).toBe(0)
  })
})

describe('ends of life', () => {
  test('close frees native memory once, and use after it is UNKNOWN_HANDLE', () => {
    const before = nativeAddon().liveHandles()
    const things = [
      new SlidingWindow({ count: 2 }),
      new MultiScaleWindows({ windows: { a: { count: 2 }, b: { count: 3 } } }),
      new IncrementalPersistence({ filtration: 'sublevel', capacity: 2 }),
      new StreamingTdaProcessor({ filtration: 'sublevel', window: { count: 2 } })
    ]
    expect(nativeAddon().liveHandles()).toBe(before + 9)
    for (const thing of things) {
      thing.close()
      thing.close()
      thing[Symbol.dispose]()
    }
    expect(nativeAddon().liveHandles()).toBe(before)
    const [window, windows, persistence, processor] = things as [
      SlidingWindow,
      MultiScaleWindows,
      IncrementalPersistence,
      StreamingTdaProcessor
    ]
    expect(codeOf(() => window.addPoint(1))).toBe('UNKNOWN_HANDLE')
    expect(codeOf(() => windows.addPoint(1))).toBe('UNKNOWN_HANDLE')
    expect(codeOf(() => persistence.addPoint(1))).toBe('UNKNOWN_HANDLE')
    expect(codeOf(() => processor.processPoint(1))).toBe('UNKNOWN_HANDLE')
  })

  test('a constructor that fails leaves nothing behind', () => {
    const before = nativeAddon().liveHandles()
    const filtration = 'sublevel'
    expect(codeOf(() => new SlidingWindow({ spanMs: 5, pointsMax: 5, timestamps: false }))).toBe(
      'INVALID_ARGUMENT'
    )
    expect(codeOf(() => new SlidingWindow({ count: 0.5 }))).toBe('INVALID_ARGUMENT')
    expect(codeOf(() => new SlidingWindow({ count: 5, dimension: 0 }))).toBe('INVALID_ARGUMENT')
    expect(codeOf(() => new MultiScaleWindows({ windows: { a: { count: 1 }, b: { count: 0 } } }))).toBe(
      'INVALID_ARGUMENT'
    )
    expect(codeOf(() => new IncrementalPersistence({ filtration, capacity: 0 }))).toBe('INVALID_ARGUMENT')
    expect(codeOf(() => new IncrementalPersistence({ filtration: 'up' as 'sublevel', capacity: 1 }))).toBe(
      'INVALID_ARGUMENT'
    )
    expect(codeOf(() => new StreamingTdaProcessor({ filtration, window: { count: 5 }, channel: 3 }))).toBe(
      'INVALID_ARGUMENT'
    )
    expect(nativeAddon().liveHandles()).toBe(before)
  })
})

describe('messages say what to write instead', () => {
  const options = { filtration: 'sublevel', window: { count: 4 } } as const
  const make = (given: object): (() => unknown) => {
    return () => new StreamingTdaProcessor(given as typeof options)
  }

  test('one number for a batch, and numbers that are none', () => {
    using processor = new StreamingTdaProcessor(options)
    using window = new SlidingWindow({ count: 3, dimension: 2 })
    using persistence = new IncrementalPersistence({ filtration: 'sublevel', capacity: 9 })
    expect(() => processor.processPoints(1 as never)).toThrow(
      'expected an array of numbers; for one point use processPoint(1)'
    )
    expect(() => persistence.addPoints(1 as never)).toThrow('for one point use addPoint(1)')
    expect(() => processor.processPoints(['1.5'] as never)).toThrow('found string at index 0')
    for (const point of [
      [null, 1],
      ['1', 2]
    ]) {
      expect(() => window.addPoint(point as never)).toThrow('expected numbers')
    }
    expect(() => processor.processPoints([1, 2, NaN, 3])).toThrow('values: NaN at index 2')
    expect(() => window.addPoints([1, 2, 3, Infinity])).toThrow('values: Infinity at index 3')
    expect(() => persistence.addPoints([NaN])).toThrow('values: NaN at index 0')
    expect(processor.getStatistics().points + window.size + persistence.size).toBe(0)
  })

  test('options of another shape or name', () => {
    expect(make({ ...options, window: 4096 })).toThrow(
      'window: expected { count } or { spanMs, pointsMax }, found 4096'
    )
    expect(make({ ...options, window: { count: 1, spanMs: 2 } })).toThrow('found { count, spanMs }')
    expect(make({ ...options, slide: 4 })).toThrow('slide: expected { count } or { everyMs }, found 4')
    expect(make({ ...options, slides: { count: 1 } })).toThrow(
      'unknown option slides; there are filtration, channel, window, slide,'
    )
    expect(make(undefined as never)).toThrow('expected an object of options, found undefined')
    const embedding = { dimension: 3, lag: 2 }
    expect(make({ ...options, filtration: 'rips', embedding })).toThrow('unknown option lag')
    expect(() => new SlidingWindow({ counts: 3 } as never)).toThrow('unknown option counts')
    expect(() => new SlidingWindow({} as never)).toThrow('expected { count } or')
    expect(() => new MultiScaleWindows({ windows: { a: 3 } } as never)).toThrow('windows.a: expected')
    const scales = { a: { filtration: 'sublevel', window: 4 } }
    expect(() => new MultiScaleProcessor({ scales } as never)).toThrow('scales.a.window: expected')
  })

  test('what was closed is called by its name', () => {
    const processor = new StreamingTdaProcessor(options)
    const window = new SlidingWindow({ count: 3 })
    processor.close()
    window.close()
    expect(codeOf(() => processor.processPoint(1))).toBe('UNKNOWN_HANDLE')
    expect(() => processor.getStatistics()).toThrow('the processor is closed')
    expect(() => window.addPoint(1)).toThrow('the window is closed')
  })

  test('a mesh is connected, not constructed', () => {
    const Constructible = KafkaEventMesh as unknown as new (options: object) => unknown
    expect(() => new Constructible({ brokers: ['a:1'] })).toThrow('KafkaEventMesh.connect')
  })
})
