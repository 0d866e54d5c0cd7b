/** The options of `load`. */
import { InvalidArgumentError, Option, type Command } from 'commander'
import {
  ARRIVALS,
  LOAD_DATA,
  LOAD_FORMATS,
  LOAD_LIMITS,
  type Arrival,
  type LoadData,
  type LoadFormat
} from '../loadgen/options.js'
import type { ExitCode } from './exit-codes.js'
import { durationOption, nameList, notNegative, wholeNumber } from './parse-number.js'
import type { Terminal } from './terminal.js'

export interface LoadCommandOptions {
  readonly config?: string
  readonly brokers?: readonly string[]
  readonly topic?: string
  readonly partitions: number
  readonly out?: string
  readonly rate: number
  readonly duration: number
  readonly records?: number
  readonly arrival: Arrival
  readonly data?: LoadData
  readonly csv?: string
  readonly channels?: readonly string[]
  readonly streams: number
  readonly skew: number
  readonly format?: LoadFormat
  readonly points: number
  readonly timeField?: string
  readonly startTime?: number
  readonly seed: number
  readonly reports?: 'each' | 'counted'
  readonly resultsTopic?: string
  readonly watch: Readonly<Record<string, number>>
  readonly drain: number
  readonly requireRate: boolean
  readonly json: boolean
}

/** Adds the command; its work is loaded when it runs. */
export function registerLoad(program: Command, terminal: Terminal, answer: (code: ExitCode) => void): void {
  program
    .command('load')
    .description('Sends points at a stated rate and says what became of them; see docs/load.md.')
    .option(
      '--config <file>',
      'takes brokers, security, topic and how records are read from this configuration'
    )
    .option('--brokers <list>', 'host:port of at least one broker, separated by commas', nameList)
    .option('--topic <name>', 'topic to publish to; created when missing')
    .option('--partitions <number>', 'partitions when the topic has to be created', wholeNumber(1, 10_000), 4)
    .option('--out <file>', 'instead of a topic: a file of JSON lines, or - for standard output')
    .option('--rate <number>', 'records a second', wholeNumber(1, LOAD_LIMITS.rate), 1000)
    .option('--duration <time>', 'such as 30s or 5m', durationOption(LOAD_LIMITS.durationMs), 60_000)
    .option('--records <number>', 'end after so many records', wholeNumber(1, LOAD_LIMITS.records))
    .addOption(
      new Option('--arrival <pattern>', 'how they spread over time').choices(ARRIVALS).default('constant')
    )
    .addOption(
      new Option('--data <name>', 'what the points are (default: "sine")').choices(LOAD_DATA).conflicts('csv')
    )
    .option(
      '--csv <file>',
      'instead: the numeric columns of this file (or --channels of them), over and over'
    )
    .option('--channels <names>', 'names of the coordinates, separated by commas', nameList)
    .option('--streams <number>', 'number of keys', wholeNumber(1, LOAD_LIMITS.streams), 1)
    .option('--skew <exponent>', "Zipf's law over the keys; 0: each in turn", notNegative, 0)
    .addOption(
      new Option('--format <name>', 'JSON, or packed numbers (default: "json")').choices(LOAD_FORMATS)
    )
    .option('--points <number>', 'points in a record', wholeNumber(1, LOAD_LIMITS.pointsPerRecord), 1)
    .option('--time-field <name>', 'adds the intended time, in ms since the epoch')
    .option('--start-time <ms>', 'the first moment of that field; default: now', wholeNumber(0, 2 ** 47))
    .option('--seed <number>', 'equal seeds make equal records and times', wholeNumber(0, 2 ** 32 - 1), 1)
    .addOption(
      new Option(
        '--reports <kind>',
        'acknowledgements: of each record, or counted (default: each up to 20000/s)'
      ).choices(['each', 'counted'])
    )
    .option('--results-topic <name>', 'reads updates back: end-to-end latency, where they carry event time')
    .option(
      '--watch <name=pid>',
      'processor time and memory of this process too; may be repeated',
      watched,
      {}
    )
    .option('--drain <time>', 'wait for what is late', durationOption(LOAD_LIMITS.drainMs), 30_000)
    .option('--require-rate', 'exit code 1 when a second was more than max(1, 1 %) off its schedule', false)
    .option('--json', 'the report as one JSON object on standard output', false)
    .action(async (options: LoadCommandOptions) => {
      const { load } = await import('./load.js')
      answer(await load(options, terminal))
    })
}

function watched(text: string, known: Readonly<Record<string, number>>): Record<string, number> {
  const [, name, pid] = /^(?:([\w.-]+)=)?(\d{1,9})$/.exec(text) ?? []
  if (pid === undefined) throw new InvalidArgumentError('Expected name=pid, for example broker=1234.')
  return { ...known, [name ?? pid]: Number(pid) }
}
