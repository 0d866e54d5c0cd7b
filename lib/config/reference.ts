/**
 * The configuration reference, made from the schema: the page `docs/configuration.md` and the known keys for error
 * messages. A test compares the page with this, so it cannot grow old.
 */
import { z } from 'zod'
import { pathText, type ConfigPath } from './issues.js'
import { configSchema } from './schema.js'

/** The parts of JSON Schema that `z.toJSONSchema` uses for our schema. */
interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly additionalProperties?: JsonSchema | boolean
  readonly anyOf?: readonly JsonSchema[]
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
}

function jsonSchema(): JsonSchema {
  return z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema
}

/** The keys a mapping at this path may have; none where there is no such mapping. */
export function knownKeys(path: ConfigPath): readonly string[] {
  let at: JsonSchema | undefined = jsonSchema()
  for (const step of path) at = typeof step === 'number' ? at?.items : at?.properties?.[step]
  return Object.keys(at?.properties ?? {})
}

/** A complete configuration of moderate size, shown in the reference; a test validates it. */
export const EXAMPLE = `kafka:
  brokers: [localhost:9092]
input:
  topic: sensors
  stream: { from: field, field: sensor.id }
  timestamp: { from: field, field: time }
  channels: [sensor.temperature, sensor.humidity]
scales:
  - name: minute
    window: 60
    filtration: sublevel
    channel: sensor.temperature
  - name: hour
    window: 1h
    slide: 10s
    pointsMax: 10000
    filtration: superlevel
    channel: sensor.humidity
publish:
  snapshotEvery: 1000
`

const INTRODUCTION = `# Configuration

<!-- Made from lib/config/schema.ts by \`streaming-tda config-reference\`; a test compares the two. -->

One YAML file. \`streaming-tda run --config FILE --check\` validates it without starting anything and reports every
problem it can see with file, line, column and path. Unknown keys are errors. Durations have a unit: \`250ms\`, \`10s\`, \`5m\`, \`1h\`,
\`1d\`; sizes are plain numbers.

Texts may stand elsewhere, secrets above all: \`\${env:NAME}\` is an environment variable, \`\${file:/run/secrets/name}\` the
content of a file (at most 64 KiB, its last line break left out), anywhere inside a text; \`$\${env:\` stands for itself. What is missing
or empty is an error at its place. Error messages show the reference, never the value, and logs show no value that
came from a file or whose variable or option is named like a secret.

`

/** The whole page `docs/configuration.md`. */
export function configReference(): string {
  const { properties = {}, required = [] } = jsonSchema()
  const sections = Object.entries(properties).map(([key, section]) =>
    sectionText(key, section, required.includes(key))
  )
  return `${INTRODUCTION}\`\`\`yaml\n${EXAMPLE}\`\`\`\n\n${sections.join('\n')}\n${MEMORY}`
}

/** Rips scales for the configuration above; a test validates them. */
export const RIPS_EXAMPLE = `  - name: loops
    window: 200
    filtration: rips
    channels: [sensor.humidity, sensor.temperature]
    weights: [0.5, 1]
  - name: cycle
    window: 5m
    slide: 10s
    pointsMax: 400
    filtration: rips
    channel: sensor.temperature
    embedding: { dimension: 3, delay: 8 }
`

const MEMORY = `## Predicted memory

Before start the native memory of all windows is predicted, as if every one of \`streams.max\` streams had its rings full
and the worst data in its windows (every second point a local minimum), and compared with \`limits.memoryMiB\`. In bytes
(\`lib/config/memory.ts\`):

    ring of a stream    (1.25 x points + 128) x (8 per channel + 8 with event time + 12)
                        points = largest window + slide, and a backlog of a quarter of that (4096 to 16 384)
    engine of a scale   40 per point of its window + 24 per point of its slide + 4096
    of a Rips scale     quadratic in the points of its cloud (lib/config/rips-cost.ts): some 25 MiB for 1000
    all                 streams.max x (ring + engines)

A window or slide by duration counts as \`pointsMax\` points. \`run --check\` states memory and the rough time of a point for
every Rips scale: with loops about 2 us x points + 1.5 ns x points^2 for each point that enters, with its update.

## Rips scales

\`\`\`yaml
${RIPS_EXAMPLE}\`\`\`

The cloud of a window is a function of the window alone. Without \`embedding\` every sample is a point of the chosen
channels; with it, sample i stands for the point (x[i], x[i - delay], x[i - 2 delay], ...), provided that all of these lie in
the window. Lengths follow the diameter convention and are stored as float. Weights multiply the coordinates before the
metric: to standardise, give 1 / standard deviation of each channel (an embedding: of each lag). A point the metric cannot
take goes to the dead letter topic and enters no scale of its stream: \`distance_overflow\` above 8.5e37, \`no_direction\` for
the zero vector (cosine) or a constant one (correlation). A delay vector without a direction is left out of the cloud.
\`maxDimension: 2\` adds H2, which is computed from scratch at every update: at W points about 22 ns x W^3 (20 ms at 100, 180 ms at
200), so give such a scale a long slide. The memory it may take is predicted with all triangles a window can have (2 GiB at 740
points) and refused beyond the limit. Higher dimensions: whole windows, \`streaming-tda diagram --filtration rips\`.
`

function sectionText(key: string, section: JsonSchema, required: boolean): string {
  const { items } = section
  const title = `## \`${key}\`${required ? ' (required)' : ''}`
  const inside = items === undefined ? innerRows([key], section) : innerRows([key, 0], items)
  const rows = inside.length > 0 ? inside : optionRows([key], section, required)
  const table = ['| option | values | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
  return `${title}\n\n${section.description ?? ''}\n\n${table}\n`
}

function innerRows(path: ConfigPath, { properties = {}, required = [] }: JsonSchema): string[] {
  return Object.entries(properties).flatMap(([key, option]) =>
    optionRows([...path, key], option, required.includes(key))
  )
}

function optionRows(path: ConfigPath, option: JsonSchema, required: boolean): string[] {
  const cells = [
    `\`${pathText(path).replace('[0]', '[]')}\``,
    values(option),
    option.default === undefined ? (required ? '**required**' : 'optional') : code(option.default),
    option.description ?? ''
  ]
  return [`| ${cells.map(escaped).join(' | ')} |`, ...innerRows(path, option)]
}

function values(option: JsonSchema): string {
  if (option.enum !== undefined) return option.enum.map(code).join(', ')
  if (option.const !== undefined) return code(option.const)
  if (option.anyOf !== undefined) return option.anyOf.map(values).join(' or ')
  if (option.items !== undefined) return `list of ${values(option.items)}`
  if (option.type === 'integer' || option.type === 'number') return `number${range(option)}`
  if (option.type === 'boolean') return `${code(true)}, ${code(false)}`
  if (option.type === 'object') return 'mapping'
  return option.title ?? 'text'
}

function range({ minimum, exclusiveMinimum, maximum }: JsonSchema): string {
  const low = minimum ?? (exclusiveMinimum === undefined ? undefined : exclusiveMinimum + 1)
  const high = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum
  if (low === undefined || low === Number.MIN_SAFE_INTEGER) return high === undefined ? '' : ` up to ${high}`
  return high === undefined ? ` from ${low}` : ` from ${low} to ${high}`
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

function escaped(cell: string): string {
  return cell.replaceAll('|', '\\|')
}
