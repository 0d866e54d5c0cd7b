/**
 * Loading a configuration: YAML, then the schema, then the checks across sections. Every problem is reported, all at
 * once, one line each:
 *
 *   config.yaml:14:13: scales[1].window: expected a number of points ..., found "5 apples"
 *
 * In a file, texts may refer to the environment and to files (`references.ts`); an object is taken as it is.
 */
import { open } from 'node:fs/promises'
import { isMap, isPair, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml'
import { TdaError } from '../errors.js'
import { crossChecks, type ConfigUse, type ValidSections } from './cross-checks.js'
import { fileError } from './file-error.js'
import { fromZod, pathText, valueAt, type ConfigIssue, type ConfigPath } from './issues.js'
import { knownKeys } from './reference.js'
import { resolveReferences } from './references.js'
import { configSchema, scaleSchema, type Config } from './schema.js'

/** A configuration is a page of text; what is larger is another file. */
const BYTES_MAX = 1 << 20

/**
 * Reads and validates the configuration in `file`.
 * @throws {TdaError} FILE when it cannot be read; CONFIG_INVALID with one line for each problem.
 * @example
 * const config = await loadConfig('examples/sensor-network.yaml', 'file')
 * console.log(config.scales.map(({ name }) => name).length > 0) // true
 */
export async function loadConfig(file: string, use: ConfigUse): Promise<Config> {
  return parseConfig(await readSmallFile(file), file, use)
}

async function readSmallFile(file: string): Promise<string> {
  try {
    const handle = await open(file)
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(BYTES_MAX + 1), 0, BYTES_MAX + 1, 0)
      if (bytesRead <= BYTES_MAX) return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await handle.close()
    }
  } catch (cause) {
    throw fileError(`cannot read the configuration ${file}`, cause)
  }
  throw new TdaError('CONFIG_INVALID', `${file} is larger than 1 MiB, so it is hardly a configuration`)
}

/**
 * Validates the text of a configuration file; `file` is its name in messages. `${env:NAME}` and `${file:/path}` are read.
 * @throws {TdaError} CONFIG_INVALID with one line for each problem.
 * @example
 * const text = 'input: { channels: [x] }\nscales: [{ name: short, window: 64, filtration: sublevel }]'
 * console.log(parseConfig(text, 'tda.yaml', 'file').scales[0].window) // { count: 64 }
 */
export function parseConfig(text: string, file: string, use: ConfigUse): Config {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    throw invalid(
      document.errors.map(
        ({ code, pos, message }) => `${place(file, lines, pos[0])}: ${yamlText(code, message)}`
      )
    )
  }
  let root: unknown
  try {
    root = document.toJS() ?? {}
  } catch (cause) {
    throw invalid([`${place(file, lines, brokenAlias(document))}: ${(cause as Error).message}`], cause)
  }
  const resolved = resolveReferences(root, process.env)
  const checked = checkConfig(resolved.root, use)
  if (checked.config !== null && resolved.issues.length === 0) return checked.config
  // What stands in place of a value that could not be read is no further problem.
  const unread = new Set(resolved.issues.map(({ path }) => pathText(path)))
  const issues = checked.issues.filter(({ path }) => !unread.has(pathText(path)))
  const located = [...resolved.issues, ...issues].map((issue) => ({ issue, at: offsetOf(document, issue) }))
  located.sort((a, b) => a.at - b.at)
  throw invalid(
    located.map(({ issue, at }) => `${place(file, lines, at)}: ${resolved.hide(sentence(issue))}`)
  )
}

/**
 * Validates a configuration given as an object, for programs that have no file.
 * @throws {TdaError} CONFIG_INVALID with one line for each problem.
 * @example
 * const scales = [{ name: 'long', window: '5m', filtration: 'superlevel' }]
 * const config = validateConfig({ input: { channels: ['x'], timestamp: { from: 'record' } }, scales })
 * console.log(config.scales[0].window) // { spanMs: 300000 }
 */
export function validateConfig(root: unknown, use: ConfigUse = 'library'): Config {
  const checked = checkConfig(root, use)
  if (checked.config !== null) return checked.config
  throw invalid(checked.issues.map(sentence))
}

type Checked =
  | { readonly config: Config; readonly issues: readonly [] }
  | { readonly config: null; readonly issues: readonly ConfigIssue[] }

function checkConfig(root: unknown, use: ConfigUse): Checked {
  const parsed = configSchema.safeParse(root)
  const issues = parsed.success ? [] : fromZod(parsed.error, root, knownKeys)
  if (use === 'broker' && valueAt(root, ['kafka']) === undefined) {
    issues.push({ path: ['kafka'], message: 'expected a mapping with brokers, found nothing' })
  }
  issues.push(...crossChecks(parsed.success ? parsed.data : validSections(root), use))
  return parsed.success && issues.length === 0
    ? { config: parsed.data, issues: [] }
    : { config: null, issues }
}

/** Where the first alias without an anchor is; the start of the text when all have one (and there are too many). */
function brokenAlias(document: Document): number {
  let at = 0
  visit(document, {
    Alias(_key, alias) {
      if (alias.resolve(document) !== undefined) return undefined
      at = alias.range?.[0] ?? 0
      return visit.BREAK
    }
  })
  return at
}

/** The sections of a refused configuration that are valid but for unknown keys, for the checks across sections. */
function validSections(root: unknown): ValidSections {
  const { kafka, input, output, publish, delivery, spool } = configSchema.shape
  const sections = {
    kafka: kafka.safeParse(valueAt(root, ['kafka'])).data,
    input: input.strip().safeParse(valueAt(root, ['input'])).data,
    output: output.safeParse(valueAt(root, ['output'])).data,
    publish: publish.safeParse(valueAt(root, ['publish'])).data,
    delivery: delivery.safeParse(valueAt(root, ['delivery'])).data,
    spool: spool.safeParse(valueAt(root, ['spool'])).data
  }
  const scales = valueAt(root, ['scales'])
  return {
    ...Object.fromEntries(Object.entries(sections).filter(([, section]) => section !== undefined)),
    ...(Array.isArray(scales)
      ? { scales: scales.map((scale) => scaleSchema.strip().safeParse(scale).data ?? null) }
      : {})
  }
}

function sentence({ path, message }: ConfigIssue): string {
  return `${pathText(path)}: ${message}`
}

function invalid(lines: readonly string[], cause?: unknown): TdaError {
  return new TdaError('CONFIG_INVALID', lines.join('\n'), { cause })
}

function yamlText(code: string, message: string): string {
  return code === 'MULTIPLE_DOCS'
    ? 'a second YAML document starts here; a configuration is one document'
    : message
}

function place(file: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset)
  return `${file}:${line}:${col}`
}

/** Where in the text an issue is: its key or value, or the nearest mapping around what is missing. */
function offsetOf(document: Document, { path, atKey }: ConfigIssue): number {
  if (atKey === true) {
    const key = keyOffset(document, path)
    if (key !== undefined) return key
  }
  for (let length = path.length; length >= 0; length--) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true)
    const range = (node as { readonly range?: readonly number[] | null } | null | undefined)?.range
    if (range !== undefined && range !== null) return range[0]!
  }
  return 0
}

function keyOffset(document: Document, path: ConfigPath): number | undefined {
  const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  if (!isMap(parent)) return undefined
  const pair = parent.items.find(
    (item) => isPair(item) && isScalar(item.key) && item.key.value === path.at(-1)
  )
  return pair !== undefined && isScalar(pair.key) ? pair.key.range?.[0] : undefined
}
