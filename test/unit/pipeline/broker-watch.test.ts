import { expect, test } from '@jest/globals'
import { healthOf } from '../../../lib/pipeline/health.js'
import { BrokerWatch } from '../../../lib/pipeline/broker-watch.js'

test('brokers that stop answering are said once, and once that they are back; meanwhile it is not ready', () => {
  const lines: unknown[] = []
  const up: boolean[] = []
  const note = (fields: object, text: string): void => void lines.push([fields, text])
  const watch = new BrokerWatch({ info: note, warn: note, error: note }, (is) => up.push(is), 0)
  const health = (nowMs: number): unknown => healthOf({ kind: 'running' }, watch.down(nowMs))

  watch.answered(2_000)
  for (const nowMs of [4_000, 8_000, 11_999]) watch.failed(new Error('timed out'), nowMs)
  expect(health(11_999)).toMatchObject({ ready: true })
  expect([lines, up]).toEqual([[], [true]])

  for (const nowMs of [12_000, 14_000, 17_000]) watch.failed(new Error('timed out'), nowMs)
  expect(health(17_000)).toEqual({ live: true, ready: false, reason: 'no broker answers since 15 s' })
  expect(healthOf({ kind: 'stopped' }, watch.down(17_000)).reason).toBe('stopped')
  expect(lines).toEqual([[{ reason: 'timed out' }, 'no broker answers since 10 s; going on trying']])

  watch.answered(20_000)
  watch.answered(22_000)
  expect(health(22_000)).toMatchObject({ ready: true, reason: 'running' })
  expect(lines.slice(1)).toEqual([[{ silentS: 18 }, 'brokers answer again, after 18 s']])
  expect(up).toEqual([true, false, true])
})

test('a request that hangs counts like one that fails', () => {
  const up: boolean[] = []
  const watch = new BrokerWatch(undefined, (is) => up.push(is), 0)
  watch.check(9_999)
  watch.check(10_000)
  expect(up).toEqual([true, false])
})
