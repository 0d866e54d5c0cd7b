/** When a further stream may be held: shares of two limits, a gap between closing and opening, and few looks. */
import { expect, test } from '@jest/globals'
import { MemoryGate, type MemoryBytes } from '../../../lib/scales/memory-gate.js'

function gateWith(used: { native: number; resident: number }): {
  gate: MemoryGate
  looks: () => number
  changes: [open: boolean, ratio: number][]
} {
  let looks = 0
  const changes: [boolean, number][] = []
  const look = (): MemoryBytes => {
    looks += 1
    return { ...used }
  }
  const gate = new MemoryGate({ native: 1000, resident: 10_000 }, look, (open, { ratio }) =>
    changes.push([open, ratio])
  )
  return { gate, looks: () => looks, changes }
}

test.each([
  ['native', { native: 800, resident: 0 }, { native: 750, resident: 0 }, { native: 749, resident: 0 }],
  ['resident', { native: 0, resident: 8000 }, { native: 0, resident: 7500 }, { native: 0, resident: 7499 }]
])('%s memory closes it at 80 %% and opens it below 75 %%', (_name, full, still, below) => {
  const used = { native: 799, resident: 7999 }
  const { gate, changes } = gateWith(used)
  expect(gate.admits(0)).toBe(true)
  Object.assign(used, full)
  expect(gate.look(1).ratio).toBe(0.8)
  expect(gate.admits(2)).toBe(false)
  Object.assign(used, still)
  gate.look(3)
  expect(gate.admits(4)).toBe(false)
  Object.assign(used, below)
  gate.look(5)
  expect(gate.admits(6)).toBe(true)
  expect(changes).toEqual([
    [false, 0.8],
    [true, expect.closeTo(0.75, 2)]
  ])
})

test('it looks once a second, and after every 16 streams admitted', () => {
  const used = { native: 0, resident: 0 }
  const { gate, looks } = gateWith(used)
  for (let i = 0; i < 16; i++) expect(gate.admits(i)).toBe(true)
  expect(looks()).toBe(1)
  used.native = 900
  expect(gate.admits(16)).toBe(false)
  expect(looks()).toBe(2)
  used.native = 0
  expect(gate.admits(1015)).toBe(false)
  expect(looks()).toBe(2)
  expect(gate.admits(1016)).toBe(true)
  expect(looks()).toBe(3)
})
