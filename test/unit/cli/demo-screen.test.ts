import { expect, test } from '@jest/globals'
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import type { PersistencePair } from '../../../lib/diagram.js'
import { largestBars, renderScreen, type ScreenState } from '../../../lib/cli/demo/screen.js'

const pair = (id: number, birth: number, death: number | null): PersistencePair => ({
  id: `0:${id}.0`,
  dimension: 0,
  birth,
  death,
  birthPoints: [[id, 0]],
  deathPoints: death === null ? [] : [[id + 1, 0]]
})

function stateOf(scales: number, pairs: readonly PersistencePair[]): ScreenState {
  const names = ['temperature-64', 'temperature-4096', 'loops-256', 'cycles-256', 'x', 'y', 'z']
  const streams = ['mote-1', 'mote-2', 'mote-3', 'mote-4']
  return {
    where: ['results: topic tda.diagrams on 127.0.0.1:65535', 'metrics: http://127.0.0.1:9464/metrics'],
    total: 18_914,
    published: 9_500,
    seen: 9_457,
    updates: 123_456,
    rejected: 0,
    pointsPerSecond: 123_456,
    latency: { p50Ms: 1234.5, p99Ms: 12_345.6 },
    eventTimeMs: Date.UTC(2010, 4, 9, 3),
    ended: false,
    rows: streams.flatMap((stream) =>
      names
        .slice(0, scales)
        .map((scale) => ({ stream, scale, points: 4096, full: true, sequence: 18_914, pairs }))
    )
  }
}

const linesOf = (state: ScreenState, columns: number, rows: number): string[] =>
  stripVTControlCharacters(renderScreen(state, { columns, rows })).split('\n')

test('the screen of four streams and four scales fits a terminal of 80 x 24 whole', () => {
  const lines = linesOf(stateOf(4, [pair(1, 100.25, 200.5), pair(2, -30, 180), pair(3, 1, null)]), 80, 24)
  expect(lines.length).toBeLessThanOrEqual(23)
  expect(Math.max(...lines.map((line) => line.trimEnd().length))).toBeLessThanOrEqual(80)
  expect(lines.find((line) => line.startsWith('mote-1'))).toContain('-30.0 ▇▇▇▇ 180.0  100.3 ▇▇   200.5')
  expect(lines.filter((line) => /temperature-|loops-|cycles-/.test(line))).toHaveLength(16)
  expect(lines.join('\n')).not.toContain('more;')
})

test('a low terminal says how many rows it cannot show', () => {
  const lines = linesOf(stateOf(7, []), 80, 16)
  expect(lines.length).toBeLessThanOrEqual(15)
  const shown = lines.filter((line) =>
    /^(mote|\s+)\S* *(temperature-|loops-|cycles-|[xyz] )/.test(line)
  ).length
  expect(lines.find((line) => line.includes('more;'))).toContain(`${28 - shown} more`)
})

test('a row shows its longest bars first, with the longest of its channel as the measure', () => {
  const lines = linesOf(stateOf(1, [pair(1, 20, 21), pair(2, 10, 15), pair(3, 5, null)]), 120, 30)
  expect(lines.find((line) => line.startsWith('mote-1'))).toContain('10.00 ▇▇▇▇ 15.00  20.00 ▇    21.00')
})

test('oracle_largest bars are those of a full sort', () => {
  const pairs = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 })), {
    maxLength: 30
  })
  fc.assert(
    fc.property(pairs, fc.integer({ min: 1, max: 6 }), (raw, limit) => {
      const diagram = raw.map(([birth, length], id) => pair(id, birth, length === 0 ? null : birth + length))
      const sorted = diagram
        .filter(({ death }) => death !== null)
        .sort((a, b) => b.death! - b.birth - (a.death! - a.birth))
      expect(largestBars(diagram, limit)).toEqual(sorted.slice(0, limit))
    })
  )
})

test('of a cloud the loops are shown, not the components', () => {
  const loop = { ...pair(9, 0.5, 0.75), id: '1:9.0-12.0', dimension: 1 }
  expect(largestBars([pair(1, 0, 3), pair(2, 0, null), loop], 6)).toEqual([loop])
  expect(largestBars([], 6)).toEqual([])
})
