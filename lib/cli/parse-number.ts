/** Numbers on the command line. */
import { InvalidArgumentError } from 'commander'

/** A parser of whole numbers from `min` to `max` for commander's options; `1e6` and `1_000_000` are numbers too. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d[\d_]*(\.\d+)?(e\d+)?$/i.test(text) ? Number(text.replaceAll('_', '')) : NaN
    if (Number.isInteger(value) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`)
  }
}
