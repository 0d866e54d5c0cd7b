/**
 * Event time: milliseconds since the epoch, out of ISO 8601 texts or numbers.
 *
 * The same text means the same instant on every machine, so a date without a zone is UTC. (`Date.parse` takes it as local
 * time, and what else it accepts differs from engine to engine.)
 */
import { readNumber, show, type Refusal } from './scalars.js'

export type TimestampUnit = 'iso' | 'ms' | 's'

/** What `Date` can express; beyond it an instant has no ISO text. */
const MS_MAX = 8.64e15

const ISO =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,3})(\d*))?)?\s*(?:([Zz])|([+-])(\d{2}):?(\d{2})?)?)?$/

/**
 * Milliseconds since the epoch of `2014-01-07 02:55:00`, `2014-01-07T02:55:00.250Z`, `2014-01-07T03:55+01:00` or
 * `2014-01-07`; `NaN` when the text is none or names a day or time that does not exist (a leap second does not). Digits
 * beyond the millisecond are kept as a fraction, as far as a float64 holds them (about a quarter of a microsecond).
 */
export function parseIso(text: string): number {
  const match = ISO.exec(text.trim())
  if (match === null) return NaN
  const [, year, month, day, hour = '0', minute = '0', second = '0', milli = '', rest = ''] = match
  const [, , , , , , , , , , sign, zoneHour = '0', zoneMinute = '0'] = match
  const y = Number(year)
  const m = Number(month)
  const d = Number(day)
  if (m < 1 || m > 12 || d < 1 || d > daysInMonth(y, m)) return NaN
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return NaN
  if (Number(zoneHour) > 23 || Number(zoneMinute) > 59) return NaN
  const zone = (Number(zoneHour) * 60 + Number(zoneMinute)) * (sign === '-' ? -60_000 : 60_000)
  const whole = utc(y, m - 1, d) + (Number(hour) * 3600 + Number(minute) * 60 + Number(second)) * 1000
  return whole - zone + Number(milli.padEnd(3, '0')) + (rest === '' ? 0 : Number(`0.${rest}`))
}

/** `Date.UTC` takes the years 0 to 99 for 1900 to 1999. */
function utc(year: number, month: number, day: number): number {
  const date = new Date(0)
  return date.setUTCFullYear(year, month, day)
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** The instant a field stands for, in milliseconds since the epoch. Seconds are rounded to the microsecond. */
export function readTimestamp(found: unknown, unit: TimestampUnit, field: string): number | Refusal {
  if (found === undefined || found === null || found === '') {
    return { reason: 'missing_field', message: `timestamp field "${field}" is missing or empty` }
  }
  const ms = unit === 'iso' ? isoOf(found) : numberOf(found, unit, field)
  if (Math.abs(ms) <= MS_MAX) return ms
  return {
    reason: 'bad_timestamp',
    message: `timestamp field "${field}" is ${show(found)}, expected ${EXPECTED[unit]}`
  }
}

const EXPECTED: Record<TimestampUnit, string> = {
  iso: 'an ISO 8601 date and time such as "2014-01-07T02:55:00Z"',
  ms: 'milliseconds since the epoch',
  s: 'seconds since the epoch'
}

function isoOf(found: unknown): number {
  return typeof found === 'string' ? parseIso(found) : NaN
}

function numberOf(found: unknown, unit: 'ms' | 's', field: string): number {
  const number = readNumber(found, field)
  if (typeof number !== 'number') return NaN
  return unit === 'ms' ? number : Math.round(number * 1e6) / 1e3
}
