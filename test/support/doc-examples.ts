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
    const bodies = comment.matchAll(/@example\n(.*?)(?=\n\s*\*\s*\n\s*\* @|\n\s*\* @|\s*\*\/)/gs)
    const name =
      /\*\/\s*(?:export )?(?:abstract |async )?(?:class |interface |function |const )?(\w+)/.exec(
        comment
      )?.[1] ?? path
    return [...bodies].map(([, body = '']) => {
      const code = body.replaceAll(/^\s*\* ?/gm, '')
      const expected = [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text]) => text ?? '')
      return { name, code, expected }
    })
  })
}

const AsyncFunction = (async () => {}).constructor as FunctionConstructor

/** Runs an example with these names in scope; returns what it printed, a line a call. */
export async function runExample(code: string, scope: Readonly<Record<string, unknown>>): Promise<string[]> {
  const printed: string[] = []
  const show = (value: unknown): string =>
    typeof value === 'string' ? value : inspect(value, { breakLength: Infinity })
  const console = { log: (...values: readonly unknown[]) => printed.push(values.map(show).join(' ')) }
  const names = [...Object.keys(scope), 'console']
  const example = AsyncFunction(...names, code) as (...values: readonly unknown[]) => Promise<void>
  await example(...Object.values(scope), console)
  return printed
}
