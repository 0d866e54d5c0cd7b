/** Numbers and lists on the command line. */
import { InvalidArgumentError } from 'commander'
import { decimal } from '../adapters/scalars.js'
import { durationMs } from '../config/duration.js'

/** A parser of whole numbers from `min` to `max` for commander's options; `1e6` and `1_000_000` are numbers too. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d[\d_]*(\.\d+)?(e\d+)?$/i.test(text) ? Number(text.replaceAll('_', '')) : NaN
    if (Number.isInteger(value) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`)
  }
}

/** A parser of numbers that are not negative, for commander's options. */
export function notNegative(text: string): number {
  const value = decimal(text)
  if (value !== undefined && value >= 0) return value
  throw new InvalidArgumentError('Expected a number that is not negative.')
}

/** Names separated by commas, for commander's options. */
export function nameList(text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  if (names.every((name) => name !== '')) return names
  throw new InvalidArgumentError('Expected names separated by commas.')
}

/** A parser of durations such as `30s` for commander's options; answers ms. */
export function durationOption(maxMs: number): (text: string) => number {
  return (text) => {
    const { data } = durationMs.safeParse(text)
    if (data !== undefined && data <= maxMs) return data
    throw new InvalidArgumentError(`Expected a duration such as 30s or 5m, at most ${maxMs / 1000}s.`)
  }
}
