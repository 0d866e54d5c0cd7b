import { expect, test } from '@jest/globals'
import { ScaleClock } from '../../../../lib/observability/tracing/scale-clock.js'

test('a scale is one span from its first engine to its last, with its own time beside it', () => {
  let now = 1000
  const parent = { traceId: 'a', spanId: 'b', sampled: true }
  const clock = new ScaleClock(
    parent,
    () => now,
    () => 50_000
  )
  clock.start()
  for (const [scale, update, encode] of [
    [0, 2, 1],
    [1, 10, 5],
    [0, 4, 3]
  ] as const) {
    now += update
    clock.updated(scale)
    now += encode
    clock.encoded(scale)
  }
  const found = clock
    .spans()
    .map(({ step, scale, startMs, endMs, busyMs, engines }) => [step, scale, startMs, endMs, busyMs, engines])
  expect(found).toEqual([
    ['update', 0, 50_000, 50_022, 6, 2],
    ['update', 1, 50_003, 50_013, 10, 1],
    ['encode', 0, 50_002, 50_025, 4, 2],
    ['encode', 1, 50_013, 50_018, 5, 1]
  ])
  expect(clock.spans().every((span) => span.parent === parent && span.worker === 0)).toBe(true)
})
