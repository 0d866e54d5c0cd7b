import { expect, test } from '@jest/globals'
import { pino } from 'pino'
import { stripVTControlCharacters } from 'node:util'
import type { ScreenState } from '../../../lib/cli/demo/screen.js'
import { liveView, plainView } from '../../../lib/cli/demo/views.js'

const state: ScreenState = {
  where: ['results: topic tda.diagrams'],
  total: 100,
  published: 60,
  seen: 50,
  updates: 70,
  rejected: 2,
  pointsPerSecond: 199.6,
  latency: { p50Ms: 1.5, p99Ms: 9 },
  eventTimeMs: Date.UTC(2010, 4, 9),
  ended: false,
  rows: [{ stream: 'mote-1', scale: 'temperature-64', points: 64, full: true, sequence: 50, pairs: [] }]
}

test('the live view redraws in place and ends with its last words below; an unsized terminal counts as 80 x 24', () => {
  let text = ''
  const output = { columns: 0, rows: 0, write: (part: string) => (text += part) !== '' }
  const view = liveView(output as unknown as NodeJS.WriteStream)
  view.begin(['hello'])
  view.show(state)
  view.show({ ...state, seen: 60 })
  view.end(['Done.'])
  expect(text.match(/\x1b\[1A/g)?.length).toBeGreaterThan(3) // eslint-disable-line no-control-regex -- cursor up
  const plain = stripVTControlCharacters(text)
  expect(plain).toMatch(/^hello\n/)
  expect(plain).toContain('50 of 100 readings')
  expect(plain).toContain('60 of 100 readings')
  expect(plain).toContain('2 bad')
  expect(plain.endsWith('\n\nDone.\n')).toBe(true)
})

test('the plain view logs figures as fields', () => {
  const lines: Record<string, unknown>[] = []
  const logger = pino(
    {},
    { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) }
  )
  const view = plainView(logger)
  view.begin(['hello'])
  view.show(state)
  view.show({ ...state, ended: true })
  view.end(['Done.'])
  expect(lines.map(({ msg }) => msg)).toEqual(['hello', 'streaming', 'all readings are in', 'Done.'])
  expect(lines[1]).toMatchObject({
    seen: 50,
    total: 100,
    lag: 10,
    pointsPerSecond: 200,
    updates: 70,
    rejected: 2,
    pairs: { 'mote-1 temperature-64': 0 }
  })
})
