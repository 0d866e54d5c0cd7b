/**
 * The tracing section with what the environment says. `ENABLE_DISTRIBUTED_TRACING` decides before the configuration; the
 * standard OTEL_* variables fill what it leaves out. Endpoint, headers, certificates and resource are read by the SDK.
 */
import type { z } from 'zod'
import { TdaError } from '../errors.js'
import { fromZod, pathText } from './issues.js'
import { knownKeys } from './reference.js'
import { tracingSchema, type Config } from './schema.js'

const FLAG = 'ENABLE_DISTRIBUTED_TRACING'
const ON = ['1', 'true', 'on', 'yes']
const OFF = ['0', 'false', 'off', 'no']

type Environment = Readonly<Record<string, string | undefined>>
type Section = Config['tracing']

/** The tracing section as a program may give it: everything optional. */
export type TracingOptions = z.input<typeof tracingSchema>

/** Complete: nothing is left to be decided but what the SDK reads itself. */
export interface TracingSettings extends Omit<Section, 'exporter' | 'sampler'> {
  readonly exporter: NonNullable<Section['exporter']>
  readonly sampler: NonNullable<Section['sampler']>
  /** How long a span waits for others, in ms. */
  readonly delayMs: number
  /** For one export with its repetitions, in ms. */
  readonly timeoutMs: number
  /** Whether the environment says how the SDK finds out about the process and its host. */
  readonly ownDetectors: boolean
}

/** The SDK's own default of OTEL_BSP_SCHEDULE_DELAY is 5 s; a trace should be there when one looks for it. */
const DELAY_MS = 1000
/** The SDK's own default is 10 s, too long for the end of a process whose collector is away. */
const TIMEOUT_MS = 3000

/**
 * @throws CONFIG_INVALID when an option, the flag or a variable cannot be understood.
 */
export function tracingSettings(
  options: TracingOptions = {},
  environment: Environment = process.env
): TracingSettings {
  const parsed = tracingSchema.safeParse(options)
  if (!parsed.success) {
    const issues = fromZod(parsed.error, options, (path) => knownKeys(['tracing', ...path]))
    const lines = issues.map(({ path, message }) => `${pathText(['tracing', ...path])}: ${message}`)
    throw new TdaError('CONFIG_INVALID', lines.join('\n'))
  }
  const section = parsed.data
  return {
    ...section,
    enabled: flag(environment) ?? section.enabled,
    exporter: section.exporter ?? exporter(environment),
    sampler: section.sampler ?? sampler(environment),
    delayMs: number(environment, 'OTEL_BSP_SCHEDULE_DELAY', 0, 3_600_000) ?? DELAY_MS,
    timeoutMs:
      number(environment, 'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', 1, 3_600_000) ??
      number(environment, 'OTEL_EXPORTER_OTLP_TIMEOUT', 1, 3_600_000) ??
      TIMEOUT_MS,
    ownDetectors: (environment['OTEL_NODE_RESOURCE_DETECTORS'] ?? '') !== ''
  }
}

function flag(environment: Environment): boolean | undefined {
  const value = environment[FLAG]?.trim().toLowerCase()
  if (value === undefined || value === '') return undefined
  if (ON.includes(value)) return true
  if (OFF.includes(value)) return false
  throw wrong(FLAG, 'true or false', environment[FLAG])
}

function exporter(environment: Environment): TracingSettings['exporter'] {
  const name = 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'
  const used = environment[name] ? name : 'OTEL_EXPORTER_OTLP_PROTOCOL'
  switch (environment[used]) {
    case undefined:
    case '':
    case 'http/protobuf':
      return 'otlp-http'
    case 'grpc':
      return 'otlp-grpc'
    default:
      throw wrong(used, 'http/protobuf or grpc', environment[used])
  }
}

function sampler(environment: Environment): TracingSettings['sampler'] {
  const defaults = tracingSchema.shape.sampler.unwrap().parse({})
  const name = environment['OTEL_TRACES_SAMPLER']
  const ratio = (): number => number(environment, 'OTEL_TRACES_SAMPLER_ARG', 0, 1) ?? 1
  switch (name) {
    case undefined:
    case '':
      return defaults
    case 'always_on':
      return { ...defaults, kind: 'ratio', ratio: 1 }
    case 'always_off':
      return { ...defaults, kind: 'ratio', ratio: 0 }
    case 'traceidratio':
      return { ...defaults, kind: 'ratio', ratio: ratio() }
    case 'parentbased_always_on':
      return { ...defaults, kind: 'parent', ratio: 1 }
    case 'parentbased_always_off':
      return { ...defaults, kind: 'parent', ratio: 0 }
    case 'parentbased_traceidratio':
      return { ...defaults, kind: 'parent', ratio: ratio() }
    default:
      throw wrong(
        'OTEL_TRACES_SAMPLER',
        'one of the standard samplers, for example parentbased_traceidratio',
        name
      )
  }
}

function number(environment: Environment, name: string, low: number, high: number): number | undefined {
  const text = environment[name]
  if (text === undefined || text.trim() === '') return undefined
  const value = Number(text)
  if (value >= low && value <= high) return value
  throw wrong(name, `a number from ${low} to ${high}`, text)
}

function wrong(name: string, expected: string, found: string | undefined): TdaError {
  return new TdaError(
    'CONFIG_INVALID',
    `${name} in the environment: expected ${expected}, found "${found ?? ''}"`
  )
}
