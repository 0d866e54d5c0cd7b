/** What makes a state of no use, setting by setting. */
import { expect, test } from '@jest/globals'
import { validateConfig } from '../../../lib/config/load.js'
import { configChange, stateConfig, type StateConfig } from '../../../lib/state/state-config.js'

const scale = { name: 'short', window: 64, filtration: 'sublevel', channel: 'x', slide: 8 }

function of(
  input: Record<string, unknown> = {},
  scales: readonly object[] = [scale],
  group = 'g'
): StateConfig {
  return stateConfig(validateConfig({ input: { channels: ['x', 'y'], ...input }, scales }), group)
}

const FIELD = { from: 'field', field: 't', unit: 'ms' }
const INPUT = 'the settings of "input" have changed'

test.each<[what: string, before: Record<string, unknown>, now: Record<string, unknown>]>([
  ['topic', {}, { topic: 'other' }],
  ['format', {}, { format: 'binary' }],
  ['binary.type', { format: 'binary' }, { format: 'binary', binary: { type: 'float32' } }],
  ['binary.pointsMax', { format: 'binary' }, { format: 'binary', binary: { pointsMax: 1000 } }],
  ['stream', {}, { stream: { from: 'field', field: 'id' } }],
  ['timestamp', {}, { timestamp: FIELD }],
  ['timestamp.unit', { timestamp: FIELD }, { timestamp: { ...FIELD, unit: 's' } }],
  ['channels', {}, { channels: ['y', 'x'] }]
])('input.%s decides what a point is: a state of another is of no use', (_, before, now) => {
  expect(configChange(of(before), of(now))).toBe(INPUT)
  expect(configChange(of(now), of(before))).toBe(INPUT)
})

test.each<[what: string, now: StateConfig, change: string | null]>([
  ['nothing', of(), null],
  ['partitions, which the topic has already', of({ partitions: 9 }), null],
  ['binary, while records are JSON', of({ binary: { type: 'float32' } }), null],
  ['the group', of({}, [scale], 'h'), 'it is of the group "g"; give each group a state topic of its own'],
  ['a window', of({}, [{ ...scale, window: 65 }]), 'scale "short" has changed'],
  ['a name', of({}, [{ ...scale, name: 'long' }]), 'scale "short" is gone'],
  ['one more', of({}, [scale, { ...scale, name: 'long' }]), 'scale "long" is new']
])('changed: %s', (_, now, change) => {
  expect(configChange(of(), now)).toBe(change)
})

test('a limit may rise and not fall', () => {
  const span = (pointsMax: number): StateConfig =>
    of({ timestamp: FIELD }, [{ ...scale, window: '1m', slide: '10s', pointsMax }])
  expect(configChange(span(100), span(200))).toBeNull()
  expect(configChange(span(200), span(100))).toBe('pointsMax of scale "short" is lower than it was')
})
