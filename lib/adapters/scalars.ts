/**
 * Reading one number, one instant or one field out of a decoded value. All three answer with a value or with a
 * `Refusal`; nothing here throws, because a bad record is ordinary input.
 */
import type { RejectReason } from './decoder.js'

/** Why a record is not taken. `message` names the field and what was found in it. */
export interface Refusal {
  readonly reason: RejectReason
  readonly message: string
}

/** Decimal notation only: `Number` alone would also take `''`, `0x10` and `0b1`. */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const NON_FINITE = /^[+-]?(?:nan|inf|infinity)$/i

/** The number a text stands for in decimal notation, blanks around it ignored; `undefined` when it is none. */
export function decimal(text: string): number | undefined {
  const trimmed = text.trim()
  return DECIMAL.test(trimmed) ? Number(trimmed) : undefined
}

/** A finite number: a JSON number, or a text in decimal notation. O(length of the text). */
export function readNumber(found: unknown, field: string): number | Refusal {
  const value = typeof found === 'string' ? textNumber(found) : found
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value
    return { reason: 'non_finite', message: `field "${field}" is ${show(found)}, expected a finite number` }
  }
  if (value === undefined || value === null || value === '') {
    return { reason: 'missing_field', message: `field "${field}" is missing or empty, expected a number` }
  }
  if (typeof value === 'object') {
    return { reason: 'wrong_dimension', message: `field "${field}" is ${show(found)}, expected one number` }
  }
  return { reason: 'unparsable', message: `field "${field}" is ${show(found)}, expected a number` }
}

function textNumber(text: string): number | string {
  const number = decimal(text)
  if (number !== undefined) return number
  const trimmed = text.trim()
  return NON_FINITE.test(trimmed) ? NaN : trimmed
}

/** A value as an error message shows it, cut to what fits in a line. */
export function show(found: unknown): string {
  if (Array.isArray(found)) return `an array of ${found.length}`
  if (typeof found === 'object' && found !== null) return 'an object'
  if (typeof found !== 'string') return String(found)
  return JSON.stringify(found.length > 60 ? `${found.slice(0, 60)}...` : found)
}

/** Reads one field of a decoded record. */
export type FieldReader = (value: unknown) => unknown

/**
 * Compiles `a.b.c`. Only own properties count, so `constructor` is a missing field like any other; a segment that is a
 * number reads an element of an array. A property whose name is the whole path wins over the path.
 */
export function compileFieldPath(path: string): FieldReader {
  const segments = path.split('.')
  if (segments.length === 1) return (value) => own(value, path)
  return (value) => {
    const whole = own(value, path)
    if (whole !== undefined) return whole
    let at = value
    for (const segment of segments) at = own(at, segment)
    return at
  }
}

function own(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  const found = (value as Record<string, unknown>)[name]
  // What JSON.parse makes are numbers, strings, booleans and plain objects; only inherited names need the second look.
  if (typeof found === 'number' || typeof found === 'string') return found
  return Object.hasOwn(value, name) ? found : undefined
}
