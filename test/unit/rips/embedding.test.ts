/** The suggested embedding of known systems, and the command that prints it. */
import { expect, test } from '@jest/globals'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { uniform } from '../../../lib/loadgen/random.js'
import { runProgram } from '../../../lib/cli/program.js'
import { validateConfig } from '../../../lib/config/load.js'
import { TdaError } from '../../../lib/errors.js'
import { suggestEmbedding } from '../../../lib/scales/embedding.js'
import { examplesOf, runExample } from '../../support/doc-examples.js'
import { fakeTerminal } from '../../support/fake-terminal.js'

type State = readonly [number, number, number]

/** x of the Lorenz system (10, 28, 8/3), sampled every 0.01 after a transient, by Runge and Kutta's method. */
function lorenz(count: number): Float64Array {
  const step = 0.01
  const slope = ([x, y, z]: State): State => [10 * (y - x), x * (28 - z) - y, x * y - (8 / 3) * z]
  const moved = (from: State, by: State, factor: number): State => [
    from[0] + factor * by[0],
    from[1] + factor * by[1],
    from[2] + factor * by[2]
  ]
  let state: State = [1, 1, 1]
  const values: number[] = []
  for (let i = 0; i < count + 2000; i++) {
    const k1 = slope(state)
    const k2 = slope(moved(state, k1, step / 2))
    const k3 = slope(moved(state, k2, step / 2))
    const k4 = slope(moved(state, k3, step))
    for (const [k, weight] of [
      [k1, 1],
      [k2, 2],
      [k3, 2],
      [k4, 1]
    ] as const)
      state = moved(state, k, (step * weight) / 6)
    if (i >= 2000) values.push(state[0])
  }
  return Float64Array.from(values)
}

test('shape_the Lorenz system asks for three coordinates, some 0.17 apart', () => {
  const found = suggestEmbedding(lorenz(20_000))
  expect(found).toMatchObject({ dimension: 3, dimensionRule: 'false-neighbours', delayRule: 'first-minimum' })
  expect(found.delay).toBeGreaterThanOrEqual(15)
  expect(found.delay).toBeLessThanOrEqual(19)
  expect(found.caoDimension).toBe(3)
  expect(found.mutualInformation).toHaveLength(101)
  expect(found.dimensions).toHaveLength(10)
})

test('without a minimum in sight the delay is where the information has fallen to 1/e', () => {
  const found = suggestEmbedding(lorenz(5000), { delayMax: 12 })
  expect(found.delayRule).toBe('one-over-e')
  const { delay, mutualInformation } = found
  expect(mutualInformation[delay]).toBeLessThan(mutualInformation[0]! / Math.E)
  expect(mutualInformation[delay - 1]).toBeGreaterThanOrEqual(mutualInformation[0]! / Math.E)
})

test('shape_a sine asks for two coordinates, sampled in step with its period or not', () => {
  for (const period of [40, 20 * Math.PI]) {
    const wave = Float64Array.from({ length: 2000 }, (_, t) => Math.sin((2 * Math.PI * t) / period))
    expect(suggestEmbedding(wave)).toMatchObject({ dimension: 2, caoDimension: 2 })
    expect(suggestEmbedding(wave, { delay: Math.floor(period / 4) })).toMatchObject({
      delayRule: 'given',
      dimension: 2
    })
  }
})

test('shape_noise is called noise, a constant needs one coordinate, a ramp has no minimum', () => {
  const random = uniform(3)
  const noise = suggestEmbedding(Float64Array.from({ length: 3000 }, random))
  expect(noise.dimensionRule).toBe('least-false-neighbours')
  expect(noise.mutualInformation.subarray(1).every((bits) => bits < 0.05)).toBe(true)
  expect(suggestEmbedding(new Float64Array(100))).toMatchObject({ delay: 1, dimension: 1 })
  const ramp = Float64Array.from({ length: 500 }, (_, t) => t)
  expect(suggestEmbedding(ramp, { delayMax: 20 })).toMatchObject({
    delay: 1,
    delayRule: 'none',
    dimension: 1
  })
})

test('what is too short or not finite is refused by code', () => {
  const codeOf = (values: readonly number[], options = {}): string => {
    try {
      suggestEmbedding(values, options)
    } catch (error) {
      if (error instanceof TdaError) return error.code
      throw error
    }
    return 'no error'
  }
  const ramp = Array.from({ length: 100 }, (_, t) => t)
  expect(codeOf(ramp)).toBe('no error')
  expect(codeOf(ramp.slice(0, 24), { delay: 1 })).toBe('no error')
  expect(codeOf(ramp.slice(0, 23), { delay: 1 })).toBe('INVALID_ARGUMENT')
  expect(codeOf(ramp.slice(0, 10))).toBe('INVALID_ARGUMENT')
  expect(codeOf(ramp, { delayMax: 50 })).toBe('INVALID_ARGUMENT')
  expect(codeOf(ramp, { delay: 0 })).toBe('INVALID_ARGUMENT')
  expect(codeOf(ramp, { dimensionMax: 90 })).toBe('INVALID_ARGUMENT')
  expect(codeOf([...ramp, NaN])).toBe('NON_FINITE_POINT')
})

async function embed(
  args: readonly string[],
  input: string
): Promise<{ code: number; out: string; err: string }> {
  const terminal = fakeTerminal({ input })
  const code = await runProgram(['embed', '-', ...args], terminal)
  return { code, out: terminal.out(), err: terminal.err() }
}

test('the command prints suggestion, curves and a scale, or JSON', async () => {
  const rows = Array.from({ length: 600 }, (_, t) => `${t},${Math.sin(t / 10)},${Math.cos(t / 10)}`)
  const file = `time,x,y\n${rows.join('\n')}\n`
  const text = await embed(['--column', 'x', '--delay', '16', '--delay-max', '60'], file)
  expect([text.code, text.err]).toEqual([0, ''])
  expect(text.out).toMatch(
    /^stdin, column x, 600 points\ndelay +16 +\(as given\)\ndimension +2 +\(the fewest/
  )
  expect(text.out).toMatch(/\n16 +\d\.\d{3} +#+ +<- delay\n/)
  expect(text.out).toMatch(/\ncoordinates +false neighbours +E1 +E2\n +1 /)
  expect(text.out).toMatch(
    /scales:\n {2}- name: embedding-1000\n {4}window: 1000\n {4}filtration: rips\n {4}channel: x\n {4}embedding:\n {6}dimension: 2\n {6}delay: 16\n/
  )
  const { scales } = parse(text.out.slice(text.out.indexOf('scales:'))) as { scales: unknown }
  const config = validateConfig({ input: { channels: ['x'] }, scales })
  expect(config.scales[0]).toMatchObject({
    filtration: 'rips',
    embedding: { dimension: 2, delay: 16, stride: 1 }
  })
  const json = await embed(['--column', 'y', '--dimension-max', '3', '--json'], file)
  expect(JSON.parse(json.out)).toMatchObject({
    column: 'y',
    points: 600,
    dimension: 2,
    dimensions: [{}, {}, {}]
  })

  expect(await embed([], file)).toMatchObject({
    code: 2,
    err: expect.stringContaining('several numeric columns (x, y)')
  })
  expect(await embed(['--column', 'z'], file)).toMatchObject({
    code: 2,
    err: expect.stringContaining('no column "z"')
  })
  expect(await embed([], '1\n2\n3\n')).toMatchObject({
    code: 3,
    err: expect.stringContaining('3 values are too few')
  })
  const constant = await embed([], '7\n'.repeat(100))
  expect(constant.out).toMatch(/dimension +1 /)
})

const source = fileURLToPath(new URL('../../../../lib/scales/embedding.ts', import.meta.url))
for (const { name, code, expected } of examplesOf(source)) {
  test(`example of ${name}`, async () => {
    expect(expected.length).toBeGreaterThan(0)
    expect(await runExample(code, { suggestEmbedding })).toEqual(expected)
  })
}
