import { expect, test } from '@jest/globals'
import { TokenBucket } from '../../../../lib/observability/tracing/token-bucket.js'

test('law: never more than the rate and one second at once, and all of it when asked often', () => {
  const bucket = new TokenBucket(10)
  let taken = 0
  for (let ms = 0; ms <= 60_000; ms += 7) if (bucket.take(1_000_000 + ms)) taken += 1
  expect(taken).toBeLessThanOrEqual(610)
  expect(taken).toBeGreaterThanOrEqual(600)
})

test('after a silence there is a second of it, not more', () => {
  const bucket = new TokenBucket(5)
  const at = (ms: number): number => Array.from({ length: 100 }, () => bucket.take(ms)).filter(Boolean).length
  expect(at(0)).toBe(5)
  expect(at(3_600_000)).toBe(5)
  expect(at(3_600_200)).toBe(1)
})

test('a rate below one a second still lets one through, a rate of 0 none', () => {
  const slow = new TokenBucket(0.5)
  expect([slow.take(0), slow.take(1000), slow.take(2000)]).toEqual([true, false, true])
  const never = new TokenBucket(0)
  expect(never.take(1e9)).toBe(false)
})

test('amounts: looking takes nothing, and a clock that goes back gives nothing', () => {
  const bucket = new TokenBucket(100, 100)
  expect(bucket.has(0, 100)).toBe(true)
  expect(bucket.take(0, 100)).toBe(true)
  expect(bucket.has(-5000, 1)).toBe(false)
  expect(bucket.has(10, 1)).toBe(true)
})
