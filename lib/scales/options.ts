/** What users of the library give as options, checked by name: a misspelt one must not be ignored. Pure. */
import { inspect } from 'node:util'
import { TdaError } from '../errors.js'

const SERIES = ['filtration', 'channel']
const RIPS = ['filtration', 'channels', 'embedding', 'metric', 'weights', 'maxDimension', 'threshold']

/**
 * @param where What the options are of, for the message.
 * @throws TdaError INVALID_ARGUMENT for what is no object, and for names that are not among `known`.
 */
export function requireOptions(options: unknown, known: readonly string[], where: string): void {
  if (typeof options !== 'object' || options === null) refuse(where, 'an object of options', options)
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  if (unknown === undefined) return
  throw new TdaError('INVALID_ARGUMENT', `${where}: unknown option ${unknown}; there are ${known.join(', ')}`)
}

/** As {@link requireOptions} for options that say what is computed; `others` are the names besides. */
export function requireFiltrationOptions(options: unknown, others: readonly string[], where: string): void {
  const { filtration, embedding } = Object(options) as Record<string, unknown>
  const rips = filtration === 'rips'
  requireOptions(options, [...(rips ? RIPS : SERIES), ...others], where)
  if (rips && embedding !== undefined) {
    requireOptions(embedding, ['dimension', 'delay', 'stride'], `${where}: embedding`)
  }
}

/** @throws TdaError INVALID_ARGUMENT for what is neither `{ count }` nor `{ spanMs, pointsMax }`. */
export function requireWindow(window: unknown, where = 'window'): void {
  const given = namesOf(window)
  if (given !== 'count' && given !== 'pointsMax,spanMs') {
    refuse(where, '{ count } or { spanMs, pointsMax }', window)
  }
}

/** @throws TdaError INVALID_ARGUMENT for what is neither `{ count }` nor `{ everyMs }` nor left out. */
export function requireSlide(slide: unknown, where = 'slide'): void {
  if (slide === undefined) return
  const given = namesOf(slide)
  if (given !== 'count' && given !== 'everyMs') refuse(where, '{ count } or { everyMs }', slide)
}

function namesOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return ''
  return Object.entries(value)
    .flatMap(([name, given]) => (given === undefined ? [] : [name]))
    .sort()
    .join()
}

function refuse(where: string, expected: string, found: unknown): never {
  const isObject = typeof found === 'object' && found !== null
  const shown = isObject ? `{ ${Object.keys(found).join(', ')} }` : inspect(found)
  throw new TdaError('INVALID_ARGUMENT', `${where}: expected ${expected}, found ${shown}`)
}
