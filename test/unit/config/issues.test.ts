import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { editDistance, foundText, nearest, pathText } from '../../../lib/config/issues.js'

test('paths are written as one would in code', () => {
  expect(pathText(['scales', 1, 'window'])).toBe('scales[1].window')
  expect(pathText(['kafka', 'librdkafka', 'sasl.password'])).toBe('kafka.librdkafka["sasl.password"]')
  expect(pathText([])).toBe('the configuration')
})

test('what was found is shown, but for what may be a secret', () => {
  const root = {
    a: 'x'.repeat(99),
    kafka: { librdkafka: { 'sasl.password': 'hunter2' } },
    list: [],
    empty: null,
    map: {}
  }
  expect(foundText(root, ['a'])).toBe(`"${'x'.repeat(60)}..."`)
  expect(foundText(root, ['kafka', 'librdkafka', 'sasl.password'])).toBe('a string')
  expect(foundText(root, ['list'])).toBe('an empty list')
  expect(foundText(root, ['empty'])).toBe('an empty value')
  expect(foundText(root, ['map'])).toBe('a mapping')
  expect(foundText(root, ['toString'])).toBe('nothing')
})

test('the nearest known name is proposed only where it is a slip of the pen', () => {
  const known = ['window', 'slide', 'filtration', 'channel']
  expect(nearest('windw', known)).toBe('window')
  expect(nearest('Filtraton', known)).toBe('filtration')
  expect(nearest('colour', known)).toBeUndefined()
})

/** The definition, by recursion. */
function naive(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length
  const replaced = naive(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1)
  return Math.min(replaced, naive(a.slice(1), b) + 1, naive(a, b.slice(1)) + 1)
}

test('oracle_edit_distance: equals the recursive definition', () => {
  const word = fc.string({ maxLength: 5, unit: fc.constantFrom('a', 'b', 'c') })
  fc.assert(fc.property(word, word, (a, b) => expect(editDistance(a, b)).toBe(naive(a, b))))
})
