import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { parseIso } from '../../../lib/adapters/event-time.js'

test.each([
  ['2014-01-07', Date.UTC(2014, 0, 7)],
  ['2014-01-07 02:55', Date.UTC(2014, 0, 7, 2, 55)],
  ['2014-01-07 02:55:01', Date.UTC(2014, 0, 7, 2, 55, 1)],
  ['2014-01-07t02:55:01z', Date.UTC(2014, 0, 7, 2, 55, 1)],
  ['2014-01-07T02:55:01.5', Date.UTC(2014, 0, 7, 2, 55, 1, 500)],
  ['2014-01-07T02:55:01,25Z', Date.UTC(2014, 0, 7, 2, 55, 1, 250)],
  ['2014-01-07T02:55:01.123500', Date.UTC(2014, 0, 7, 2, 55, 1, 123) + 0.5],
  ['2014-01-07T02:55:01+01:00', Date.UTC(2014, 0, 7, 1, 55, 1)],
  ['2014-01-07T02:55:01-0130', Date.UTC(2014, 0, 7, 4, 25, 1)],
  ['2014-01-07T02:55+02', Date.UTC(2014, 0, 7, 0, 55)],
  [' 2016-02-29 ', Date.UTC(2016, 1, 29)],
  ['2000-02-29', Date.UTC(2000, 1, 29)],
  ['1969-12-31T23:59:59Z', -1000],
  ['0001-01-01', -62135596800000]
])('%s', (text, expected) => {
  expect(parseIso(text)).toBe(expected)
})

test.each([
  '',
  'yesterday',
  '2014',
  '2014-1-7',
  '2014-13-01',
  '2014-00-01',
  '2014-04-31',
  '2015-02-29',
  '1900-02-29',
  '2014-01-07 24:00',
  '2014-01-07 02:60',
  '2014-01-07 02:55:60',
  '2014-01-07Z',
  '2014-01-07T02:55:01+25:00',
  '2014-01-07T02:55:01+01:75',
  '2014-01-07T02:55:01.',
  '01/07/2014',
  '1388534400000'
])('%p is no instant', (text) => {
  expect(parseIso(text)).toBeNaN()
})

test('law_iso: what Date prints is read back', () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
      (date) => {
        expect(parseIso(date.toISOString())).toBe(date.getTime())
      }
    )
  )
})
