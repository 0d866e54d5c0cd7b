/**
 * The examples of docstrings, taken out of the sources so that a test can run them. A line of an example that ends in
 * `// text` after a `console.log` promises that it prints this text.
 */
import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'

export interface DocExample {
  readonly name: string
  readonly code: string
  /** Lines the example promises to print, in order. */
  readonly expected: readonly string[]
}

/** Every `@example` block of a TypeScript source. */
export function examplesOf(path: string): DocExample[] {
  const comments = readFileSync(path, 'utf8').matchAll(/\/\*\*(?:(?!\*\/).)*\*\/\s*[^\n]*/gs)
  return [...comments].flatMap(([comment]) => {
    const body = /@example\n(.*?)(?:\n\s*\* @|\s*\*\/)/s.exec(comment)?.[1]
    if (body === undefined) return []
    const name =
      /\*\/\s*(?:export )?(?:abstract )?(?:class |interface |function |const )?(\w+)/.exec(comment)?.[1] ??
      path
    const code = body.replaceAll(/^\s*\* ?/gm, '')
    const expected = [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text]) => text ?? '')
    return [{ name, code, expected }]
  })
}

/** Runs an example with these names in scope; returns what it printed, a line a call. */
export function runExample(code: string, scope: Readonly<Record<string, unknown>>): string[] {
  const printed: string[] = []
  const show = (value: unknown): string =>
    typeof value === 'string' ? value : inspect(value, { breakLength: Infinity })
  const console = { log: (...values: readonly unknown[]) => printed.push(values.map(show).join(' ')) }
  const names = [...Object.keys(scope), 'console']
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the code is our own documentation
  const example = new Function(...names, code) as (...values: readonly unknown[]) => void
  example(...Object.values(scope), console)
  return printed
}
