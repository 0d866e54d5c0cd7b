/**
 * Which settings a state was written under: those that decide what a point is and what a window holds. A state of other
 * settings is not gone on from.
 */
import { createHash } from 'node:crypto'
import type { Config, ScaleConfig } from '../config/schema.js'

export interface StateConfig {
  readonly group: string
  /** Of where records come from and how they become points. */
  readonly input: string
  /** By name. */
  readonly scales: Readonly<Record<string, { readonly settings: string; readonly pointsMax: number }>>
}

export function stateConfig(config: Pick<Config, 'input' | 'scales'>, group: string): StateConfig {
  const { topic, format, columns, binary, stream, timestamp, channels } = config.input
  // `pointsMax` decides which records are dead letters, so it decides on points as well.
  const layout = format === 'binary' ? { binary } : {}
  return {
    group,
    input: hash({ topic, format, columns, ...layout, stream, timestamp, channels }),
    scales: Object.fromEntries(config.scales.map((scale) => [scale.name, scaleConfig(scale)]))
  }
}

/** Why a state of settings `before` is of no use under `now`, or null. A limit that was raised changes no window. */
export function configChange(before: StateConfig, now: StateConfig): string | null {
  if (before.group !== now.group)
    return `it is of the group "${before.group}"; give each group a state topic of its own`
  if (before.input !== now.input) return 'the settings of "input" have changed'
  for (const name of Object.keys(before.scales)) if (!now.scales[name]) return `scale "${name}" is gone`
  for (const [name, { settings, pointsMax }] of Object.entries(now.scales)) {
    const old = before.scales[name]
    if (!old) return `scale "${name}" is new`
    if (old.settings !== settings) return `scale "${name}" has changed`
    if (old.pointsMax > pointsMax) return `pointsMax of scale "${name}" is lower than it was`
  }
  return null
}

function scaleConfig({ pointsMax, ...settings }: ScaleConfig): StateConfig['scales'][string] {
  return { settings: hash(settings), pointsMax }
}

function hash(settings: object): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(settings)))
    .digest('hex')
    .slice(0, 16)
}

/** The same value with the keys of its objects in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sorted(item)])
  )
}
