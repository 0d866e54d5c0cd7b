/** What a running daemon may take over from a changed configuration, and what only a restart can. */
import { pathText, type ConfigPath } from './issues.js'
import type { Config } from './schema.js'

/** These sections are read anew whenever they change; everything else was built into what runs. */
const CHANGEABLE: readonly ConfigPath[] = [['log'], ['metrics'], ['tracing']]

/** One sentence for each change that needs a restart, in the order of the configuration; none: all may be taken over. */
export function refusedChanges(running: Config, changed: Config): string[] {
  return changedPaths(running, changed, [])
    .filter((path) => !CHANGEABLE.some((section) => section.every((step, i) => path[i] === step)))
    .map((path) => `${pathText(path)} cannot change while the daemon runs; restart it for that`)
}

/** Values are never shown: they may be secrets. */
function changedPaths(before: unknown, after: unknown, path: ConfigPath): ConfigPath[] {
  if (Object.is(before, after)) return []
  if (!isObject(before) || !isObject(after) || Array.isArray(before) !== Array.isArray(after)) return [path]
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].flatMap((key) =>
    changedPaths(before[key], after[key], [...path, Array.isArray(before) ? Number(key) : key])
  )
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
