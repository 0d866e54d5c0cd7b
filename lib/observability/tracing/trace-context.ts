/**
 * A place in a trace as plain data, so that it crosses threads, and its W3C form in the headers of a record
 * (https://www.w3.org/TR/trace-context/).
 */
import type { MeshRecord } from '../../mesh/event-mesh.js'

/** A span that others may continue or link to. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly spanId: string
  /** Whether the trace is recorded. */
  readonly sampled: boolean
  /** `tracestate`, as it came. */
  readonly traceState?: string
}

/** As records of a mesh have them. */
export type Headers = readonly (readonly [name: string, value: string])[]

export const TRACEPARENT = 'traceparent'
export const TRACESTATE = 'tracestate'

/** Version 00 has exactly this length, later ones at least; the flags are its last two digits. */
const LENGTH = 55
const NINE = 0x39
const F = 0x66
const FORM = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-.*)?$/

/** The context in the headers of a record, or `null` where there is none, or one that is not valid. */
export function contextOf(headers: Headers | undefined): TraceContext | null {
  const parent = valueOf(headers, TRACEPARENT)
  if (parent === undefined) return null
  const match = FORM.exec(parent)
  if (!match || (parent.startsWith('00') && parent.length !== LENGTH)) return null
  const [, traceId = '', spanId = '', flags = ''] = match
  const traceState = valueOf(headers, TRACESTATE)
  const sampled = (parseInt(flags, 16) & 1) === 1
  return { traceId, spanId, sampled, ...(traceState === undefined ? {} : { traceState }) }
}

/** Whether the record says that its trace is recorded. Looks at one character, because it is asked of every record. */
export function isSampled({ headers }: MeshRecord): boolean {
  if (headers === undefined) return false
  for (let i = 0; i < headers.length; i++) {
    const header = headers[i]!
    if (header[0] === TRACEPARENT) return isOdd(header[1].charCodeAt(LENGTH - 1))
  }
  return false
}

/** Whether it is an odd hexadecimal digit: odd code points below ten, even ones from `b` to `f`. False for NaN, no character. */
function isOdd(code: number): boolean {
  return code <= NINE ? (code & 1) === 1 : code <= F && (code & 1) === 0
}

/** `headers` with the context in them, instead of another one. */
export function withContext(
  headers: Headers,
  { traceId, spanId, sampled, traceState }: TraceContext
): Headers {
  const others = headers.filter(([name]) => name !== TRACEPARENT && name !== TRACESTATE)
  const parent = [TRACEPARENT, `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`] as const
  return traceState === undefined ? [...others, parent] : [...others, parent, [TRACESTATE, traceState]]
}

function valueOf(headers: Headers | undefined, wanted: string): string | undefined {
  return headers?.find(([name]) => name === wanted)?.[1]
}
