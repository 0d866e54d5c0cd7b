/** The schedule of faults: the same for a seed, each kind once a round, and no two faults at one victim. */
import { expect, test } from '@jest/globals'
import { FAULT_KINDS, plan, type PlanOptions, type Step } from './plan.js'

const options: PlanOptions = { seed: 7, daemons: 3, partitions: 6, short: false }

function first(count: number, given: Partial<PlanOptions> = {}): Step[] {
  const steps: Step[] = []
  for (const step of plan({ ...options, ...given })) {
    steps.push(step)
    if (steps.length === count) break
  }
  return steps
}

test('the seed decides', () => {
  expect(first(40)).toEqual(first(40))
  expect(first(40, { seed: 8 })).not.toEqual(first(40))
})

test.each([1, 2, 3, 4, 5])('every kind comes once in a round; pairs have two victims (seed %i)', (seed) => {
  const steps = first(60, { seed })
  const kinds = steps.flatMap(({ faults }) => faults.map(({ kind }) => kind))
  for (let round = 0; (round + 1) * FAULT_KINDS.length <= kinds.length; round++) {
    const ofRound = kinds.slice(round * FAULT_KINDS.length, (round + 1) * FAULT_KINDS.length)
    expect([...ofRound].sort()).toEqual([...FAULT_KINDS].sort())
  }
  const pairs = steps.filter(({ faults }) => faults.length > 1)
  expect(pairs.length).toBeGreaterThan(0)
  const below = (kind: string): boolean => /broker|wire|leader/.test(kind)
  for (const { faults } of pairs) {
    expect(faults.map(({ kind }) => below(kind)).sort()).toEqual([false, true])
  }
})

test('a victim exists, a fault ends, and brokers are all away for half a minute', () => {
  for (const { faults } of first(200)) {
    for (const { kind, victim, holdMs, force } of faults) {
      expect(holdMs).toBeGreaterThanOrEqual(3_000)
      expect(holdMs).toBeLessThanOrEqual(30_000)
      if (kind.endsWith('pause')) expect(holdMs).toBeGreaterThanOrEqual(8_000) // longer than a session
      if (kind === 'all-brokers-away') expect(holdMs).toBe(30_000)
      expect(force).toBeGreaterThanOrEqual(0)
      expect(force).toBeLessThan(1)
      if (kind.startsWith('daemon')) expect([0, 1, 2]).toContain(victim)
      else if (kind === 'leader-move') expect([0, 1, 2, 3, 4, 5]).toContain(victim)
      else if (kind !== 'clock-jump') expect([1, 2, 3]).toContain(victim)
    }
  }
})

test('short: one fault at a time, a third of the time, only the kinds that are asked for', () => {
  const steps = first(6, { short: true, only: ['daemon-kill', 'all-brokers-away'] })
  expect(steps.every(({ faults }) => faults.length === 1)).toBe(true)
  const away = steps.filter(({ faults }) => faults[0]!.kind === 'all-brokers-away')
  expect(away.map(({ faults }) => faults[0]!.holdMs)).toEqual([10_000, 10_000, 10_000])
})
