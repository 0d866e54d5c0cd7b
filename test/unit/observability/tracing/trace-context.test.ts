import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { MeshRecord } from '../../../../lib/mesh/event-mesh.js'
import {
  contextOf,
  isSampled,
  withContext,
  type Headers
} from '../../../../lib/observability/tracing/trace-context.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
const parent = (text: string): Headers => [['traceparent', text]]
const recordWith = (headers?: Headers): MeshRecord => ({
  topic: 't',
  partition: 0,
  offset: 0,
  key: null,
  value: null,
  timestamp: 0,
  ...(headers ? { headers } : {})
})

test.each([
  ['sampled', `00-${TRACE}-${SPAN}-01`, true],
  ['not sampled', `00-${TRACE}-${SPAN}-00`, false],
  ['further flags', `00-${TRACE}-${SPAN}-0b`, true],
  ['a later version with more to say', `cc-${TRACE}-${SPAN}-01-what-comes`, true]
])('%s is understood', (_, text, sampled) => {
  expect(contextOf(parent(text))).toEqual({ traceId: TRACE, spanId: SPAN, sampled })
  expect(isSampled(recordWith(parent(text)))).toBe(sampled)
})

test.each([
  ['nothing', ''],
  ['no trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['no span', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['version ff', `ff-${TRACE}-${SPAN}-01`],
  ['version 00 with more', `00-${TRACE}-${SPAN}-01-more`],
  ['too short', `00-${TRACE}-${SPAN}-1`],
  ['something else', 'b3: 1']
])('%s is no context', (_, text) => {
  expect(contextOf(parent(text))).toBeNull()
})

test('records without headers, or without that one, have no context', () => {
  expect(contextOf(undefined)).toBeNull()
  expect(isSampled(recordWith())).toBe(false)
  expect(isSampled(recordWith([['source', 'x']]))).toBe(false)
  expect(isSampled(recordWith(parent('')))).toBe(false)
})

test('law: what is put into headers is what comes out, and other headers stay', () => {
  const hex = (digits: number): fc.Arbitrary<string> =>
    fc
      .array(
        fc.integer({ min: 0, max: 15 }).map((digit) => digit.toString(16)),
        { minLength: digits, maxLength: digits }
      )
      .map((all) => all.join(''))
      .filter((text) => !/^0+$/.test(text))
  fc.assert(
    fc.property(
      hex(32),
      hex(16),
      fc.boolean(),
      fc.option(fc.constant('a=1,b=2')),
      (traceId, spanId, sampled, state) => {
        const context = { traceId, spanId, sampled, ...(state === null ? {} : { traceState: state }) }
        const before: Headers = [
          ['source', 'x'],
          ['traceparent', 'old'],
          ['tracestate', 'old'],
          ['z', 'y']
        ]
        const headers = withContext(before, context)
        expect(contextOf(headers)).toEqual(context)
        expect(headers.filter(([name]) => !name.startsWith('trace'))).toEqual([
          ['source', 'x'],
          ['z', 'y']
        ])
        expect(isSampled(recordWith(headers))).toBe(sampled)
      }
    )
  )
})
