/** What a load is made of, its defaults and its limits. */
import { TdaError } from '../errors.js'

/** How events are spread over time; see `arrivals.ts`. */
export const ARRIVALS = ['constant', 'poisson', 'bursts', 'ramp'] as const
/** How intended times are spread: evenly, at random, in the first fifth of each second, or ever faster up to the rate. */
export type Arrival = (typeof ARRIVALS)[number]

/** Where points come from; see `points.ts`. */
export const LOAD_DATA = ['uniform', 'circle', 'torus', 'walk', 'sine', 'drift', 'regime'] as const
/** What the points of a stream look like. */
export type LoadData = (typeof LOAD_DATA)[number]

/** How a record is written: JSON, or packed numbers (`input.format: binary`). */
export const LOAD_FORMATS = ['json', 'float64', 'float32'] as const
/** How a record is written. */
export type LoadFormat = (typeof LOAD_FORMATS)[number]

/** Bounds of every option. */
export const LOAD_LIMITS = {
  rate: 500_000,
  durationMs: 7 * 86_400_000,
  records: 1e12,
  streams: 1_000_000,
  pointsPerRecord: 10_000,
  channels: 256,
  /** Of a value, as the worst numbers are written; Kafka's default refuses more than 1 MB. */
  valueBytes: 900_000,
  drainMs: 600_000
} as const

/** Rows to replay, point by point: every stream plays them from the first to the last, over and over. */
export interface ReplayedRows {
  readonly channels: readonly string[]
  /** Row-major, `rows x channels`. */
  readonly values: Float64Array
}

/** What to send. Equal options with an equal seed are equal records at equal intended times, byte for byte. */
export interface LoadOptions {
  /** Events a second, 1 to 500 000; an event is a record. For `ramp`: at its end. */
  readonly rate: number
  /** How long to send, in ms; at most 7 days. */
  readonly durationMs: number
  /** Ends earlier, after so many records. */
  readonly records?: number
  /** Default `constant`. */
  readonly arrival?: Arrival
  /** Default `sine`. */
  readonly data?: LoadData | ReplayedRows
  /** Names of the coordinates. Default: those of the rows, else `value`, or `x`, `y`, `z` where the data is a cloud. */
  readonly channels?: readonly string[]
  /** Number of keys, `stream-0`, `stream-1`, ... Default 1. */
  readonly streams?: number
  /** Exponent of Zipf's law over the keys; 0 (default): each in turn. */
  readonly skew?: number
  /** Default `json`. */
  readonly format?: LoadFormat
  /** Points in a record, all of one stream; 1 (default) is a JSON object, more are an array of objects. */
  readonly pointsPerRecord?: number
  /** Adds a field of this name with the intended time, ms since the epoch, or the timestamp of packed rows; then records depend on `startTime` too. */
  readonly timeField?: string
  /** The epoch time of the first moment, in ms. Default: when the run starts. */
  readonly startTime?: number
  /** Default 1. */
  readonly seed?: number
}

/** Options with defaults filled in. */
export interface LoadPlan extends Required<Omit<LoadOptions, 'timeField' | 'startTime'>> {
  readonly timeField: string | null
  readonly startTime: number | null
}

const CLOUDS: ReadonlySet<string> = new Set(['uniform', 'circle', 'torus', 'drift'])
/** A number as written: sign, up to 22 digits and a point; plus quotes, colon and comma around its name. */
const NUMBER_BYTES = 30

/** @throws INVALID_ARGUMENT naming the option, its bounds and what was found. */
export function planLoad(options: LoadOptions): LoadPlan {
  const data = options.data ?? 'sine'
  const plan: LoadPlan = {
    rate: options.rate,
    durationMs: options.durationMs,
    records: options.records ?? LOAD_LIMITS.records,
    arrival: options.arrival ?? 'constant',
    data,
    channels: options.channels ?? defaultChannels(data),
    streams: options.streams ?? 1,
    skew: options.skew ?? 0,
    format: options.format ?? 'json',
    pointsPerRecord: options.pointsPerRecord ?? 1,
    timeField: options.timeField ?? null,
    startTime: options.startTime ?? null,
    seed: options.seed ?? 1
  }
  check(plan)
  return plan
}

function defaultChannels(data: LoadData | ReplayedRows): readonly string[] {
  if (typeof data !== 'string') return data.channels
  if (data === 'torus') return ['x', 'y', 'z']
  return CLOUDS.has(data) ? ['x', 'y'] : ['value']
}

function check(plan: LoadPlan): void {
  const limits = LOAD_LIMITS
  within('rate', plan.rate, 1, limits.rate)
  within('durationMs', plan.durationMs, 1, limits.durationMs)
  within('skew', plan.skew, 0, 10)
  whole('records', plan.records, 1, limits.records)
  whole('streams', plan.streams, 1, limits.streams)
  whole('pointsPerRecord', plan.pointsPerRecord, 1, limits.pointsPerRecord)
  whole('seed', plan.seed, 0, 2 ** 32 - 1)
  if (plan.startTime !== null) whole('startTime', plan.startTime, 0, 2 ** 47)
  oneOf('arrival', plan.arrival, ARRIVALS)
  oneOf('format', plan.format, LOAD_FORMATS)
  whole('number of channels', plan.channels.length, 1, limits.channels)
  if (typeof plan.data === 'string') oneOf('data', plan.data, LOAD_DATA)
  else checkRows(plan.data, plan.channels)
  const names = plan.timeField === null ? plan.channels : [...plan.channels, plan.timeField]
  if (new Set(names).size < names.length)
    throw invalid('channels', 'different names, the time field among them', names.join(', '))
  const nameBytes = (name: string): number =>
    plan.format === 'json' ? Buffer.byteLength(JSON.stringify(name)) + NUMBER_BYTES : 8
  const pointBytes = names.reduce((sum, name) => sum + nameBytes(name), 2)
  if (pointBytes * plan.pointsPerRecord > limits.valueBytes) {
    const fitting = Math.floor(limits.valueBytes / pointBytes)
    throw invalid(
      'pointsPerRecord',
      `at most ${fitting} for a record of ${limits.valueBytes} bytes`,
      plan.pointsPerRecord
    )
  }
}

function checkRows({ channels, values }: ReplayedRows, names: readonly string[]): void {
  if (channels.length !== names.length)
    throw invalid('channels', `${channels.length} names, one for each column`, names.length)
  if (values.length === 0 || values.length % channels.length !== 0)
    throw invalid('data', `rows of ${channels.length} numbers`, `${values.length} numbers`)
}

function within(name: string, value: number, min: number, max: number): void {
  if (!(value >= min && value <= max)) throw invalid(name, `from ${min} to ${max}`, value)
}

function whole(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw invalid(name, `a whole number from ${min} to ${max}`, value)
}

function oneOf(name: string, value: string, known: readonly string[]): void {
  if (!known.includes(value)) throw invalid(name, `one of ${known.join(', ')}`, value)
}

function invalid(name: string, expected: string, found: string | number): TdaError {
  return new TdaError('INVALID_ARGUMENT', `load: ${name}: expected ${expected}, found ${found}`)
}
