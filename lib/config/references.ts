/**
 * Values of a configuration that stand elsewhere: `${env:NAME}` is an environment variable, `${file:/path}` the content of
 * a file without its last line break, anywhere inside a text; `$${env:` and `$${file:` stand for themselves.
 *
 * What is missing or empty is an error at its place. What was read is kept out of messages: they show the reference. A
 * file is taken for a secret, and so is a variable or an option that is named like one: the log never shows their values.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { isSecretName, keepSecret } from '../observability/redact.js'
import { fileError } from './file-error.js'
import type { ConfigIssue, ConfigPath } from './issues.js'

const REFERENCE = /\$(\$?)\{(env|file):([^{}]*)\}/g
/** A secret is a line or a page of certificates. */
const FILE_BYTES_MAX = 1 << 16
/** A shorter value is no secret, and replacing it would take pieces out of words. */
const HIDDEN_LENGTH_MIN = 3
/** Deeper than any configuration; a document may be a knot of aliases. */
const DEPTH_MAX = 32

export interface Resolved {
  /** A copy with the values in place of the references. */
  readonly root: unknown
  readonly issues: readonly ConfigIssue[]
  /** The text with every value that was read replaced by its reference. */
  readonly hide: (text: string) => string
}

/** Puts the values in place of all references of a parsed document. */
export function resolveReferences(root: unknown, env: NodeJS.ProcessEnv): Resolved {
  const issues: ConfigIssue[] = []
  const references = new Map<string, string>()
  const resolveText = (text: string, path: ConfigPath): string =>
    text.replace(REFERENCE, (reference, escape: string, kind: 'env' | 'file', name: string) => {
      if (escape !== '') return reference.slice(1)
      const found = kind === 'env' ? fromEnvironment(name, env) : fromFile(name)
      if ('problem' in found) {
        issues.push({ path, message: found.problem })
        return reference
      }
      if (found.value.length >= HIDDEN_LENGTH_MIN) references.set(found.value, reference)
      if (kind === 'file' || isSecretName(name) || path.some((step) => isSecretName(String(step)))) {
        keepSecret(found.value)
      }
      return found.value
    })
  const walk = (value: unknown, path: ConfigPath): unknown => {
    if (typeof value === 'string') return resolveText(value, path)
    if (typeof value !== 'object' || value === null || path.length > DEPTH_MAX) return value
    if (Array.isArray(value)) return value.map((entry, at) => walk(entry, [...path, at]))
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, walk(entry, [...path, key])]))
  }
  const resolved = walk(root, [])
  const byLength = [...references].sort(([a], [b]) => b.length - a.length)
  return {
    root: resolved,
    issues,
    hide: (text) => byLength.reduce((kept, [value, reference]) => kept.replaceAll(value, reference), text)
  }
}

type Found = { readonly value: string } | { readonly problem: string }

function fromEnvironment(name: string, env: NodeJS.ProcessEnv): Found {
  if (!/^[A-Za-z_]\w*$/.test(name))
    return { problem: `"${name}" cannot be the name of an environment variable` }
  const value = env[name]
  if (value === undefined) return { problem: `the environment variable ${name} is not set` }
  return value === '' ? { problem: `the environment variable ${name} is empty` } : { value }
}

function fromFile(path: string): Found {
  if (!path.startsWith('/')) return { problem: `expected an absolute path in \${file:...}, found "${path}"` }
  try {
    const file = openSync(path, 'r')
    try {
      const buffer = Buffer.alloc(FILE_BYTES_MAX + 1)
      const bytes = readSync(file, buffer, 0, buffer.length, 0)
      if (bytes > FILE_BYTES_MAX) return { problem: `${path} is larger than 64 KiB, so it is hardly a value` }
      const value = buffer.toString('utf8', 0, bytes).replace(/\r?\n$/, '')
      return value === '' ? { problem: `${path} is empty` } : { value }
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    return { problem: fileError(`cannot read ${path}`, cause).message }
  }
}
