import { expect, jest, test } from '@jest/globals'
import { TdaError } from '../../../lib/errors.js'
import { brokerCode, BrokerGuard, type BreakerState } from '../../../lib/mesh/broker-guard.js'

const away = (): TdaError =>
  new TdaError('BROKER', 'brokers are away', { retriable: true, cause: { code: -195 } })

test('failures open the breaker, a half-open try closes it, and what was asked for is done in the end', async () => {
  const states: BreakerState[] = []
  const lines: string[] = []
  const retried: string[] = []
  const guard = new BrokerGuard({
    report: (state) => states.push(state),
    changed: (_, text) => lines.push(text),
    retried: (error) => retried.push(brokerCode(error))
  })
  let failures = 3
  let calls = 0
  const answer = await guard.run(() => {
    calls += 1
    return failures-- > 0 ? Promise.reject(away()) : Promise.resolve('done')
  })
  expect([answer, calls, retried]).toEqual(['done', 4, ['-195', '-195', '-195']])
  expect(states).toEqual(['closed', 'open', 'half-open', 'closed'])
  expect(lines).toEqual([
    'circuit breaker open: brokers are away',
    'circuit breaker half-open: brokers are away',
    'circuit breaker closed: brokers answer'
  ])
  expect(guard.trouble).toBeNull()
})

test('what can never succeed is thrown at once and opens nothing', async () => {
  const guard = new BrokerGuard()
  const refused = new TdaError('BROKER', 'not authorised')
  for (let i = 0; i < 5; i++) {
    await expect(guard.run(() => Promise.reject(refused))).rejects.toBe(refused)
  }
  expect([guard.state, brokerCode(refused)]).toEqual(['closed', 'BROKER'])
})

test('a limited number of attempts ends with the last error, also while the breaker is open', async () => {
  const guard = new BrokerGuard()
  let calls = 0
  const fail = (): Promise<never> => {
    calls += 1
    return Promise.reject(away())
  }
  const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now()) // It stays open, however long this takes.
  try {
    await expect(guard.run(fail, 2)).rejects.toMatchObject({ code: 'BROKER', message: 'brokers are away' })
    expect(calls).toBe(2)
    await expect(guard.run(fail, 1)).rejects.toMatchObject({ message: 'brokers are away' })
    expect([calls, guard.state]).toEqual([3, 'open'])
    await expect(guard.run(fail, 1)).rejects.toMatchObject({ code: 'BROKER', retriable: true })
    expect(calls).toBe(3)
  } finally {
    clock.mockRestore()
    guard.close()
  }
})

test('closing ends the waiting with the last error', async () => {
  const guard = new BrokerGuard({ retried: () => guard.close() })
  await expect(guard.run(() => Promise.reject(away()))).rejects.toMatchObject({ message: 'brokers are away' })
})

test.each([
  ['at once', 0],
  ['later', 2_500]
])('a wall clock that is set back %s does not hold the breaker open', async (_when, afterMs) => {
  const guard = new BrokerGuard()
  const clock = jest.spyOn(Date, 'now')
  try {
    for (let failures = 0; failures < 3; failures++) {
      await expect(guard.run(() => Promise.reject(away()), 1)).rejects.toThrow('brokers are away')
    }
    expect(guard.state).toBe('open')
    await new Promise((resolve) => setTimeout(resolve, afterMs)) // The time is what is tested.
    clock.mockReturnValue(performance.timeOrigin - 6 * 3_600_000)
    expect(await guard.run(() => Promise.resolve('done'))).toBe('done')
  } finally {
    clock.mockRestore()
    guard.close()
  }
})
