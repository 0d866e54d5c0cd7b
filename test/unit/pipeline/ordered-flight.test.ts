import { expect, test } from '@jest/globals'
import { OrderedFlight } from '../../../lib/pipeline/ordered-flight.js'

function gate<T>(): { promise: Promise<T>; open: (value: T) => void; fail: (error: Error) => void } {
  let open: (value: T) => void = () => {}
  let fail: (error: Error) => void = () => {}
  const promise = new Promise<T>((resolve, reject) => ([open, fail] = [resolve, reject]))
  return { promise, open, fail }
}

const never = (): void => {
  throw new Error('nothing should fail')
}

test('work finishes in the order it was added, whatever ends first', async () => {
  const flight = new OrderedFlight(4, never)
  const [a, b, c] = [gate<string>(), gate<string>(), gate<string>()]
  const finished: string[] = []
  for (const { promise } of [a, b, c]) {
    flight.add(promise, (result) => Promise.resolve(void finished.push(result)))
  }
  c.open('c')
  b.open('b')
  await Promise.resolve()
  expect(finished).toEqual([])
  a.open('a')
  await flight.settled()
  expect(finished).toEqual(['a', 'b', 'c'])
  expect(flight.depth).toBe(0)
})

test('a place is free only when a piece was finished', async () => {
  const flight = new OrderedFlight(2, never)
  const [a, b] = [gate<number>(), gate<number>()]
  const finish = gate<undefined>()
  flight.add(a.promise, () => finish.promise)
  flight.add(b.promise, () => Promise.resolve())
  expect(flight.depth).toBe(2)
  let free = false
  const slot = flight.slot().then(() => (free = true))
  a.open(1)
  b.open(2)
  await new Promise((resolve) => setImmediate(resolve))
  expect(free).toBe(false)
  finish.open(undefined)
  await slot
  expect(flight.depth).toBeLessThan(2)
})

test('the first failure is told once, stops what follows, and is thrown everywhere', async () => {
  const failures: unknown[] = []
  const flight = new OrderedFlight(3, (error) => failures.push(error))
  const [a, b] = [gate<number>(), gate<number>()]
  const finished: number[] = []
  flight.add(a.promise, (n) => Promise.resolve(void finished.push(n)))
  flight.add(b.promise, (n) => Promise.resolve(void finished.push(n)))
  flight.add(Promise.resolve(3), (n) => Promise.resolve(void finished.push(n)))
  const waiting = expect(flight.slot()).rejects.toThrow('first')
  b.fail(new Error('first'))
  await waiting
  a.fail(new Error('second'))
  await expect(flight.settled()).rejects.toThrow('first')
  await expect(flight.slot()).rejects.toThrow('first')
  flight.add(Promise.resolve(4), (n) => Promise.resolve(void finished.push(n)))
  await expect(flight.settled()).rejects.toThrow('first')
  expect(finished).toEqual([])
  expect(failures).toEqual([new Error('first')])
  expect(flight.depth).toBe(0)
})

test('a finish that fails is a failure', async () => {
  const failures: unknown[] = []
  const flight = new OrderedFlight(1, (error) => failures.push(error))
  flight.add(Promise.resolve(1), () => Promise.reject(new Error('sink')))
  await expect(flight.settled()).rejects.toThrow('sink')
  expect(failures).toEqual([new Error('sink')])
})
