/**
 * What is wrong with a configuration, in the words of its author: the path, what was expected, what was found. Turns
 * zod's issues into these; `load.ts` adds file, line and column.
 */
import type { z } from 'zod'

export type ConfigPath = readonly (string | number)[]

export interface ConfigIssue {
  readonly path: ConfigPath
  /** A sentence without the path: `expected ..., found ...`. */
  readonly message: string
  /** The issue is about the key at the end of the path, not about its value. */
  readonly atKey?: true
}

/** `scales[1].window`; names with a dot or other signs are quoted: `kafka.librdkafka["sasl.password"]`. */
export function pathText(path: ConfigPath): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (!/^[A-Za-z_]\w*$/.test(step)) text += `[${JSON.stringify(step)}]`
    else text += text === '' ? step : `.${step}`
  }
  return text === '' ? 'the configuration' : text
}

/** The value at a path of a parsed document; `undefined` when there is none. */
export function valueAt(root: unknown, path: ConfigPath): unknown {
  let at = root
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined
    at = (at as Record<string | number, unknown>)[step]
  }
  return at
}

/** A value as an error message shows it. Settings passed to the broker's client may be secrets: only their type is shown. */
export function foundText(root: unknown, path: ConfigPath): string {
  const value = valueAt(root, path)
  if (value === undefined) return 'nothing'
  if (value === null) return 'an empty value'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`
  if (typeof value === 'object') return 'a mapping'
  if (path[0] === 'kafka' && path[1] === 'librdkafka') return `a ${typeof value}`
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value)
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : `a ${typeof value}`
}

/** All issues zod found in `root`. `knownKeys` lists the keys of the mapping at a path. */
export function fromZod(
  error: z.ZodError,
  root: unknown,
  knownKeys: (path: ConfigPath) => readonly string[]
): ConfigIssue[] {
  return error.issues.flatMap((issue): ConfigIssue[] => {
    const path = issue.path as (string | number)[]
    if (issue.code === 'unrecognized_keys') {
      const known = knownKeys(path)
      return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(key, known), atKey: true }))
    }
    return [{ path, message: `expected ${expectation(issue)}, found ${foundText(root, path)}` }]
  })
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping'
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? issue.expected
    case 'invalid_value':
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`
    case 'too_small':
      return `${unit(issue.origin)}${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${things(issue.origin)}`
    case 'too_big':
      return `${unit(issue.origin)}${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${things(issue.origin)}`
    case 'invalid_union':
      return issue.message
    default:
      return issue.message
  }
}

function unit(origin: string): string {
  return origin === 'array' ? 'a list of ' : origin === 'string' ? 'a text of ' : ''
}

function things(origin: string): string {
  return origin === 'array' ? ' entries' : origin === 'string' ? ' characters' : ''
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known)
  const hint = near === undefined ? `known here: ${known.join(', ')}` : `did you mean "${near}"?`
  return `unknown key; ${hint}`
}

/** The known name closest to `key` by edit distance, where it is close enough to be a slip of the pen. */
export function nearest(key: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(key.length / 2)) + 1
  for (const name of known) {
    const distance = editDistance(key.toLowerCase(), name.toLowerCase())
    if (distance < bestDistance) {
      best = name
      bestDistance = distance
    }
  }
  return best
}

/** Levenshtein's distance, one row at a time. O(|a| |b|). */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
