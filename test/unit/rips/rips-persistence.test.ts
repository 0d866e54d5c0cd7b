/** Batch persistence through the library: known shapes, every odd input, what it does while it runs. */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { fileURLToPath } from 'node:url'
import { TdaError } from '../../../lib/errors.js'
import { nativeAddon } from '../../../lib/native.js'
import type { RipsDiagram } from '../../../lib/scales/rips-diagram.js'
import { ripsPersistence, type RipsPersistenceOptions } from '../../../lib/scales/rips-persistence.js'
import type { RipsInput } from '../../../lib/scales/rips-input.js'
import { examplesOf } from '../../support/doc-examples.js'

type Bars = [dimension: number, birth: number, death: number][]

function barsOf(diagram: RipsDiagram): Bars {
  const bars = Array.from({ length: diagram.length }, (_, pair): Bars[number] => [
    diagram.dimension(pair),
    diagram.birth(pair),
    diagram.death(pair)
  ])
  return bars.sort((a, b) => a[0] - b[0] || a[1] - b[1] || (a[2] === b[2] ? 0 : a[2] - b[2]))
}

async function failure(input: RipsInput, options?: RipsPersistenceOptions): Promise<string> {
  try {
    await ripsPersistence(input, options)
  } catch (error) {
    if (error instanceof TdaError) return `${error.code} ${error.message}`
    throw error
  }
  return 'no error'
}

/** Shortest paths in a ring of n points. */
function cycle(n: number): number[] {
  return Array.from({ length: n * n }, (_, k) => {
    const apart = Math.abs(Math.floor(k / n) - (k % n))
    return Math.min(apart, n - apart)
  })
}

describe('known answers', () => {
  test('a cycle graph of 18 points has one loop, five shells and one in dimension 3, in every field', async () => {
    for (const modulus of [2, 7]) {
      const diagram = await ripsPersistence({ distances: cycle(18) }, { maxDimension: 3, modulus })
      expect(barsOf(diagram).filter(([dimension]) => dimension > 0)).toEqual([
        [1, 1, 6],
        ...Array.from({ length: 5 }, () => [2, 6, 7]),
        [3, 7, 8]
      ])
    }
  })

  test('an octahedron is a hollow ball until its diagonals enter; stretched, its equator is a loop', async () => {
    const points = [1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1]
    const corners = { points, dimension: 3, metric: 'chebyshev' } as const
    const joined = Array.from({ length: 5 }, () => [0, 0, 1])
    const ball = await ripsPersistence(corners, { maxDimension: 2 })
    expect(barsOf(ball)).toEqual([...joined, [0, 0, Infinity], [2, 1, 2]])
    // In the sum of differences all distances are 2: no time for a ball.
    const flat = await ripsPersistence({ ...corners, metric: 'manhattan' }, { maxDimension: 2 })
    expect(barsOf(flat).filter(([dimension]) => dimension > 0)).toEqual([])
    const stretched = await ripsPersistence({ ...corners, weights: [1, 1, 3] })
    expect(barsOf(stretched).filter(([dimension]) => dimension > 0)).toEqual([[1, 1, 2]])
  })

  test('a square in every form of input and with every thread count is one diagram', async () => {
    const diagonal = Math.fround(Math.sqrt(2))
    const lower = [1, diagonal, 1, 1, diagonal, 1]
    const at = (i: number, j: number): number =>
      i === j ? 0 : lower[(Math.max(i, j) * (Math.max(i, j) - 1)) / 2 + Math.min(i, j)]!
    const full = Array.from({ length: 16 }, (_, k) => at(Math.floor(k / 4), k % 4))
    const inputs: RipsInput[] = [
      { points: [0, 0, 1, 0, 1, 1, 0, 1], dimension: 2 },
      { lowerDistances: lower },
      { distances: full },
      { pointCount: 4, rows: [1, 2, 2, 3, 3, 3], columns: [0, 0, 1, 0, 1, 2], lengths: lower }
    ]
    for (const input of inputs) {
      const diagram = await ripsPersistence(input, { threads: 2 })
      expect(barsOf(diagram)).toEqual([
        [0, 0, 1],
        [0, 0, 1],
        [0, 0, 1],
        [0, 0, Infinity],
        [1, 1, diagonal]
      ])
      const [loop] = diagram.toPairs().filter(({ dimension }) => dimension === 1)
      expect(loop!.birthPoints).toHaveLength(2)
      expect(loop!.deathPoints).toHaveLength(3)
      expect(loop!.id).toBe(`1:${loop!.birthPoints.map(([point]) => `${point}.0`).join('-')}`)
    }
  })

  test('distances that are absent or Infinity never connect', async () => {
    const two = { pointCount: 3, rows: [0], columns: [1], lengths: [2] }
    const bars = [
      [0, 0, 2],
      [0, 0, Infinity],
      [0, 0, Infinity]
    ]
    expect(barsOf(await ripsPersistence(two))).toEqual(bars)
    expect(barsOf(await ripsPersistence({ lowerDistances: [2, Infinity, Infinity] }))).toEqual(bars)
  })

  test('a threshold turns deaths beyond it into Infinity and drops nothing born before', async () => {
    const ring = { distances: cycle(18) }
    const cut = await ripsPersistence(ring, { threshold: 5.5 })
    expect(barsOf(cut).filter(([dimension]) => dimension === 1)).toEqual([[1, 1, Infinity]])
    expect(cut.thresholdUsed).toBe(5.5)
    expect(barsOf(await ripsPersistence(ring, { threshold: 0 }))).toEqual(
      Array.from({ length: 18 }, () => [0, 0, Infinity])
    )
  })
})

test('law: a representative vanishes around every triangle that entered before the death of its class', async () => {
  const modulus = 5
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 36, maxLength: 36 }),
      async (lower) => {
        const diagram = await ripsPersistence({ lowerDistances: lower }, { representatives: true, modulus })
        const length = (i: number, j: number): number => lower[(j * (j - 1)) / 2 + i]!
        for (let pair = 0; pair < diagram.length; pair++) {
          if (diagram.dimension(pair) === 0) {
            expect(diagram.representative(pair)).toEqual([])
            continue
          }
          const terms = diagram.representative(pair)
          expect(terms[0]!.vertices).toEqual(diagram.birthSimplex(pair))
          const value = new Map(terms.map(({ coefficient, vertices }) => [vertices.join(' '), coefficient]))
          const on = (i: number, j: number): number => value.get(`${i} ${j}`) ?? 0
          for (let k = 2; k < 9; k++)
            for (let j = 1; j < k; j++)
              for (let i = 0; i < j; i++) {
                if (Math.max(length(i, j), length(j, k), length(i, k)) >= diagram.death(pair)) continue
                expect((on(j, k) - on(i, k) + on(i, j) + modulus) % modulus).toBe(0)
              }
        }
      }
    ),
    { numRuns: 40, seed: 7 }
  )
})

describe('odd input', () => {
  test('no point, one point, duplicates only', async () => {
    expect(barsOf(await ripsPersistence({ points: [], dimension: 3 }))).toEqual([])
    expect(barsOf(await ripsPersistence({ distances: [] }))).toEqual([])
    for (const input of [{ points: [4, 2], dimension: 2 }, { distances: [0] }, { lowerDistances: [] }])
      expect(barsOf(await ripsPersistence(input))).toEqual([[0, 0, Infinity]])
    expect(barsOf(await ripsPersistence({ points: new Float64Array(20), dimension: 2 }))).toEqual([
      [0, 0, Infinity]
    ])
    expect(barsOf(await ripsPersistence({ points: [1, 1, 1, 3], dimension: 2 }))).toEqual([
      [0, 0, 2],
      [0, 0, Infinity]
    ])
  })

  test('what cannot be right is refused by code, and the place named', async () => {
    const point = { points: [0, 1], dimension: 1 }
    const cases: readonly (readonly [RipsInput, RipsPersistenceOptions, RegExp])[] = [
      [{ points: [0, NaN], dimension: 1 }, {}, /^NON_FINITE_POINT .*point 1: NaN/],
      [
        { points: [0, 0, 1, 1], dimension: 2, metric: 'cosine' },
        {},
        /^NON_FINITE_POINT .*point 0.*no direction/
      ],
      [{ points: [1, 2, 3], dimension: 2 }, {}, /^WRONG_DIMENSION .*3 numbers.*points of 2/],
      [{ points: [1e300, -1e300], dimension: 1 }, {}, /^DISTANCE_OVERFLOW .*scale down/],
      [{ ...point, weights: [-1] }, {}, /^INVALID_ARGUMENT .*weights/],
      [{ ...point, dimension: 0 }, {}, /^INVALID_ARGUMENT dimension/],
      [{ distances: [0, 1, 1] }, {}, /^INVALID_ARGUMENT .*no square matrix/],
      [{ distances: [0, 1, 1, 3] }, {}, /^INVALID_ARGUMENT .*points 1 and 1: a point is at distance 0/],
      [{ distances: [0, 1, 2, 0] }, {}, /^INVALID_ARGUMENT .*points 1 and 0: 2 one way and 1 the other/],
      [{ distances: [0, -1, -1, 0] }, {}, /^INVALID_ARGUMENT .*negative/],
      [{ lowerDistances: [1, 2] }, {}, /^INVALID_ARGUMENT .*no triangle/],
      [{ lowerDistances: [1, NaN, 2] }, {}, /^NON_FINITE_POINT .*points 2 and 0 is NaN/],
      [
        { pointCount: 2, rows: [0], columns: [2], lengths: [1] },
        {},
        /^INVALID_ARGUMENT .*there are 2 points/
      ],
      [
        { pointCount: 2, rows: [0, 1], columns: [1, 0], lengths: [1, 2] },
        {},
        /^INVALID_ARGUMENT .*given twice/
      ],
      [{ pointCount: 2, rows: [0], columns: [0.5], lengths: [1] }, {}, /^INVALID_ARGUMENT columns\[0\]/],
      [{ pointCount: 2, rows: [0], columns: [1], lengths: [] }, {}, /^INVALID_ARGUMENT .*of one length/],
      [point, { modulus: 4 }, /^INVALID_ARGUMENT modulus: expected a prime/],
      [point, { modulus: 32_771 }, /^INVALID_ARGUMENT modulus/],
      [point, { threshold: -1 }, /^INVALID_ARGUMENT threshold/],
      [point, { threshold: NaN }, /^INVALID_ARGUMENT threshold/],
      [point, { maxDimension: 17 }, /^INVALID_ARGUMENT maxDimension/],
      [point, { maxDimension: -1 }, /^INVALID_ARGUMENT maxDimension/],
      [point, { threads: 0 }, /^INVALID_ARGUMENT threads/]
    ]
    for (const [input, options, message] of cases) expect(await failure(input, options)).toMatch(message)
  })

  test('simplices too many to be numbered are refused', async () => {
    const input = { pointCount: 1_000_000, rows: [], columns: [], lengths: [] }
    expect(await failure(input, { maxDimension: 16, memoryMaxBytes: 2 ** 50 })).toMatch(
      /^INVALID_ARGUMENT .*too many to be numbered/
    )
  })

  test('memory: refused with the estimate before it starts, and while it grows', async () => {
    const many = { points: new Float64Array(30_000), dimension: 1 }
    expect(await failure(many)).toMatch(
      /^MEMORY_LIMIT .*needs at least 3434 MiB, more than the 2048 MiB allowed/
    )
    const points = Float64Array.from({ length: 400 }, (_, i) => Math.sin(i * i))
    expect(await failure({ points, dimension: 1 }, { maxDimension: 5, memoryMaxBytes: 2 ** 21 })).toMatch(
      /^MEMORY_LIMIT .*reached the limit in dimension \d, the 2 MiB allowed/
    )
  })
})

describe('while it runs', () => {
  const cloud = { points: Float64Array.from({ length: 4500 }, (_, i) => Math.sin(i * i)), dimension: 3 }

  test('a signal ends it, before and during, and progress is heard', async () => {
    expect(await failure(cloud, { signal: AbortSignal.abort() })).toMatch(/^CANCELLED/)
    const abort = new AbortController()
    const dimensions: number[] = []
    const onProgress = ({ dimension }: { dimension: number }): void => {
      dimensions.push(dimension)
      abort.abort()
    }
    expect(await failure(cloud, { maxDimension: 3, signal: abort.signal, onProgress })).toMatch(/^CANCELLED/)
    expect(dimensions.length).toBeGreaterThan(0)
  })

  test('nothing is left behind', async () => {
    const before = nativeAddon().liveHandles()
    await Promise.all([ripsPersistence({ lowerDistances: [1] }), failure({ lowerDistances: [NaN] })])
    expect(nativeAddon().liveHandles()).toBe(before)
  })

  test('a batch runs once, and its handle is of its own kind', () => {
    const addon = nativeAddon()
    const options = {
      maxDimension: 1,
      modulus: 2,
      threshold: 1,
      threads: 1,
      representatives: false,
      memoryMaxBytes: 2 ** 20
    }
    const batch = addon.batchCreate({ kind: 'lower', numbers: Float64Array.of(1) }, options)
    expect(addon.batchState(batch)).toMatchObject({ dimension: 0, columns: 0, columnsDone: 0 })
    expect(addon.batchRun(batch).pairs).toHaveLength(16)
    expect(() => addon.batchRun(batch)).toThrow(/runs or has run/)
    expect(() => addon.streamState(batch as never)).toThrow(/not a handle of kind "stream"/)
    addon.batchRelease(batch)
    expect(() => addon.batchCancel(batch)).toThrow(/not a handle of kind "batch"/)
  })
})

test('reading a pair that is not there says so', async () => {
  const diagram = await ripsPersistence({ lowerDistances: [1] })
  expect(() => diagram.birth(2)).toThrow('no pair 2 among 2')
})

const source = fileURLToPath(new URL('../../../../lib/scales/rips-persistence.ts', import.meta.url))
for (const { name, code, expected } of examplesOf(source)) {
  test(`example of ${name}`, async () => {
    const printed: string[] = []
    const log = (...values: readonly unknown[]): number => printed.push(values.join(' '))
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the code is our own documentation
    const run = new Function('ripsPersistence', 'console', `return (async () => {\n${code}\n})()`) as (
      call: typeof ripsPersistence,
      console: { log: typeof log }
    ) => Promise<void>
    await run(ripsPersistence, { log })
    expect(expected.length).toBeGreaterThan(0)
    expect(printed).toEqual(expected)
  })
}
