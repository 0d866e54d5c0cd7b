import { expect, test } from '@jest/globals'
import { tracingSettings } from '../../../../lib/config/tracing.js'
import { ChosenIds } from '../../../../lib/observability/tracing/chosen-ids.js'
import { ChangeableSampler } from '../../../../lib/observability/tracing/samplers.js'

const rule = (ratio: number): ConstructorParameters<typeof ChangeableSampler>[0] =>
  tracingSettings({ sampler: { kind: 'ratio', ratio } }, {}).sampler

test('so many traces are chosen as the ratio says, each by an id that the sampler keeps', () => {
  const sampler = new ChangeableSampler(rule(0.02))
  const ids = new ChosenIds(sampler)
  let chosen = 0
  for (let i = 0; i < 50_000; i++) {
    if (!ids.next()) continue
    chosen += 1
    expect(sampler.follows(ids.generateTraceId())).toBe(true)
  }
  // 1000 expected; eight standard deviations.
  expect(Math.abs(chosen - 1000)).toBeLessThan(250)
})

test('all or none, and a change of the sampler counts from the next trace on', () => {
  const sampler = new ChangeableSampler(rule(0))
  const ids = new ChosenIds(sampler)
  const next = (): boolean[] => Array.from({ length: 600 }, () => ids.next())
  expect(next()).not.toContain(true)
  sampler.change(rule(1))
  expect(next()).not.toContain(false)
  sampler.change(rule(0))
  expect(next()).not.toContain(true)
})

test('an id is chosen for one trace only', () => {
  const ids = new ChosenIds(new ChangeableSampler(rule(1)))
  ids.next()
  const [chosen, other] = [ids.generateTraceId(), ids.generateTraceId()]
  expect(chosen).toMatch(/^[\da-f]{32}$/)
  expect(other).not.toBe(chosen)
  expect(ids.generateSpanId()).toMatch(/^[\da-f]{16}$/)
})
