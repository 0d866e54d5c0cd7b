import { describe, expect, test } from '@jest/globals'
import { createDecoder, type DecodedBatch } from '../../../lib/adapters/decoder.js'
import type { MeshRecord } from '../../../lib/mesh/event-mesh.js'
import { configWith } from '../../support/config.js'

function record(
  value: string | Uint8Array | null,
  key: string | Uint8Array | null = 'mote',
  more: Partial<MeshRecord> = {}
): MeshRecord {
  const bytes = (text: string | Uint8Array | null): Uint8Array | null =>
    typeof text === 'string' ? Buffer.from(text) : text
  return {
    topic: 'points',
    partition: 0,
    offset: 7,
    timestamp: 1000,
    key: bytes(key),
    value: bytes(value),
    ...more
  }
}

function decode(input: Record<string, unknown>, ...records: MeshRecord[]): DecodedBatch {
  return createDecoder(configWith(input)).decode(records)
}

/** What is refused, as `reason: message`. */
function refusal(input: Record<string, unknown>, one: MeshRecord): string {
  const { rejected, points, streams } = decode(input, one)
  expect({ points, streams, count: rejected.length }).toEqual({ points: 0, streams: [], count: 1 })
  expect(rejected[0]!.record).toBe(one)
  return `${rejected[0]!.reason}: ${rejected[0]!.message}`
}

describe('json', () => {
  test('an object is one point; the key names the stream', () => {
    const one = record('{"value": 1.5}')
    const batch = decode({}, one)
    expect(batch).toEqual({
      points: 1,
      rejected: [],
      streams: [
        {
          partition: 0,
          stream: 'mote',
          count: 1,
          values: Float64Array.of(1.5),
          timestamps: null,
          offsets: Float64Array.of(7),
          indices: Uint32Array.of(0),
          records: [one]
        }
      ]
    })
  })

  test('an array is several points of possibly several streams, numbered within the record', () => {
    const input = { channels: ['a', 'b'], stream: { from: 'field', field: 'id' } }
    const batch = decode(
      input,
      record('[{"id":"x","a":1,"b":2},{"id":3,"a":3,"b":4},{"id":"x","a":5,"b":6}]', null)
    )
    expect(
      batch.streams.map(({ stream, values, indices }) => ({
        stream,
        values: [...values],
        indices: [...indices]
      }))
    ).toEqual([
      { stream: 'x', values: [1, 2, 5, 6], indices: [0, 2] },
      { stream: '3', values: [3, 4], indices: [1] }
    ])
  })

  test('a record with one bad point is refused whole, and leaves no trace in the order of streams', () => {
    const input = { stream: { from: 'field', field: 'id' } }
    const bad = record('[{"id":"x","value":1},{"id":"y","value":null}]')
    const batch = decode(input, bad, record('{"id":"y","value":2}'), record('{"id":"x","value":3}'))
    expect(batch.rejected).toEqual([
      {
        record: bad,
        reason: 'missing_field',
        message: 'point 1: field "value" is missing or empty, expected a number'
      }
    ])
    expect(batch.streams.map(({ stream, count, values }) => [stream, count, [...values]])).toEqual([
      ['y', 1, [2]],
      ['x', 1, [3]]
    ])
    expect(batch.points).toBe(2)
  })

  test('one stream in two partitions is two entries', () => {
    const batch = decode(
      {},
      record('{"value":1}'),
      record('{"value":2}', 'mote', { partition: 1 }),
      record('{"value":3}')
    )
    expect(batch.streams.map(({ partition, values }) => [partition, [...values]])).toEqual([
      [0, [1, 3]],
      [1, [2]]
    ])
  })

  test('field paths reach into objects and arrays; a name with dots wins over a path', () => {
    const input = { channels: ['sensor.t', 'v.1', 'a.b'] }
    const batch = decode(input, record('{"sensor":{"t":1},"v":[5,6],"a.b":7,"a":{"b":8}}'))
    expect([...batch.streams[0]!.values]).toEqual([1, 6, 7])
  })

  test('numbers in texts are numbers; extremes and -0 pass as they are', () => {
    const texts = ['"1.5"', '" -2e3 "', '".5"', '1e308', '5e-324', '-0']
    const batch = decode({}, ...texts.map((text) => record(`{"value":${text}}`)))
    expect([...batch.streams[0]!.values]).toEqual([1.5, -2000, 0.5, 1e308, 5e-324, -0])
  })

  test.each([
    ['{"value":', 'unparsable: the value is not JSON'],
    ['{"value":NaN}', 'unparsable: the value is not JSON'],
    ['7', 'unparsable: the value is 7, expected a JSON object'],
    ['null', 'unparsable: the value is null, expected a JSON object'],
    ['[[1]]', 'unparsable: point 0: the value is an array of 1, expected a JSON object'],
    [new Uint8Array([0x7b, 0xff, 0x7d]), 'unparsable: the value is not UTF-8 text'],
    ['[]', 'empty: the value is an empty array'],
    ['', 'empty: the record has no value'],
    [null, 'empty: the record has no value'],
    ['{}', 'missing_field: field "value" is missing or empty, expected a number'],
    ['{"value":""}', 'missing_field: field "value" is missing or empty'],
    ['{"value":1e999}', 'non_finite: field "value" is Infinity, expected a finite number'],
    ['{"value":"NaN"}', 'non_finite: field "value" is "NaN", expected a finite number'],
    ['{"value":"-inf"}', 'non_finite: field "value" is "-inf", expected a finite number'],
    ['{"value":"0x10"}', 'unparsable: field "value" is "0x10", expected a number'],
    ['{"value":"warm"}', 'unparsable: field "value" is "warm", expected a number'],
    ['{"value":true}', 'unparsable: field "value" is true, expected a number'],
    ['{"value":[1,2]}', 'wrong_dimension: field "value" is an array of 2, expected one number'],
    ['{"value":{"x":1}}', 'wrong_dimension: field "value" is an object, expected one number']
  ])('%p is refused: %s', (value, expected) => {
    expect(refusal({}, record(value))).toContain(expected)
  })

  test('names of Object.prototype are missing fields like any other', () => {
    expect(refusal({ channels: ['constructor'] }, record('{}'))).toContain(
      'missing_field: field "constructor"'
    )
    expect(refusal({ channels: ['toString.length'] }, record('{}'))).toContain('missing_field')
    expect(refusal({ stream: { from: 'field', field: '__proto__' } }, record('{"value":1}'))).toContain(
      'missing_key'
    )
  })
})

describe('stream names', () => {
  test.each([
    [null, 'missing_key: the record has no key'],
    ['', 'missing_key: the record has no key'],
    [new Uint8Array([0xc3, 0x28]), 'missing_key: the record key is not UTF-8 text'],
    ['k'.repeat(257), 'missing_key: the record key is longer than 256 characters']
  ])('key %p is refused: %s', (key, expected) => {
    expect(refusal({}, record('{"value":1}', key))).toContain(expected)
  })

  test('a key may hold the replacement character itself', () => {
    expect(decode({}, record('{"value":1}', '\ufffd')).streams[0]!.stream).toBe('\ufffd')
  })

  test.each([
    ['{"value":1}', 'missing_key: stream field "id" is missing or empty, expected a text or a number'],
    ['{"value":1,"id":""}', 'missing_key: stream field "id" is missing or empty'],
    ['{"value":1,"id":false}', 'missing_key: stream field "id" is false, expected a text or a number'],
    [`{"value":1,"id":"${'x'.repeat(300)}"}`, 'missing_key: stream field "id" is longer than 256 characters']
  ])('field in %p is refused: %s', (value, expected) => {
    expect(refusal({ stream: { from: 'field', field: 'id' } }, record(value))).toContain(expected)
  })
})

describe('event time', () => {
  test('from a field: ISO 8601, seconds, milliseconds', () => {
    const at = (unit: string, text: string): number[] => {
      const input = { timestamp: { from: 'field', field: 't', unit } }
      return [...decode(input, record(`{"value":1,"t":${text}}`)).streams[0]!.timestamps!]
    }
    expect(at('iso', '"2014-01-07 02:55:00"')).toEqual([Date.UTC(2014, 0, 7, 2, 55)])
    expect(at('s', '1388534400.123')).toEqual([1388534400123])
    expect(at('s', '"1388534400"')).toEqual([1388534400000])
    expect(at('ms', '1388534400123.5')).toEqual([1388534400123.5])
  })

  test('from the record', () => {
    const input = { timestamp: { from: 'record' } }
    expect([...decode(input, record('{"value":1}')).streams[0]!.timestamps!]).toEqual([1000])
    expect(refusal(input, record('{"value":1}', 'mote', { timestamp: -1 }))).toContain('bad_timestamp')
  })

  test.each([
    ['iso', '{"value":1}', 'missing_field: timestamp field "t" is missing or empty'],
    [
      'iso',
      '{"value":1,"t":"yesterday"}',
      'bad_timestamp: timestamp field "t" is "yesterday", expected an ISO 8601'
    ],
    ['iso', '{"value":1,"t":5}', 'bad_timestamp: timestamp field "t" is 5, expected an ISO 8601'],
    [
      'ms',
      '{"value":1,"t":"2014-01-07"}',
      'bad_timestamp: timestamp field "t" is "2014-01-07", expected milliseconds'
    ],
    ['s', '{"value":1,"t":1e300}', 'bad_timestamp: timestamp field "t" is 1e+300, expected seconds']
  ])('%s %p is refused: %s', (unit, value, expected) => {
    expect(refusal({ timestamp: { from: 'field', field: 't', unit } }, record(value))).toContain(expected)
  })
})

describe('csv', () => {
  const input = {
    format: 'csv',
    columns: ['id', 'time', 'value'],
    timestamp: { from: 'field', field: 'time', unit: 's' },
    stream: { from: 'field', field: 'id' }
  }

  test('every line is a point; blank lines, CRLF and blanks around fields do not matter', () => {
    const batch = decode(input, record('a,1,1.5\r\n\r\n b , 2 , 2.5 \n"a","3",3.5'))
    expect(
      batch.streams.map(({ stream, values, timestamps, indices }) => [
        stream,
        [...values],
        [...timestamps!],
        [...indices]
      ])
    ).toEqual([
      ['a', [1.5, 3.5], [1000, 3000], [0, 2]],
      ['b', [2.5], [2000], [1]]
    ])
    expect(decode(input, record('a,1,1.5\r\n\r\n b , 2 , 2.5 \n')).points).toBe(2)
  })

  test('quoted fields may hold commas, quotes and line breaks', () => {
    expect(decode(input, record('"a, ""b""\nc",1,2')).streams[0]!.stream).toBe('a, "b"\nc')
  })

  test.each([
    ['a,1', 'wrong_dimension: 2 fields, expected 3 (id, time, value)'],
    ['a,1,2\nb,1,2,3', 'wrong_dimension: line 2: 4 fields, expected 3'],
    ['a,1,', 'missing_field: field "value"'],
    ['a,1,x', 'unparsable: field "value" is "x", expected a number'],
    ['a,1,nan', 'non_finite: field "value"'],
    ['a,,2', 'missing_field: timestamp field "time"'],
    ['a,noon,2', 'bad_timestamp: timestamp field "time" is "noon"'],
    [',1,2', 'missing_key: stream field "id" is missing or empty'],
    ['"a,1,2', 'unparsable: the value is not CSV'],
    [' \n ', 'empty: the value has no line'],
    ['', 'empty: the record has no value'],
    [new Uint8Array([0x61, 0xff]), 'unparsable: the value is not UTF-8 text']
  ])('%p is refused: %s', (value, expected) => {
    expect(refusal(input, record(value))).toContain(expected)
  })

  test('key and record timestamp serve as for JSON', () => {
    const batch = decode({ format: 'csv', columns: ['value'], timestamp: { from: 'record' } }, record('1\n2'))
    expect([...batch.streams[0]!.timestamps!]).toEqual([1000, 1000])
    expect(batch.streams[0]!.stream).toBe('mote')
    expect([...decode({ format: 'csv', columns: ['value'] }, record('1')).streams[0]!.values]).toEqual([1])
  })

  test('a column that is not there is an error of the configuration', () => {
    const config = configWith({ format: 'csv', columns: ['value'] })
    const broken = { ...config, input: { ...config.input, columns: ['other'] } }
    expect(() => createDecoder(broken)).toThrow('needs a CSV column "value"; there are other')
    expect(() => createDecoder({ ...config, input: { ...config.input, columns: undefined } })).toThrow(
      'none are named'
    )
  })
})

test('batches do not share memory: what was decoded before stays as it was', () => {
  const decoder = createDecoder(configWith())
  const first = decoder.decode([record('{"value":1}')])
  decoder.decode([record('{"value":2}')])
  expect([...first.streams[0]!.values]).toEqual([1])
})

describe('binary', () => {
  const binary = { format: 'binary', channels: ['a', 'b'] }
  const doubles = (...numbers: number[]): Buffer => {
    const bytes = Buffer.alloc(8 * numbers.length)
    numbers.forEach((number, i) => bytes.writeDoubleLE(number, 8 * i))
    return bytes
  }

  test('a row of float64 is a point, wherever the value lies in its buffer', () => {
    const shifted = Buffer.concat([Buffer.from('x'), doubles(1, 2, -0, 5e-324)]).subarray(1)
    const { streams } = decode(binary, record(shifted))
    expect(streams.map(({ stream, count }) => [stream, count])).toEqual([['mote', 2]])
    expect(streams[0]!.values).toEqual(Float64Array.of(1, 2, -0, 5e-324))
    expect([...streams[0]!.indices]).toEqual([0, 1])
    expect(streams[0]!.timestamps).toBeNull()
  })

  test('float32, and timestamps that lead their rows', () => {
    const row = (time: number, value: number): Buffer => {
      const bytes = Buffer.alloc(12)
      bytes.writeDoubleLE(time)
      bytes.writeFloatLE(value, 8)
      return bytes
    }
    const input = {
      format: 'binary',
      channels: ['a'],
      binary: { type: 'float32' },
      timestamp: { from: 'field', unit: 's' }
    }
    const { streams } = decode(input, record(Buffer.concat([row(1.5, 0.1), row(2, 7)])))
    expect([...streams[0]!.values]).toEqual([Math.fround(0.1), 7])
    expect([...streams[0]!.timestamps!]).toEqual([1500, 2000])
    expect(refusal(input, record(Buffer.concat([row(1, 1), row(NaN, 1)])))).toBe(
      'bad_timestamp: point 1: timestamp field "timestamp" is NaN, expected seconds since the epoch'
    )
  })

  test('record timestamps hold for all rows', () => {
    const { streams } = decode({ ...binary, timestamp: { from: 'record' } }, record(doubles(1, 2, 3, 4)))
    expect([...streams[0]!.timestamps!]).toEqual([1000, 1000])
  })

  test('refusals say what was found, and leave nothing of the record behind', () => {
    expect(refusal(binary, record(Buffer.alloc(17)))).toBe(
      'wrong_dimension: the value has 17 bytes, expected a multiple of 16, the bytes of a point'
    )
    expect(refusal(binary, record(doubles(1, 2, 3, NaN)))).toBe(
      'non_finite: point 1: channel "b" is NaN, expected a finite number'
    )
    expect(refusal({ ...binary, binary: { pointsMax: 1 } }, record(doubles(1, 2, 3, 4)))).toBe(
      'too_many_points: the value has 2 points, expected at most 1 (input.binary.pointsMax)'
    )
    expect(refusal(binary, record(Buffer.alloc(0)))).toBe('empty: the record has no value')
    expect(refusal(binary, record(null))).toBe('empty: the record has no value')
    expect(refusal(binary, record(doubles(1, 2), null))).toMatch(/^missing_key: /)
  })

  test('settings that need names are refused', () => {
    const issues = (input: Record<string, unknown>) => () => configWith({ ...binary, ...input })
    expect(issues({ stream: { from: 'field', field: 'id' } })).toThrow(/input.stream.from: .*use "key"/)
    expect(issues({ timestamp: { from: 'field', field: 't', unit: 'ms' } })).toThrow(
      /input.timestamp.field: /
    )
    expect(issues({ timestamp: { from: 'field' } })).toThrow(/input.timestamp.unit: expected "ms" or "s"/)
    expect(issues({ columns: ['a', 'b'] })).toThrow(/input.columns: only for the format "csv"/)
  })
})
