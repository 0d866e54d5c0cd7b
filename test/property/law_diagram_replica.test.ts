/**
 * The replica against the dull twin: a random history of diagrams, its updates and snapshots cut into parts, delivered
 * whole, with losses, or with repetitions.
 */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { DiagramMessage, PersistencePair, WindowBounds } from '../../lib/diagram.js'
import { DiagramReplica } from '../../lib/publishers/diagram-replica.js'

const window: WindowBounds = {
  points: 9,
  full: true,
  first: [0, 0],
  last: [8, 0],
  firstTimestamp: null,
  lastTimestamp: null
}

function pair(offset: number, death: number | null): PersistencePair {
  return {
    id: `0:${offset}.0`,
    dimension: 0,
    birth: offset / 3,
    death,
    birthPoints: [[offset, 0]],
    deathPoints: death === null ? [] : [[death, 0]]
  }
}

/** A diagram is which of the offsets 0..9 are born, and how each dies. */
const diagram = fc.dictionary(
  fc.integer({ min: 0, max: 9 }).map(String),
  fc.option(fc.integer({ min: 10, max: 14 })),
  { noNullPrototype: true }
)
type Diagram = Record<string, number | null>

function pairs(of: Diagram): PersistencePair[] {
  return Object.entries(of)
    .map(([offset, death]) => pair(Number(offset), death))
    .sort((a, b) => a.birthPoints[0]![0] - b.birthPoints[0]![0])
}

/** The messages of update `sequence`: from `before` to `after`, and a snapshot when asked for, each in `of` parts. */
function messages(
  before: Diagram,
  after: Diagram,
  sequence: number,
  of: number,
  snapshot: boolean
): DiagramMessage[] {
  const head = {
    stream: 's',
    scale: 'a',
    sequence,
    partition: 0,
    window,
    features: { pairs: pairs(after).length }
  }
  const removed = pairs(before)
    .filter(({ id }) => !pairs(after).some((other) => other.id === id))
    .map(({ id }) => id)
  const added = pairs(after).filter(({ id }) => !pairs(before).some((other) => other.id === id))
  const moved = pairs(after)
    .filter(({ id, death }) => pairs(before).some((other) => other.id === id && other.death !== death))
    .map(({ id, death, deathPoints }) => ({ id, death, deathPoints }))
  const share = <T>(list: readonly T[], index: number): T[] => list.filter((_, i) => i % of === index)
  const parts = Array.from({ length: of }, (_, index) => ({ index, of }))
  const numbered = (index: number): object => (of === 1 ? {} : { part: parts[index]! })
  const update = parts.map(({ index }) => ({
    type: 'update',
    ...head,
    removed: share(removed, index),
    added: share(added, index),
    moved: share(moved, index),
    ...numbered(index)
  }))
  const whole = parts.map(({ index }) => ({
    type: 'snapshot',
    ...head,
    pairs: share(pairs(after), index),
    ...numbered(index)
  }))
  return [...update, ...(snapshot ? whole : [])] as unknown as DiagramMessage[]
}

const history = fc.array(
  fc.record({ after: diagram, of: fc.integer({ min: 1, max: 3 }), snapshot: fc.boolean() }),
  { minLength: 1, maxLength: 12 }
)

function logOf(
  steps: readonly { readonly after: Diagram; readonly of: number; readonly snapshot: boolean }[]
): DiagramMessage[][] {
  return steps.map(({ after, of, snapshot }, i) =>
    messages(steps[i - 1]?.after ?? {}, after, i + 1, of, snapshot)
  )
}

test('law_replica: after every update the replica is the diagram', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const replica = new DiagramReplica()
      logOf(steps).forEach((step, i) => {
        const results = step.map((message) => replica.apply(message))
        expect(results.at(-1)).toBe('applied')
        expect(results).not.toContain('gap')
        expect(replica.pairs()).toEqual(pairs(steps[i]!.after))
        expect([replica.sequence, replica.size, replica.synchronised]).toEqual([
          i + 1,
          pairs(steps[i]!.after).length,
          true
        ])
      })
    })
  )
})

test('law_replica: a log that repeats its end from any point ends in the same diagram', () => {
  fc.assert(
    fc.property(history, fc.nat(11), fc.nat(11), (steps, stop, back) => {
      const log = logOf(steps).flat()
      const cut = (stop % log.length) + 1
      // Redelivery starts with a whole update, as a batch does.
      const restart = log.findIndex(
        ({ sequence }) => sequence === log[Math.max(0, cut - 1 - (back % cut))]!.sequence
      )
      const replica = new DiagramReplica()
      for (const message of [...log.slice(0, cut), ...log.slice(restart)])
        expect(replica.apply(message)).not.toBe('gap')
      expect(replica.pairs()).toEqual(pairs(steps.at(-1)!.after))
    })
  )
})

test('law_replica: after a loss it says so and keeps still until a snapshot heals it', () => {
  fc.assert(
    fc.property(history, fc.nat(11), (steps, at) => {
      const log = logOf(steps)
      const lost = at % log.length
      const replica = new DiagramReplica()
      log.forEach((step, i) => {
        if (i === lost) return
        const results = step.map((message) => replica.apply(message))
        const healed = i < lost || steps.slice(lost + 1, i + 1).some(({ snapshot }) => snapshot)
        expect(replica.synchronised).toBe(healed)
        expect(results.at(-1)).toBe(healed ? 'applied' : 'gap')
        const shown = healed ? steps[i]!.after : (steps[lost - 1]?.after ?? {})
        expect(replica.pairs()).toEqual(pairs(shown))
      })
    })
  )
})

test('an update that does not fit the diagram changes nothing', () => {
  const replica = new DiagramReplica()
  const [first] = messages({}, { '1': null }, 1, 1, false)
  expect(replica.apply(first!)).toBe('applied')
  const misfits = [
    messages({ '2': null }, { '1': null, '3': null }, 2, 1, false), // removes what is not there
    messages({ '2': null }, { '2': 11, '1': null }, 2, 1, false), // moves what is not there
    messages({}, { '1': null }, 2, 1, false) // adds what is there
  ]
  for (const [misfit] of misfits) {
    const other = new DiagramReplica()
    other.apply(first!)
    expect(other.apply(misfit!)).toBe('gap')
    expect([other.sequence, other.pairs()]).toEqual([1, [pair(1, null)]])
  }
})

test('a count of pairs that is not right is a gap, for an update and for a snapshot', () => {
  const replica = new DiagramReplica()
  const [update, snapshot] = messages({}, { '1': null }, 1, 1, true)
  expect(replica.apply({ ...update!, features: { pairs: 2 } })).toBe('gap')
  expect(replica.apply({ ...snapshot!, features: { pairs: 2 } })).toBe('gap')
  expect(replica.apply(snapshot!)).toBe('applied')
})

test('an unfinished message is forgotten when another begins', () => {
  const replica = new DiagramReplica()
  const [head] = messages({}, { '1': null, '2': null }, 1, 2, false)
  expect(replica.apply(head!)).toBe('pending')
  const [next] = messages({}, { '1': null }, 2, 1, false)
  expect(replica.apply(next!)).toBe('gap')
  expect(replica.size).toBe(0)
})

test('messages of another stream or scale are refused', () => {
  const replica = new DiagramReplica()
  const [message] = messages({}, { '1': null }, 1, 1, false)
  expect([replica.stream, replica.scale, replica.window]).toEqual([null, null, null])
  replica.apply(message!)
  expect([replica.stream, replica.scale, replica.window, replica.get('0:1.0')?.birth]).toEqual([
    's',
    'a',
    window,
    1 / 3
  ])
  expect(() => replica.apply({ ...message!, stream: 'other' })).toThrow(/replica of stream "s", scale "a"/)
  expect(() => replica.apply({ ...message!, scale: 'b' })).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT' })
  )
})

test('pairs are in the order of dimension, then birth points', () => {
  const at = (id: string, dimension: number, ...birthPoints: [number, number][]): PersistencePair => ({
    id,
    dimension,
    birth: 0,
    death: 1,
    birthPoints,
    deathPoints: [[9, 9]]
  })
  const sorted = [
    at('a', 0, [1, 0]),
    at('b', 0, [1, 1]),
    at('c', 0, [2, 0]),
    at('d', 1, [1, 0]),
    at('e', 1, [1, 0], [2, 0]),
    at('f', 1, [1, 0], [3, 0])
  ]
  const replica = new DiagramReplica()
  const features = { pairs: sorted.length }
  replica.apply({
    type: 'snapshot',
    stream: 's',
    scale: 'a',
    sequence: 1,
    partition: 0,
    window,
    pairs: sorted.toReversed(),
    features
  })
  expect(replica.pairs()).toEqual(sorted)
})
