import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { createDecoder } from '../../lib/adapters/decoder.js'
import type { MeshRecord, RecordBatch, RecordColumns } from '../../lib/mesh/event-mesh.js'
import { nativeAddon } from '../../lib/native.js'
import { configWith } from '../support/config.js'

interface Row {
  readonly id: string
  readonly a: number
  readonly b: number | null
}

const row: fc.Arbitrary<Row> = fc.record({
  id: fc.constantFrom('x', 'y', 'z'),
  a: fc.double({ noNaN: true, noDefaultInfinity: true }),
  b: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { freq: 10 })
})
const log = fc.array(fc.record({ partition: fc.nat(2), rows: fc.array(row, { maxLength: 4 }) }), {
  maxLength: 2000,
  size: 'medium'
})

/** The dull twin: a map of lists. */
function expected(
  records: readonly { readonly partition: number; readonly rows: readonly Row[] }[]
): unknown {
  const streams = new Map<string, { values: number[]; offsets: number[]; indices: number[] }>()
  let rejected = 0
  records.forEach(({ partition, rows }, offset) => {
    if (rows.length === 0 || rows.some(({ b }) => b === null)) {
      rejected++
      return
    }
    rows.forEach(({ id, a, b }, index) => {
      const name = `${partition}/${id}`
      const stream = streams.get(name) ?? { values: [], offsets: [], indices: [] }
      streams.set(name, stream)
      stream.values.push(a, b!)
      stream.offsets.push(offset)
      stream.indices.push(index)
    })
  })
  return { rejected, streams: [...streams] }
}

test('law_decoder: columns per stream are what grouping record by record gives, however the log is cut in batches', () => {
  const decoder = createDecoder(configWith({ channels: ['a', 'b'], stream: { from: 'field', field: 'id' } }))
  fc.assert(
    fc.property(log, (records) => {
      const mesh = records.map(({ partition, rows }, offset): MeshRecord => {
        // JSON writes -0 as 0; this input is about order, not about signs.
        return {
          topic: 't',
          partition,
          offset,
          key: null,
          value: Buffer.from(JSON.stringify(rows)),
          timestamp: 0
        }
      })
      const { streams, rejected } = decoder.decode(mesh)
      const found = {
        rejected: rejected.length,
        streams: streams.map(({ partition, stream, values, offsets, indices, records: sources, count }) => {
          expect(sources.map(({ offset }) => offset)).toEqual([...offsets])
          expect(count).toBe(indices.length)
          return [
            `${partition}/${stream}`,
            { values: [...values], offsets: [...offsets], indices: [...indices] }
          ]
        })
      }
      expect(JSON.stringify(found)).toBe(JSON.stringify(expected(records)))
    }),
    { numRuns: 200 }
  )
})

test('law_decoder: packed numbers give the points that JSON gives', () => {
  const channels = ['a', 'b', 'c']
  const binary = createDecoder(configWith({ format: 'binary', channels }))
  const json = createDecoder(configWith({ channels }))
  const double = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value))
  const rows = fc.array(fc.tuple(double, double, double), { minLength: 1, maxLength: 20 })
  const sent = fc.array(fc.record({ partition: fc.nat(2), key: fc.constantFrom('x', 'y'), rows }), {
    maxLength: 30
  })
  fc.assert(
    fc.property(sent, (records) => {
      const decoded = [json, binary].map((decoder) => {
        const { streams, rejected, points } = decoder.decode(
          records.map(({ partition, key, rows: points }, offset) => ({
            topic: 't',
            partition,
            offset,
            timestamp: 0,
            key: Buffer.from(key),
            value:
              decoder === json
                ? Buffer.from(JSON.stringify(points.map(([a, b, c]) => ({ a, b, c }))))
                : Buffer.from(Float64Array.from(points.flat()).buffer)
          }))
        )
        return { points, rejected, streams: streams.map((stream) => ({ ...stream, records: null })) }
      })
      expect(decoded[1]).toEqual(decoded[0])
    }),
    { numRuns: 200 }
  )
})

/** JSON texts of records: ordinary ones, and those that are easily taken for it. */
const jsonText = fc.oneof(
  { weight: 3, arbitrary: fc.record({ a: double(), b: double() }).map((row) => JSON.stringify(row)) },
  fc.json(),
  fc
    .tuple(
      numberText(),
      numberText(),
      fc.constantFrom('', ',"c":"x"', ',"a":3', ' , "c" : null ', ',"c":[]', ',"\\u0061":7', ',"é":1', ',')
    )
    .map(([a, b, more]) => `{ "a":${a},"b" : ${b}${more}}`),
  fc.string()
)
function double(): fc.Arbitrary<number> {
  return fc.double({ noNaN: true, noDefaultInfinity: true })
}
function numberText(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.double().map(String),
    fc.stringMatching(/^-?[0-9]{1,20}(\.[0-9]{0,20})?([eE][+-]?[0-9]{1,3})?$/),
    fc.constantFrom(
      '-0',
      '01',
      '+1',
      '.5',
      '1.',
      '1e400',
      '1e-400',
      '0x10',
      'null',
      '"1"',
      '"x"',
      'true',
      '-',
      '5e-324'
    )
  )
}

/** What the columnar reader hands over. */
function inColumns(records: readonly MeshRecord[]): RecordBatch {
  const keyStarts: number[] = []
  const valueStarts: number[] = []
  const parts: Uint8Array[] = []
  let at = 0
  for (const { key, value } of records) {
    for (const [starts, part] of [
      [keyStarts, key],
      [valueStarts, value]
    ] as const) {
      starts.push(at)
      parts.push(part ?? new Uint8Array())
      at += part?.length ?? 0
    }
  }
  const lengths = (of: (record: MeshRecord) => Uint8Array | null): Int32Array =>
    Int32Array.from(records, (record) => of(record)?.length ?? -1)
  const columns: RecordColumns = {
    bytes: Buffer.concat(parts),
    keyStarts: Uint32Array.from(keyStarts),
    keyLengths: lengths(({ key }) => key),
    valueStarts: Uint32Array.from(valueStarts),
    valueLengths: lengths(({ value }) => value)
  }
  return Object.assign([...records], { columns })
}

test('law_decoder: records in columns are decoded and refused like any others', () => {
  const configs = [
    { timestamp: { from: 'none' } },
    { timestamp: { from: 'record' } },
    { timestamp: { from: 'field', field: 'b', unit: 'ms' } }
  ].map((input) => configWith({ channels: ['a', 'b'], ...input }))
  const record = fc.record({
    partition: fc.nat(1),
    key: fc.constantFrom(
      null,
      Buffer.from('x'),
      Buffer.from('ü'),
      Buffer.from([0xff]),
      Buffer.from('y'.repeat(300))
    ),
    value: fc.option(
      jsonText.map((text) => Buffer.from(text)),
      { freq: 20 }
    ),
    timestamp: fc.constantFrom(-1, 5)
  })
  let short = 0
  fc.assert(
    fc.property(fc.array(record, { maxLength: 40 }), fc.constantFrom(...configs), (rows, config) => {
      const records = rows.map((row, offset): MeshRecord => ({ topic: 't', offset, ...row }))
      const plain = createDecoder(config).decode(records)
      const batch = inColumns(records)
      expect(createDecoder(config).decode(batch)).toEqual(plain)
      const { bytes, valueStarts, valueLengths } = batch.columns!
      short += nativeAddon()
        .flatJson(bytes, valueStarts, valueLengths, ['a', 'b'])
        .taken.filter((one) => one === 1).length
    }),
    { numRuns: 500 }
  )
  expect(short).toBeGreaterThan(1000) // The short cut was taken.
})
