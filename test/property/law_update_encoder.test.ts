import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { DiagramMessage, DiagramSnapshot, DiagramUpdate, WindowBounds } from '../../lib/diagram.js'
import { changeStride, EMISSION, type AdvanceResult, type ChangeLayout } from '../../lib/native.js'
import { encodeAdvance, type UpdateContext } from '../../lib/publishers/update-encoder.js'
import { ChangeRows, PairRows } from '../../lib/scales/diagram-rows.js'

/** Plain doubles, and those whose text is easily wrong: decimals, borders of notations, neighbours of powers. */
const finite = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer().map((n) => n / 100),
  fc.integer({ min: -330, max: 308 }).map((exponent) => Number(`1e${exponent}`) || 5e-324),
  fc
    .tuple(fc.integer({ min: -1074, max: 1023 }), fc.integer({ min: -2, max: 2 }))
    .map(([power, steps]) => neighbour(2 ** power, steps)),
  fc.tuple(fc.integer({ min: -9, max: 23 }), fc.nat(10 ** 9)).map(([e, digits]) => Number(`${digits}e${e}`)),
  fc.maxSafeInteger(),
  fc.constantFrom(
    -0,
    0,
    5e-324,
    1.7976931348623157e308,
    2 ** 53,
    2 ** 53 + 2,
    1e21,
    1e-6,
    1e-7,
    123456789012345680000
  )
)
const point = fc.tuple(fc.integer({ min: 0, max: 2 ** 40 }), fc.nat(100))

/** The double so many steps away. */
function neighbour(value: number, steps: number): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigInt64(0) + BigInt(steps)
  if (bits < 0n) return 0
  view.setBigInt64(0, bits)
  const moved = view.getFloat64(0)
  return Number.isFinite(moved) ? moved : value
}

function rows(layout: ChangeLayout, kinds: readonly number[]): fc.Arbitrary<number[][]> {
  const row = fc
    .tuple(
      fc.constantFrom(...kinds),
      fc.nat(2),
      finite,
      fc.oneof(finite, fc.constant(Infinity)),
      fc.array(point, { minLength: layout.birthPoints, maxLength: layout.birthPoints }),
      fc.nat({ max: layout.birthPoints - 1 }),
      fc.array(point, { minLength: layout.deathPoints, maxLength: layout.deathPoints })
    )
    .map(([kind, dimension, birth, death, births, absent, deaths]) => [
      kind,
      dimension,
      birth,
      death,
      ...births.flatMap((p, i) => (i > 0 && i >= births.length - absent ? [-1, 0] : p)),
      ...deaths.flatMap((p) => (death === Infinity ? [-1, 0] : p))
    ])
  return fc.array(row, { maxLength: 12 })
}

interface Emission {
  readonly fields: readonly number[]
  readonly changes: readonly number[][]
  readonly snapshot: readonly number[][]
}

function emission(layout: ChangeLayout): fc.Arbitrary<Emission> {
  const fields = fc
    .tuple(fc.nat(), fc.option(finite), fc.boolean(), point, finite, point, finite)
    .map(([sequence, boundary, full, first, firstTime, last, lastTime]) => {
      return [sequence, boundary ?? NaN, 7, full ? 1 : 0, ...first, firstTime, ...last, lastTime, 6, 3]
    })
  return fc.record({ fields, changes: rows(layout, [0, 1, 2]), snapshot: rows(layout, [1]) })
}

function advance(emissions: readonly Emission[]): AdvanceResult {
  let changes = 0
  let snapshots = 0
  const table = emissions.flatMap((one) => {
    changes += one.changes.length
    snapshots += one.snapshot.length
    return [...one.fields, changes, snapshots]
  })
  return {
    emissions: Float64Array.from(table),
    changes: Float64Array.from(emissions.flatMap((one) => one.changes.flat())),
    snapshots: Float64Array.from(emissions.flatMap((one) => one.snapshot.flat()))
  }
}

/** The plain way: typed objects with the keys in the order of lib/diagram.ts. */
function expected(
  { emissions, changes, snapshots }: AdvanceResult,
  context: UpdateContext
): DiagramMessage[] {
  const stride = changeStride(context.layout)
  const messages: DiagramMessage[] = []
  let change = 0
  let snapshot = 0
  for (let at = 0; at < emissions.length; at += EMISSION.stride) {
    const field = (name: keyof typeof EMISSION): number => emissions[at + EMISSION[name]]!
    const window: WindowBounds = {
      points: field('points'),
      full: field('full') === 1,
      first: [field('firstOffset'), field('firstIndex')],
      last: [field('lastOffset'), field('lastIndex')],
      firstTimestamp: context.eventTime ? field('firstTimestamp') : null,
      lastTimestamp: context.eventTime ? field('lastTimestamp') : null
    }
    const head = {
      stream: context.stream,
      scale: context.scale,
      sequence: field('sequence'),
      partition: context.partition,
      window
    }
    const rebuilt = context.rebuilt && !window.full ? ({ rebuilt: true } as const) : {}
    const features = { pairs: field('pairs') }
    const changeRows = changes.subarray(change * stride, field('changesEnd') * stride)
    const changed = new ChangeRows(changeRows, context.layout)
    const update: DiagramUpdate = {
      type: 'update',
      ...head,
      ...(Number.isNaN(field('boundaryMs')) ? {} : { boundaryTimestamp: field('boundaryMs') }),
      ...rebuilt,
      removed: changed.removed(),
      added: changed.added(),
      moved: changed.moved(),
      features
    }
    messages.push(update)
    if (field('snapshotEnd') > snapshot) {
      const snapshotRows = snapshots.subarray(snapshot * stride, field('snapshotEnd') * stride)
      const pairs = new PairRows(snapshotRows, context.layout).toPairs()
      messages.push({ type: 'snapshot', ...head, ...rebuilt, pairs, features })
    }
    change = field('changesEnd')
    snapshot = field('snapshotEnd')
  }
  return messages
}

const layouts: readonly ChangeLayout[] = [
  { birthPoints: 1, deathPoints: 1 },
  { birthPoints: 2, deathPoints: 3 },
  { birthPoints: 3, deathPoints: 4 }
]

const sample = fc.constantFrom(...layouts).chain((layout) =>
  fc.record({
    result: fc.array(emission(layout), { maxLength: 4 }).map(advance),
    context: fc.record({
      stream: fc.string({ minLength: 1, unit: 'grapheme', maxLength: 20 }),
      scale: fc.constantFrom('fast', 'slow.1'),
      partition: fc.nat(9),
      layout: fc.constant(layout),
      maxBytes: fc.constant(1_000_000),
      rebuilt: fc.boolean(),
      eventTime: fc.boolean()
    })
  })
)

test('law_encoder: the text is JSON.stringify of the typed message, and its numbers round-trip', () => {
  fc.assert(
    fc.property(sample, ({ result, context }) => {
      expect(encodeAdvance(result, context)).toEqual(
        expected(result, context).map((message) => JSON.stringify(message))
      )
    }),
    { numRuns: 300 }
  )
})

/** The message whose parts these are. */
function assembled(parts: readonly DiagramMessage[]): DiagramMessage {
  const first: DiagramMessage = { ...parts[0]! }
  delete (first as { part?: unknown }).part
  if (first.type === 'snapshot')
    return { ...first, pairs: parts.flatMap((part) => (part as DiagramSnapshot).pairs) }
  const updates = parts as readonly DiagramUpdate[]
  return {
    ...first,
    removed: updates.flatMap((part) => part.removed),
    added: updates.flatMap((part) => part.added),
    moved: updates.flatMap((part) => part.moved)
  }
}

test('law_encoder: parts are within the limit, numbered, and together the whole message', () => {
  let cut = 0
  fc.assert(
    fc.property(sample, fc.integer({ min: 1024, max: 2000 }), ({ result, context }, maxBytes) => {
      const texts = encodeAdvance(result, { ...context, maxBytes })
      for (const text of texts) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxBytes)
      const messages = texts.map((text) => JSON.parse(text) as DiagramMessage)
      const whole: DiagramMessage[] = []
      for (let at = 0; at < messages.length;) {
        const of = messages[at]!.part?.of ?? 1
        const parts = messages.slice(at, at + of)
        if (of > 1) {
          cut++
          expect(parts.map(({ part }) => part)).toEqual(parts.map((_, index) => ({ index, of })))
        }
        whole.push(assembled(parts))
        at += of
      }
      expect(JSON.stringify(whole)).toBe(JSON.stringify(expected(result, context)))
    }),
    { numRuns: 300 }
  )
  expect(cut).toBeGreaterThan(0)
})

test('an item that does not fit beside the head is a part of its own', () => {
  const layout = layouts[0]!
  const fields = [1, NaN, 3, 1, 0, 0, 0, 2, 0, 0, 2, 2, 2, 2]
  const rowsOf = (kind: number): number[] => [kind, 0, 1, 2, 5, 0, 6, 0, kind, 0, 3, 4, 7, 0, 8, 0]
  const result = {
    emissions: Float64Array.from(fields),
    changes: Float64Array.from(rowsOf(1)),
    snapshots: Float64Array.from(rowsOf(1))
  }
  const context = {
    stream: 's',
    scale: 'a',
    partition: 0,
    layout,
    maxBytes: 10,
    rebuilt: false,
    eventTime: true
  }
  const messages = encodeAdvance(result, context).map((text) => JSON.parse(text) as DiagramMessage)
  expect(messages.map(({ type, part }) => [type, part?.index, part?.of])).toEqual([
    ['update', 0, 2],
    ['update', 1, 2],
    ['snapshot', 0, 2],
    ['snapshot', 1, 2]
  ])
})
