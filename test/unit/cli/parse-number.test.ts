import { expect, test } from '@jest/globals'
import { wholeNumber } from '../../../lib/cli/parse-number.js'

test('whole numbers are read as people write them, others refused with the bounds', () => {
  const parse = wholeNumber(1, 1_000_000)
  expect(['7', '1e6', '1_000', '2.5e3'].map(parse)).toEqual([7, 1_000_000, 1000, 2500])
  for (const text of ['', '0', '-1', '1.5', '1e7', 'ten', '0x10', ' 5', 'Infinity']) {
    expect(() => parse(text)).toThrow('Expected a whole number from 1 to 1000000.')
  }
})
