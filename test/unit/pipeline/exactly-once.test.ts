import { expect, test } from '@jest/globals'
import { validateConfig } from '../../../lib/config/load.js'
import { TdaError } from '../../../lib/errors.js'
import type { OutgoingRecord, Transaction, Transactions } from '../../../lib/mesh/event-mesh.js'
import { tooLargeError } from '../../../lib/mesh/too-large.js'
import type { Outcome } from '../../../lib/pipeline/delivery.js'
import { ExactlyOnce } from '../../../lib/pipeline/exactly-once.js'
import { noMetrics } from '../../../lib/observability/pipeline-metrics.js'
import { topicsOf } from '../../../lib/pipeline/sink.js'
import { records } from '../../support/pipeline-world.js'

const topics = topicsOf(
  validateConfig({
    input: { channels: ['x'] },
    scales: [{ name: 'a', window: 4, filtration: 'sublevel' }]
  })
)

/** Transactions whose attempts end when they are told to. */
class Gate implements Transactions {
  readonly begun: Transaction[] = []
  readonly #open: { resolve: (committed: boolean) => void; reject: (error: Error) => void }[] = []
  closed = false

  commit(transaction: Transaction): Promise<boolean> {
    this.begun.push(transaction)
    return new Promise((resolve, reject) => this.#open.push({ resolve, reject }))
  }

  async end(committed: boolean | Error = true): Promise<void> {
    const { resolve, reject } = this.#open.shift()!
    if (committed instanceof Error) reject(committed)
    else resolve(committed)
    await turns()
  }

  close(): Promise<void> {
    this.closed = true
    return Promise.resolve()
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

function deliveryOver(transactions: Transactions, intervalMs = 0): ExactlyOnce {
  const repeat = <T>(attempt: () => Promise<T>): Promise<T> => attempt()
  return new ExactlyOnce({ transactions, topics, intervalMs, repeat, metrics: noMetrics })
}

const update = (value: string): OutgoingRecord => ({ key: 's', value })
function outcome(next: number, updates: readonly OutgoingRecord[], more: Partial<Outcome> = {}): Outcome {
  return { updates, letters: [], state: [], next: new Map([[0, next]]), ...more }
}
const valuesOf = ({ records: parts }: Transaction): unknown[][] =>
  parts.map(({ topic, records: of }) => [topic, ...of.map(({ value }) => String(value))])

test('while one transaction commits, the next gathers; results, letters, state and offsets are one', async () => {
  const gate = new Gate()
  const delivery = deliveryOver(gate)
  const out: number[] = []
  await delivery.deliver(outcome(1, [update('u1')]), () => out.push(1))
  await turns()
  await delivery.deliver(outcome(2, [update('u2')]), () => out.push(2))
  const rejected = records([{ y: 1 }]).map((record) => ({
    record,
    reason: 'missing_field' as const,
    message: 'no x'
  }))
  const state = [{ key: 's', value: 'state', partition: 0 }]
  await delivery.deliver(outcome(3, [update('u3')], { letters: rejected, state }), () => out.push(3))
  expect(gate.begun.map(valuesOf)).toEqual([[[topics.updates, 'u1']]])
  await gate.end()
  expect(out).toEqual([1])
  expect(valuesOf(gate.begun[1]!)).toEqual([
    [topics.updates, 'u2', 'u3'],
    [topics.letters, '{"y":1}'],
    [topics.state, 'state']
  ])
  expect(gate.begun[1]!.next).toEqual(new Map([[0, 3]]))
  await gate.end()
  expect(out).toEqual([1, 2, 3])
  await delivery.close()
  expect(gate.closed).toBe(true)
})

test('a full transaction behind a slow one makes deliver wait', async () => {
  const gate = new Gate()
  const delivery = deliveryOver(gate)
  const large = update('x'.repeat(17 * 1024 * 1024))
  await delivery.deliver(outcome(1, [update('u1')]), () => {})
  await turns()
  let taken = false
  const waiting = delivery.deliver(outcome(2, [large]), () => {}).then(() => (taken = true))
  await turns()
  expect(taken).toBe(false)
  await gate.end()
  await waiting
  expect(gate.begun).toHaveLength(2)
  await gate.end()
  await delivery.settle()
})

test('settling does not wait for the interval, and lost partitions are nobody here`s business', async () => {
  const gate = new Gate()
  const delivery = deliveryOver(gate, 3_600_000)
  const out: number[] = []
  await delivery.deliver(outcome(1, [update('u1')]), () => out.push(1))
  await turns()
  await gate.end()
  await delivery.deliver(outcome(2, [update('u2')]), () => out.push(2))
  await turns()
  expect(gate.begun).toHaveLength(1)
  const settled = delivery.settle()
  await turns()
  expect(gate.begun).toHaveLength(2)
  await gate.end(false)
  await settled
  expect(out).toEqual([1])
})

test('after a loss nothing of its partitions goes out until they are released: it would leave a gap', async () => {
  const gate = new Gate()
  const delivery = deliveryOver(gate)
  const out: number[] = []
  const of = (partition: number): OutgoingRecord =>
    update(JSON.stringify({ stream: 's', scale: 'a', partition, sequence: 1, window: { last: [1, 0] } }))
  const letters = [0, 1].map((partition) => ({
    record: { ...records([{ y: 1 }])[0]!, partition, headers: [['tda-partition', '7']] as const },
    reason: 'missing_field' as const,
    message: 'no x'
  }))
  const state = [0, 1].map((partition) => ({ key: 's', value: `state ${partition}`, partition }))
  const both = { next: new Map([0, 1].map((partition) => [partition, 2])), letters, state }
  await delivery.deliver(outcome(1, [of(0)]), () => out.push(1))
  await turns()
  await delivery.deliver(outcome(2, [of(0), of(1)], both), () => out.push(2))
  await gate.end(false)
  const [, rest] = gate.begun
  expect(rest!.next).toEqual(new Map([[1, 2]]))
  expect(rest!.records.map(({ records: parts }) => parts.length)).toEqual([1, 1, 1])
  expect(valuesOf(rest!).flat()).toEqual(expect.arrayContaining([of(1).value, 'state 1']))
  expect(Object.fromEntries(rest!.records[1]!.records[0]!.headers!)).toMatchObject({ 'tda-partition': '1' })
  await gate.end()
  await delivery.deliver(outcome(3, [], { state: state.slice(0, 1) }), () => out.push(3))
  await delivery.settle()
  expect([out, gate.begun.length]).toEqual([[2], 2])
  delivery.released([0])
  await delivery.deliver(outcome(1, [of(0)]), () => out.push(4))
  await turns()
  await gate.end()
  expect(out).toEqual([2, 4])
})

test('a failure is told to all: who waits, who delivers, who settles', async () => {
  const gate = new Gate()
  const delivery = deliveryOver(gate)
  const failed = expect(delivery.failed).rejects.toThrow('not authorised')
  await delivery.deliver(outcome(1, [update('u1')]), () => {})
  await turns()
  await gate.end(new TdaError('BROKER', 'not authorised'))
  await failed
  await expect(delivery.deliver(outcome(2, []), () => {})).rejects.toThrow('not authorised')
  await expect(delivery.settle()).rejects.toThrow('not authorised')
})

test('each outcome of a transaction is told of its own updates that are too long', async () => {
  const gate = new Gate()
  const delivery = deliveryOver(gate)
  const place = { stream: 's', scale: 'a', partition: 0, sequence: 7, window: { last: [41, 0] } }
  const long = [1, 2].map((n) => update(JSON.stringify({ ...place, n })))
  const told: unknown[] = []
  const out = (omitted: ReadonlySet<OutgoingRecord>): void => void told.push([...omitted])
  await delivery.deliver(outcome(1, [update('first')]), () => {})
  await turns()
  await delivery.deliver(outcome(2, [update('u1'), long[0]!]), out) // These three are gathered meanwhile.
  await delivery.deliver(outcome(3, [update('u2')]), out)
  await delivery.deliver(outcome(4, [long[1]!, update('u3')]), out)
  await gate.end()
  await gate.end(tooLargeError('commit', new Set(long)))
  await gate.end()
  expect(told).toEqual([[long[0]], [], [long[1]]])
})

test('results too long for their topic are letters that say where they belong, in the same transaction', async () => {
  const gate = new Gate()
  const delivery = deliveryOver(gate)
  const place = { stream: 's', scale: 'a', partition: 0, sequence: 7, window: { last: [41, 0] } }
  const long = update(JSON.stringify(place))
  const omitted: unknown[] = []
  await delivery.deliver(outcome(1, [update('u1'), long, update('u3')]), (of) => omitted.push(...of))
  await turns()
  await gate.end(tooLargeError('commit', new Set([long])))
  expect(valuesOf(gate.begun[1]!)).toEqual([
    [topics.updates, 'u1', 'u3'],
    [topics.letters, 'null']
  ])
  expect(gate.begun[1]!.records[1]!.records[0]!.headers).toEqual(
    expect.arrayContaining([
      ['tda-reason', 'result_too_large'],
      ['tda-stream', 's'],
      ['tda-scale', 'a'],
      ['tda-sequence', '7'],
      ['tda-last', '41,0']
    ])
  )
  await gate.end()
  expect(omitted).toEqual([long])
  await delivery.deliver(outcome(2, [], { state: [update('state')] }), () => {})
  await turns()
  const state = gate.begun[2]!.records[0]!.records[0]!
  await gate.end(tooLargeError('commit', new Set([state])))
  await expect(delivery.settle()).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
})

test('a letter that is too long without its value ends the delivery instead of going round', async () => {
  const gate = new Gate()
  const delivery = deliveryOver(gate)
  const letter = { record: records([{ y: 1 }])[0]!, reason: 'missing_field' as const, message: 'no x' }
  await delivery.deliver(outcome(1, [], { letters: [letter] }), () => {})
  await turns()
  for (const transaction of [0, 1]) {
    await gate.end(tooLargeError('commit', new Set([gate.begun[transaction]!.records[0]!.records[0]!])))
  }
  expect(gate.begun).toHaveLength(2)
  expect(gate.begun[1]!.records[0]!.records[0]!.headers).toContainEqual(['tda-omitted', 'value'])
  await expect(delivery.settle()).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
})

test('a loss makes room: what was dropped counts no more', async () => {
  const gate = new Gate()
  const delivery = deliveryOver(gate)
  const place = { stream: 's', scale: 'a', partition: 0, sequence: 1, window: { last: [1, 0] } }
  const large = update(JSON.stringify({ ...place, pad: 'x'.repeat(17 * 1024 * 1024) }))
  await delivery.deliver(outcome(1, [update('u1')]), () => {})
  await turns()
  const waiting = delivery.deliver(outcome(2, [large]), () => {})
  await gate.end(false)
  await waiting
  await delivery.settle()
  expect(gate.begun).toHaveLength(1)
})
