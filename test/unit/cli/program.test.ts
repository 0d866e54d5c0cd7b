/** The command line as a person types it, in this process. */
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { runProgram } from '../../../lib/cli/program.js'
import { verify } from '../../../lib/cli/verify.js'
import type { DiagramMessage, DiagramSnapshot } from '../../../lib/diagram.js'
import { changeStride, nativeAddon, SERIES_LAYOUT, type NativeAddon } from '../../../lib/native.js'
import { DiagramReplica } from '../../../lib/publishers/diagram-replica.js'
import { PairRows } from '../../../lib/scales/diagram-rows.js'
import { fakeTerminal } from '../../support/fake-terminal.js'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tda-cli-'))
})
afterAll(() => rm(folder, { recursive: true }))

interface Answer {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function run(args: readonly string[], input: string | Uint8Array = ''): Promise<Answer> {
  const terminal = fakeTerminal({ input })
  const code = await runProgram(args, terminal)
  return { code, out: terminal.out(), err: terminal.err() }
}

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

const WAVES = Array.from({ length: 900 }, (_, i) => Math.round(50 * Math.sin(i / 7)) + ((i * 7919) % 17))
const CSV = `value\n${WAVES.join('\n')}\n`

describe('usage', () => {
  test.each([
    [['--help'], 0, 'Usage: streaming-tda', ''],
    [['verify', '--help'], 0, 'Usage: streaming-tda verify', ''],
    [['--version'], 0, '0.1.0', ''],
    [[], 2, '', 'Usage: streaming-tda'],
    [['veryfy'], 2, '', "streaming-tda: unknown command 'veryfy'\n(Did you mean verify?)"],
    [['verify'], 2, '', "streaming-tda: missing required argument 'file'"],
    [
      ['verify', 'x', '--evry', '3'],
      2,
      '',
      "streaming-tda: unknown option '--evry'\n(Did you mean --every?)"
    ],
    [['verify', 'x', '--every', '0'], 2, '', 'Expected a whole number from 1'],
    [['verify', 'x', '--config', 'c', '--column', 'v'], 2, '', '--column and --config exclude each other'],
    [['diagram', 'x', '--filtration', 'rips'], 2, '', 'Allowed choices are sublevel, superlevel'],
    [['replay', 'x', '--out', '-'], 2, '', "required option '--config <file>' not specified"],
    [
      ['replay', 'x', '--config', 'c', '--out', '-', '--dead-letters', '-'],
      2,
      '',
      'cannot both be standard output'
    ],
    [
      ['run', '--config', '/nowhere/c.yaml'],
      3,
      '',
      'cannot read the configuration /nowhere/c.yaml: no such file or directory'
    ]
  ])('%p answers %p', async (args, code, out, err) => {
    const answer = await run(args)
    expect(answer).toMatchObject({
      code,
      out: expect.stringContaining(out),
      err: expect.stringContaining(err)
    })
  })

  test('the hidden command that writes the reference', async () => {
    expect((await run(['config-reference'])).out).toMatch(/^# Configuration\n/)
  })

  test('where an error happened is shown only on request', async () => {
    const path = join(folder, 'none.csv')
    const message = `streaming-tda: cannot read ${path}: no such file or directory\n`
    expect((await run(['diagram', path])).err).toBe(message)
    const { err } = await run(['diagram', path, '--debug'])
    expect(err).toContain(message)
    expect(err).toMatch(/\n {4}at .*file-error/)
    expect(err).toContain('caused by Error: ENOENT')
  })
})

describe('verify', () => {
  test('every window of the only numeric column, at three sizes', async () => {
    const { code, out, err } = await run(['verify', await file('waves.csv', CSV)])
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(/^waves +64 +sublevel +64 points +1 point +900 +0 /m)
    expect(out).toMatch(/^waves +4096 +sublevel +4096 points +1 point +900 +0 /m)
    expect(out).toMatch(/^2700 windows checked, 0 mismatches, \d/m)
  })

  test('rows that cannot be used are counted; fewer windows on request', async () => {
    const { code, out, err } = await run(
      ['verify', '-', '--every', '10', '--column', 'v'],
      `u,v\n1,x\n${WAVES.map((v) => `1,${v}`).join('\n')}`
    )
    expect([code, err]).toEqual([0, 'streaming-tda: 1 of 901 rows set aside: 1 unparsable\n'])
    expect(out).toContain('270 windows checked, 0 mismatches')
  })

  test('a wrong diagram is found: exit code 1, and the first windows that differ', async () => {
    const addon = nativeAddon()
    const stride = changeStride(SERIES_LAYOUT)
    const wrong: NativeAddon = {
      ...addon,
      seriesBatchDiagram: (values, filtration) => {
        const rows = addon.seriesBatchDiagram(values, filtration)
        return values.length === 512 ? rows.subarray(0, rows.length - stride) : rows
      }
    }
    const terminal = fakeTerminal()
    expect(await verify(await file('faulty.csv', CSV), { every: 1 }, terminal, wrong)).toBe(1)
    expect(terminal.out()).toMatch(
      /^mismatch: stream "faulty", scale "512", update 512: update: \d+ pairs, expected \d+$/m
    )
    // 389 full windows, and the 512 points that the scale of 4096 holds once; snapshots of 512 count as well.
    expect(terminal.out()).toMatch(/2700 windows checked, 39\d mismatches/)
  })

  test('a configuration says scales, channels, streams and time', async () => {
    const config = await file(
      'verify.yaml',
      `input:
  stream: { from: field, field: id }
  timestamp: { from: field, field: t, unit: s }
  channels: [a, b]
scales:
  - { name: count, window: 20, filtration: superlevel, channel: b }
  - { name: time, window: 30s, slide: 10s, filtration: sublevel, channel: a }
`
    )
    const rows = WAVES.slice(0, 200).map((v, i) => `${i % 3},${i === 100 ? 5 : i},${v},${-v}`)
    const { code, out, err } = await run(
      ['verify', '-', '--config', config],
      `id,t,a,b\n${rows.join('\n')}\n`
    )
    expect([code, err]).toEqual([0, 'streaming-tda: 1 of 200 rows set aside: 1 timestamp_backwards\n'])
    expect(out).toMatch(/^0 +count +superlevel +20 points +1 point +67 +0 /m)
    expect(out).toMatch(/^2 +time +sublevel +30s +1 point +66 +0 /m)
    expect(out).toMatch(/^2 +time +sublevel +30s +10s +19 +0 /m)
  })

  test.each([
    ['', 3, 'stdin is empty; expected a first line with column names'],
    ['value\n', 3, 'stdin has a header but no rows'],
    ['value,w\n1,2\n', 2, 'several numeric columns (value, w)']
  ])('%p cannot be verified', async (input, code, message) => {
    expect(await run(['verify', '-'], input)).toMatchObject({ code, err: expect.stringContaining(message) })
  })

  test('a file whose rows are all bad has nothing to verify', async () => {
    const { code, err } = await run(['verify', '-', '--column', 'value'], 'value\nx\ny\n')
    expect([code, err]).toEqual([
      3,
      'streaming-tda: 2 of 2 rows set aside: 2 unparsable\nstreaming-tda: stdin has no points to verify\n'
    ])
  })
})

describe('diagram', () => {
  const json = async (...args: string[]): Promise<DiagramSnapshot> =>
    JSON.parse((await run(['diagram', ...args, '--json'])).out) as DiagramSnapshot

  test.each([
    ['sublevel', 900],
    ['superlevel', 900],
    ['sublevel', 64],
    ['superlevel', 1]
  ] as const)('oracle_diagram: %s of the last %p points equals batch', async (filtration, last) => {
    const path = await file('waves.csv', CSV)
    const found = await json(
      path,
      '--filtration',
      filtration,
      ...(last === 900 ? [] : ['--last', String(last)])
    )
    const batch = nativeAddon().seriesBatchDiagram(Float64Array.from(WAVES.slice(-last)), filtration)
    const shift = 900 - last
    const expected = new PairRows(batch).toPairs().map((pair) => {
      const [birth, death] = [pair.birthPoints[0]![0] + shift, pair.deathPoints[0]?.[0]]
      return {
        ...pair,
        id: `0:${birth}.0`,
        birthPoints: [[birth, 0]],
        deathPoints: death === undefined ? [] : [[death + shift, 0]]
      }
    })
    expect(found.pairs).toEqual(expected)
    expect(found).toMatchObject({
      type: 'snapshot',
      stream: 'waves',
      scale: last === 900 ? 'all' : `last-${last}`,
      window: { points: last, full: true, first: [shift, 0], last: [899, 0] },
      features: { pairs: expected.length }
    })
  })

  test('a table of the longest pairs for people', async () => {
    const { code, out, err } = await run(
      ['diagram', '-'],
      '\ufeffvalue\r\n3\r\n1\r\n"2"\r\n0\r\nbad\r\n5\r\n'
    )
    expect([code, err]).toEqual([0, 'streaming-tda: 1 of 6 rows set aside: 1 unparsable\n'])
    expect(out.split('\n')).toEqual([
      'stdin, column value, sublevel: 2 pairs in 5 points (rows 0 to 5)',
      expect.stringMatching(/^birth +death +persistence +birth row +death row$/),
      expect.stringMatching(/^ +0 +never +infinite +3$/),
      expect.stringMatching(/^ +1 +2 +1 +1 +2$/),
      ''
    ])
  })

  test('many pairs are cut, and say so', async () => {
    expect((await run(['diagram', await file('waves.csv', CSV)])).out).toMatch(
      /\n\d+ shorter pairs are not shown; --json has all\n$/
    )
  })

  test.each([
    ['', 3],
    ['value\nx\n', 2],
    [new Uint8Array([0, 1, 2, 0xff, 10, 13]), 3],
    ['"value\n1\n', 3]
  ])('%p is an error', async (input, code) => {
    const answer = await run(['diagram', '-'], input)
    expect([answer.code, answer.out]).toEqual([code, ''])
    expect(answer.err).toMatch(/^streaming-tda: stdin.*\n$/)
  })

  test('no points, though the column was named', async () => {
    expect(await run(['diagram', '-', '--column', 'value'], 'value\nx\n')).toMatchObject({
      code: 3,
      err: 'streaming-tda: stdin has no points\n'
    })
  })

  test('a folder is not a file', async () => {
    expect((await run(['diagram', folder])).err).toBe(
      `streaming-tda: cannot read ${folder}: it is a directory\n`
    )
  })
})

describe('replay', () => {
  const CONFIG = `input:
  stream: { from: field, field: id }
  timestamp: { from: field, field: t, unit: s }
  channels: [v]
scales:
  - { name: small, window: 16, filtration: sublevel }
  - { name: large, window: 300, slide: 7, filtration: superlevel }
  - { name: time, window: 40s, slide: 15s, filtration: sublevel, pointsMax: 1000 }
publish: { snapshotEvery: 20, maxBytes: 1024 }
streams: { max: 3 }
pipeline: { recordsMax: 100 }
`
  const rows = WAVES.map((v, i) =>
    i === 400 ? `a,400,"oops, ""x"""` : i === 500 ? 'd,500,1' : `${'abc'[i % 3]},${i},${v}`
  )
  const INPUT = `id,t,v\n${rows.join('\n')}\n`

  async function replayed(args: readonly string[]): Promise<Answer> {
    return run(['replay', '-', '--config', await file('replay.yaml', CONFIG), ...args], INPUT)
  }

  test('law_replay: the same bytes with any number of workers, to a file and to standard output', async () => {
    const out = join(folder, 'updates.ndjson')
    const letters = join(folder, 'letters.ndjson')
    const first = await replayed(['--out', out, '--dead-letters', letters])
    expect(first).toMatchObject({ code: 0, out: '' })
    expect(first.err).toMatch(
      /^streaming-tda: 2 of 900 rows set aside: 1 unparsable, 1 too_many_streams\nstreaming-tda: 900 rows, 898 points, \d+ messages in /
    )
    const bytes = await readFile(out, 'utf8')
    expect(bytes.length).toBeGreaterThan(100_000)
    expect((await replayed(['--out', '-', '--workers', '1'])).out).toBe(bytes)
    expect((await replayed(['--out', '-', '--workers', '3'])).out).toBe(bytes)
    const lines = (await readFile(letters, 'utf8')).trim().split('\n')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ reason: 'unparsable', offset: 400, value: 'a,400,"oops, ""x"""' }),
      expect.objectContaining({ reason: 'too_many_streams', offset: 500, value: 'd,500,1' })
    ])
  })

  test('oracle_replay: applying all updates gives, per stream and scale, the diagram of the last window', async () => {
    const { out } = await replayed(['--out', '-'])
    const replicas = new Map<string, DiagramReplica>()
    for (const line of out.trim().split('\n')) {
      const message = JSON.parse(line) as DiagramMessage
      const name = `${message.stream}/${message.scale}`
      const replica = replicas.get(name) ?? new DiagramReplica()
      replicas.set(name, replica)
      expect(['applied', 'pending']).toContain(replica.apply(message))
    }
    expect([...replicas.keys()].sort()).toEqual([
      'a/large',
      'a/small',
      'a/time',
      'b/large',
      'b/small',
      'b/time',
      'c/large',
      'c/small',
      'c/time'
    ])
    for (const [name, replica] of replicas) {
      const { first, last } = replica.window!
      const window = rows.flatMap((row, offset) => {
        const [id, , value] = row.split(',')
        const inside = id === name[0] && offset >= first[0] && offset <= last[0] && offset !== 400
        return inside ? [{ offset, value: Number(value) }] : []
      })
      const filtration = name.endsWith('large') ? 'superlevel' : 'sublevel'
      const batch = nativeAddon().seriesBatchDiagram(
        Float64Array.from(window, ({ value }) => value),
        filtration
      )
      const expected = new PairRows(batch).toPairs().map(({ birth, death, birthPoints, deathPoints }) => {
        const offsets = [birthPoints, deathPoints].map((points) =>
          points.map(([point]) => window[point]!.offset)
        )
        return [birth, death, ...offsets]
      })
      const found = replica.pairs().map(({ birth, death, birthPoints, deathPoints }) => {
        return [birth, death, birthPoints.map(([offset]) => offset), deathPoints.map(([offset]) => offset)]
      })
      expect([name, found]).toEqual([name, expected])
    }
  })

  test('an output that is a file it reads, or the other output, is refused and left as it is', async () => {
    const [csv, config] = [await file('in.csv', INPUT), await file('replay.yaml', CONFIG)]
    const link = join(folder, 'link.csv')
    await symlink(csv, link)
    for (const outputs of [
      ['--out', csv],
      ['--out', link],
      ['--out', config],
      ['--out', '-', '--dead-letters', csv],
      ['--out', join(folder, 'both'), '--dead-letters', join(folder, '.', 'both')]
    ]) {
      const { code, err } = await run(['replay', csv, '--config', config, ...outputs], '')
      expect([code, err]).toEqual([2, expect.stringMatching(/ are the same file, /)])
    }
    expect(await readFile(csv, 'utf8')).toBe(INPUT)
    const nowhere = ['--out', '/dev/null', '--dead-letters', '/dev/null']
    expect((await run(['replay', csv, '--config', config, ...nowhere], '')).code).toBe(0)
  })

  test('a header alone gives no updates', async () => {
    const { code, out, err } = await run(
      ['replay', '-', '--config', await file('replay.yaml', CONFIG), '--out', '-'],
      'id,t,v\n'
    )
    expect([code, out]).toEqual([0, ''])
    expect(err).toMatch(/^streaming-tda: 0 rows, 0 points, 0 messages/)
  })

  test.each([
    [['--out', '/nowhere/x'], 3, 'cannot write /nowhere/x: no such file or directory'],
    [['--out', '-', '--dead-letters', '/nowhere/y'], 3, 'cannot write /nowhere/y: no such file or directory']
  ])('%p is an error', async (args, code, message) => {
    expect(await replayed(args)).toMatchObject({ code, err: `streaming-tda: ${message}\n` })
  })

  test('a configuration that is wrong, too large, or of another file', async () => {
    const replay = async (config: string): Promise<Answer> =>
      run(['replay', '-', '--config', await file('bad.yaml', config), '--out', '-'], INPUT)
    expect(await replay('scales: 5\n')).toMatchObject({ code: 2, out: '' })
    expect(
      (await replay('scales: 5\n')).err
        .split('\n')
        .filter((line) => !/^streaming-tda: .*bad.yaml:1:\d+: /.test(line))
    ).toEqual([''])
    expect(await replay(CONFIG.replace('max: 3', 'max: 9999999'))).toMatchObject({
      code: 3,
      err: expect.stringContaining('lower streams.max to')
    })
    expect(await replay(CONFIG.replace('[v]', '[w]'))).toMatchObject({
      code: 2,
      err: 'streaming-tda: the configuration needs a CSV column "w"; there are id, t, v\n'
    })
  })

  test('a file that breaks off in a quoted field ends in an error', async () => {
    const config = await file('replay.yaml', CONFIG)
    const answer = await run(['replay', '-', '--config', config, '--out', '-'], `${INPUT}a,"901,1\n`)
    expect(answer).toMatchObject({
      code: 3,
      err: expect.stringContaining('stdin:903: a quoted field is not closed')
    })
  })
})
