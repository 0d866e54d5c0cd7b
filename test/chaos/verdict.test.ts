/** The judge of a chaos run: each promise broken on purpose is found, with repeats where they are allowed passing. */
import { expect, test } from '@jest/globals'
import { Observer } from './observer.js'
import type { TopicRecord } from './kafka-view.js'
import { judge, type Evidence } from './verdict.js'

const good: Evidence = {
  delivery: 'exactly-once',
  acknowledged: new Set([0, 1, 2]),
  unsure: new Set([3]),
  logged: [0, 1, 2],
  reference: {
    values: new Map([
      ['a', ['a1', 'a2', 'a3']],
      ['b', ['b1']]
    ]),
    letters: ['0/4 unparsable']
  },
  values: new Map([
    ['a', ['a1', 'a2', 'a3']],
    ['b', ['b1']]
  ]),
  letters: ['0/4 unparsable'],
  committed: new Map([[0, 10]]),
  ends: new Map([[0, 10]])
}
const results = (...a: string[]): Partial<Evidence> => ({
  values: new Map([
    ['a', a],
    ['b', ['b1']]
  ])
})

test.each(['exactly-once', 'at-least-once'] as const)('%s: a run without a fault passes', (delivery) => {
  expect(judge({ ...good, delivery })).toEqual({ lost: 0, doubled: 0, violations: [] })
  expect(judge({ ...good, delivery, logged: [0, 3, 1, 2] }).violations).toEqual([])
})

test.each<[string, Partial<Evidence>, string, number, number]>([
  [
    'a lost result',
    results('a1', 'a3'),
    'value 1 of 2 is value 2 of the uninterrupted run (3 expected)',
    1,
    0
  ],
  ['a lost last result', results('a1', 'a2'), 'value 2 of 2 is nothing (3 expected)', 1, 0],
  ['a doubled result', results('a1', 'a1', 'a2', 'a3'), 'value 1 of 4 is value 0', 0, 1],
  ['a doubled last result', results('a1', 'a2', 'a3', 'a3'), 'value 3 of 4 is value 2', 0, 1],
  ['two results exchanged', results('a2', 'a1', 'a3'), 'value 0 of 3 is value 1', 0, 0],
  ['another byte', results('a1', 'a2', 'x3'), 'value 2 of 3 is a value it never put out: x3', 1, 0],
  ['a stream without results', { values: new Map([['a', ['a1', 'a2', 'a3']]]) }, 'results of "b"', 1, 0],
  ['a strange stream', { values: new Map([...good.values, ['c', ['c1']]]) }, 'results of "c"', 0, 0],
  ['a lost dead letter', { letters: [] }, '1 records without a dead letter', 1, 0],
  [
    'a doubled dead letter',
    { letters: ['0/4 unparsable', '0/4 unparsable'] },
    '1 dead letters came again',
    0,
    1
  ],
  ['a needless dead letter', { letters: ['0/4 unparsable', '0/5 empty'] }, 'and nothing wrong', 0, 0],
  ['a lost record', { logged: [0, 1] }, '1 records acknowledged and not in the log', 0, 0],
  ['a record twice', { logged: [0, 1, 2, 2] }, '1 records are in the log twice', 0, 0],
  ['a record of nobody', { logged: [0, 1, 2, 9] }, '1 records in the log and never sent', 0, 0],
  ['records not committed', { committed: new Map() }, 'partition 0: committed 0, the log ends at 10', 0, 0]
])('exactly once: %s is found', (_name, wrong, message, lost, doubled) => {
  const verdict = judge({ ...good, ...wrong })
  expect(verdict.violations).toEqual([expect.stringContaining(message)])
  expect({ lost: verdict.lost, doubled: verdict.doubled }).toEqual({ lost, doubled })
})

test('at least once: repeats pass and are counted, gaps and other bytes do not', () => {
  const atLeast = { ...good, delivery: 'at-least-once' } as const
  const again = judge({
    ...atLeast,
    ...results('a1', 'a2', 'a1', 'a2', 'a3'),
    letters: ['0/4 unparsable', '0/4 unparsable']
  })
  expect(again).toEqual({ lost: 0, doubled: 3, violations: [] })
  expect(judge({ ...atLeast, ...results('a1', 'a3', 'a2', 'a3') }).violations).toHaveLength(1)
  expect(judge({ ...atLeast, ...results('a1', 'a2') }).violations).toHaveLength(1)
  expect(judge({ ...atLeast, ...results('a1', 'a2', 'a2!', 'a3') }).violations).toHaveLength(1)
})

test('the onlooker counts an update as new once, per input partition', () => {
  const observer = new Observer()
  const see = (stream: string, partition: number, sequence: number): void => {
    const window = { last: [10 * sequence, 0] }
    const value = Buffer.from(
      JSON.stringify({ type: 'update', stream, scale: 's', sequence, partition, window })
    )
    observer.result({ key: Buffer.from(stream), value } as unknown as TopicRecord)
  }
  see('a', 0, 1)
  see('b', 1, 1)
  const atMs = performance.now()
  const after = {
    atMs,
    ends: new Map([
      [0, 15],
      [1, 15]
    ])
  }
  see('a', 0, 1) // a repeat is nothing new
  see('b', 1, 2)
  expect(observer.partitions).toEqual([0, 1])
  expect(observer.recoveredAt(after)).toBeNull()
  see('a', 0, 2)
  expect(observer.recoveredAt(after)).toBeGreaterThan(atMs)
  // What was under way then says nothing: these updates are of records before the mark.
  expect(observer.recoveredAt({ atMs, ends: new Map([[0, 25]]) })).toBeNull()
  expect(observer.values.get('a')).toHaveLength(3)
  // Nothing is new from here on: a minute in which updates may be 15 s old has 45 s without.
  const now = performance.now()
  expect(observer.availability(now, now + 60_000, 15_000)).toBeCloseTo(0.25, 2)
})
