/** `diagram --filtration rips` as a person runs it: formats, refusals, published answers, Ctrl-C. */
import { describe, expect, test } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { runProgram } from '../../lib/cli/program.js'
import type { PersistencePair } from '../../lib/diagram.js'
import { fakeTerminal } from '../support/fake-terminal.js'
import { testWithData } from '../support/data.js'
import { expectPublished, gudhiBars, type Bar } from '../support/published.js'
import { CTRL_C, hasPseudoTerminals, runOnTerminal } from '../support/pseudo-terminal.js'

interface Answer {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function run(args: readonly string[], input = ''): Promise<Answer> {
  const terminal = fakeTerminal({ input })
  const code = await runProgram(['diagram', ...args], terminal)
  return { code, out: terminal.out(), err: terminal.err() }
}
const rips = (args: readonly string[], input = ''): Promise<Answer> =>
  run(['--filtration', 'rips', ...args], input)

interface Snapshot {
  readonly stream: string
  readonly window: { readonly points: number; readonly first: unknown; readonly last: unknown }
  readonly rips: Readonly<Record<string, unknown>>
  readonly pairs: readonly (PersistencePair & { readonly representative?: readonly unknown[] })[]
}

async function snapshotOf(args: readonly string[], input = ''): Promise<Snapshot> {
  const { code, out, err } = await rips([...args, '--json'], input)
  expect([code, err]).toEqual([0, ''])
  return JSON.parse(out) as Snapshot
}

function barsOf({ pairs }: Snapshot, dimension: number): Bar[] {
  return pairs
    .filter((pair) => pair.dimension === dimension)
    .map(({ birth, death }) => [birth, death ?? Infinity])
}

/** A square whose sides are 1 and whose diagonals are 2: one loop from 1 to 2. */
const squares = {
  'full, commas': '0,1,2,1\n1,0,1,2\n2,1,0,1\n1,2,1,0\n',
  'full, semicolons at the ends too': '0;1;2;1;\n1;0;1;2;\n2;1;0;1;\n1;2;1;0;\n',
  'full, blanks': '0 1 2 1\n1 0 1 2\n2 1 0 1\n1 2 1 0',
  'lower triangle': '1\n2,1\n1,2,1\n',
  'lower triangle that begins with the empty row of point 0': '\n1,\n2, 1,\n1, 2, 1,\n',
  'lower triangle in one line': '1,2,1,1,2,1\n'
}

describe('formats', () => {
  for (const [name, text] of Object.entries(squares)) {
    test(`distance matrix: ${name}`, async () => {
      const found = await snapshotOf(['-', '--distance-matrix'], text)
      expect(barsOf(found, 1)).toEqual([[1, 2]])
      expect(barsOf(found, 0)).toEqual([
        [0, 1],
        [0, 1],
        [0, 1],
        [0, Infinity]
      ])
      expect(found.window).toMatchObject({ points: 4, first: [0, 0], last: [3, 0] })
      expect(found.rips).toEqual({
        maxDimension: 1,
        modulus: 2,
        metric: null,
        threshold: null,
        thresholdUsed: 2
      })
    })
  }

  test('points: with and without names, chosen columns, the newest, rows that cannot be used', async () => {
    const corners = ['0,0', '1,0', '1,1', '0,1']
    const plain = await snapshotOf(['-', '--metric', 'manhattan'], corners.join('\n'))
    expect(barsOf(plain, 1)).toEqual([[1, 2]])
    const named = `time,x,note,y\n${corners.map((row, i) => `${i},${row.replace(',', ',n,')}`).join('\n')}\n`
    expect(barsOf(await snapshotOf(['-', '--metric', 'manhattan'], named), 1)).toEqual([[1, 2]])
    const chosen = await snapshotOf(['-', '--columns', 'y,x', '--metric', 'manhattan'], named)
    expect(barsOf(chosen, 1)).toEqual([[1, 2]])
    const numbered = await snapshotOf(['-', '--columns', '2', '--last', '3'], corners.join('\n'))
    expect(barsOf(numbered, 0)).toEqual([
      [0, 1],
      [0, Infinity]
    ])
    expect(numbered.window).toMatchObject({ points: 3, first: [1, 0] })

    const broken = await rips(
      ['-', '--json', '--metric', 'manhattan'],
      ['NaN,1', ...corners, '1', 'x,1'].join('\n')
    )
    expect(broken.err).toBe(
      'streaming-tda: 3 of 7 rows set aside: 1 non_finite, 1 wrong_dimension, 1 unparsable\n'
    )
    const snapshot = JSON.parse(broken.out) as Snapshot
    expect(barsOf(snapshot, 1)).toEqual([[1, 2]])
    expect(snapshot.window).toMatchObject({ points: 4, first: [1, 0], last: [4, 0] })
  })

  test('representatives name rows, and a table is for people', async () => {
    const { pairs } = await snapshotOf(
      ['-', '--distance-matrix', '--representatives', '--modulus', '3'],
      squares['lower triangle']
    )
    const [loop] = pairs.filter(({ dimension }) => dimension === 1)
    expect(loop!.representative).toEqual([[1, loop!.birthPoints.map(([row]) => row)]])
    const table = await rips(['-', '--distance-matrix'], squares['lower triangle'])
    expect(table.out).toMatch(
      /^stdin, lower distance matrix: 5 pairs \(H0 4, H1 1\) in 4 points\ndimension +birth/
    )
    expect(table.out).toMatch(/ 0 +0 +never +infinite/)
  })
})

test('what cannot be is said in one line, with the exit code', async () => {
  const cases: readonly (readonly [string[], string, number, RegExp])[] = [
    [['-'], '', 3, /stdin is empty/],
    [['-'], 'a,b\n', 3, /no numeric column/],
    [['-', '--columns', 'a'], 'a,b\n', 3, /has no points/],
    [['-', '--columns', 'c'], 'a,b\n1,2\n', 2, /no column "c"; it has a, b/],
    [['-', '--distance-matrix'], '', 3, /has no points/],
    [['-', '--distance-matrix'], '0\n1,0\n2,3,0\n', 3, /leave the diagonal out/],
    [['-', '--distance-matrix'], '1,2\n3,4,5\n', 3, /5 numbers in 2 rows are neither square nor a triangle/],
    [['-', '--distance-matrix'], '0,1\n1,x\n', 3, /row 2: field "number 2" is "x"/],
    [['-', '--distance-matrix'], '0,1\n2,0\n', 3, /2 one way and 1 the other/],
    [['-', '--modulus', '4'], '1,2\n', 3, /expected a prime/],
    [
      ['-', '--memory', '1', '--max-dimension', '2'],
      'x\n' + '1\n'.repeat(1000),
      3,
      /needs at least 4 MiB, more than the 1 MiB/
    ],
    [['-', '--column', 'x'], '1,2\n', 2, /--column belongs to sublevel and superlevel/],
    [['-', '--representatives'], '1,2\n', 2, /--representatives needs --json/],
    [['-', '--distance-matrix', '--metric', 'cosine'], '1\n', 2, /--metric is of points/],
    [['-', '--threshold', '-1'], '1\n', 2, /Expected a number that is not negative/],
    [['/no/such/file'], '', 3, /cannot read \/no\/such\/file: no such file/],
    [['dist'], '', 3, /cannot read dist: it is a directory/]
  ]
  for (const [args, input, code, message] of cases) {
    const answer = await rips(args, input)
    expect([args, answer.code, answer.out]).toEqual([args, code, ''])
    expect(answer.err).toMatch(message)
    expect(answer.err).toMatch(/^streaming-tda: [^\n]*\n$/)
  }
  expect(await run(['-', '--max-dimension', '2'])).toEqual({
    code: 2,
    out: '',
    err: 'streaming-tda: --max-dimension belongs to --filtration rips\n'
  })
})

const onTerminal = hasPseudoTerminals() ? test : test.skip
onTerminal('on a terminal a long computation shows a bar for its dimension, and Ctrl-C ends it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'streaming-tda-'))
  try {
    const rows = Array.from({ length: 1500 }, (_, i) => [1, 2, 3].map((k) => Math.sin(k * i * i)).join(' '))
    writeFileSync(join(folder, 'cloud.txt'), rows.join('\n'))
    const command = `${process.execPath} dist/lib/cli/main.js diagram --filtration rips --max-dimension 3 ${join(folder, 'cloud.txt')}`
    const terminal = runOnTerminal(command)
    await terminal.until(/reducing dimension \d/)
    terminal.press(CTRL_C)
    expect(await terminal.ended).toBe(3)
    expect(terminal.output).toMatch(/streaming-tda: batch persistence: cancelled/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

describe('oracle: diagrams published by others', () => {
  const index = 'persistence/VECTORS.md'
  const beside = (path: string, name: string): string => join(dirname(path), name)
  const numbersOfBars = (found: Snapshot, dimensions: readonly number[]): number[] =>
    dimensions.map((dimension) => barsOf(found, dimension).length)

  testWithData('192 points of a sphere, from the matrix and from the points', index, async (path) => {
    const matrix = beside(path, 'ripser/sphere_3_192.lower_distance_matrix')
    const found = await snapshotOf([matrix, '--distance-matrix', '--max-dimension', '2'])
    const published = beside(path, 'ripser-benchmark/sphere_3_192.gudhi.out.txt')
    for (const dimension of [0, 1, 2])
      expectPublished(barsOf(found, dimension), gudhiBars(published, dimension))
    const points = beside(path, 'ripser-benchmark/sphere_3_192_points.dat')
    expect(numbersOfBars(await snapshotOf([points, '--max-dimension', '2']), [0, 1, 2])).toEqual([192, 53, 1])
  })

  testWithData('1024 orthogonal matrices up to 1.8', index, async (path) => {
    const args = ['--threshold', '1.8', '--max-dimension', '2', '--threads', '2']
    const found = await snapshotOf([beside(path, 'ripser/o3_1024.txt'), ...args])
    const published = beside(path, 'ripser-benchmark/o3_1024.gudhi.out.txt')
    for (const dimension of [0, 1, 2])
      expectPublished(barsOf(found, dimension), gudhiBars(published, dimension))
  })

  testWithData('50 random points of 16 dimensions up to dimension 4', index, async (path) => {
    const args = ['--distance-matrix', '--max-dimension', '4']
    const found = await snapshotOf([beside(path, 'random_50_16_distmat.txt'), ...args])
    expect(numbersOfBars(found, [0, 1, 2, 3, 4])).toEqual([50, 39, 16, 5, 3])
  })

  testWithData('the projective plane depends on the field, in both formats', index, async (path) => {
    for (const file of ['projective_plane.csv', 'projective_plane.lower_distance_matrix']) {
      const args = [beside(path, `ripser/${file}`), '--distance-matrix', '--max-dimension', '2']
      for (const modulus of ['2', '3', '331']) {
        const found = await snapshotOf([...args, '--modulus', modulus])
        const one = modulus === '2' ? [[1, 2]] : []
        expect([barsOf(found, 1), barsOf(found, 2)]).toEqual([one, one])
      }
      expect(barsOf(await snapshotOf([...args, '--threshold', '1']), 1)).toEqual([[1, Infinity]])
    }
  })
})
