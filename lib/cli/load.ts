/** `load`: points at a stated rate into a topic or a file, and a report of what became of them. */
import { readPoints } from '../adapters/number-table.js'
import { openText } from '../adapters/text-lines.js'
import { loadConfig } from '../config/load.js'
import type { Config } from '../config/schema.js'
import { TdaError } from '../errors.js'
import { LineTarget } from '../loadgen/line-target.js'
import type { LoadFormat, LoadOptions, ReplayedRows } from '../loadgen/options.js'
import { ResultsReader } from '../loadgen/results-reader.js'
import { StreamLoadGenerator } from '../loadgen/stream-load-generator.js'
import type { BulkPublisher } from '../mesh/bulk-publisher.js'
import type { KafkaMeshOptions } from '../mesh/kafka-mesh.js'
import { EXIT, type ExitCode } from './exit-codes.js'
import type { LoadCommandOptions } from './load-command.js'
import { loadText, LoadLine } from './load-text.js'
import { openOutput } from './output-file.js'
import { rejectedText } from './rejected-text.js'
import { stopOnSignal } from './stop-signal.js'
import { write, type Terminal } from './terminal.js'

/** Up to this rate a report for each record costs little. */
const REPORTS_EACH_RATE_MAX = 20_000

interface Target {
  readonly publisher: BulkPublisher
  readonly results: ResultsReader | null
  close(): Promise<void>
}

/** 0 also when stopped by a signal; 1 when a record failed or was not confirmed, or the rate was required and not held. */
export async function load(options: LoadCommandOptions, terminal: Terminal): Promise<ExitCode> {
  const stop = stopOnSignal(() => process.exit(EXIT.impossible))
  let target: Target | undefined
  try {
    const { kafka, input } = await place(options)
    const plan = await planOf(options, input, terminal)
    target =
      kafka === null
        ? await fileTarget(options.out!, plan.format ?? 'json', terminal)
        : await kafkaTarget(kafka, options)
    const line = new LoadLine(terminal)
    const generator = new StreamLoadGenerator(
      {
        ...plan,
        drainMs: options.drain,
        watch: options.watch,
        onProgress: (progress) => line.show(progress)
      },
      target.publisher
    )
    const report = await generator.run(stop.signal).finally(() => line.clear())
    const endToEnd = (await target.results?.finish()) ?? null
    if (options.json) await write(terminal.stdout, `${JSON.stringify({ ...report, endToEndMs: endToEnd })}\n`)
    else await write(terminal.stderr, loadText(report, endToEnd))
    const lost = report.failed + report.unconfirmed > 0
    return lost || (options.requireRate && report.held.outside > 0) ? EXIT.wrong : EXIT.done
  } finally {
    await target?.close()
    stop.dispose()
  }
}

interface KafkaPlace extends Pick<KafkaMeshOptions, 'brokers' | 'librdkafka' | 'compression'> {
  readonly topic: string
}

/** What the daemon's configuration says of its records, as far as a load can make such. */
interface Input {
  readonly channels?: readonly string[]
  readonly format?: LoadFormat
  readonly timeField?: string
}

/** Where records go, from the options and the configuration they may name. */
async function place(
  options: LoadCommandOptions
): Promise<{ readonly kafka: KafkaPlace | null; readonly input: Input }> {
  const { config: path, brokers, topic, out } = options
  if (out !== undefined) {
    if (path ?? brokers ?? topic ?? options.resultsTopic) {
      throw new TdaError('USAGE', '--out does without --config, --brokers, --topic and --results-topic')
    }
    if (out === '-' && options.json) {
      throw new TdaError('USAGE', '--out - and --json cannot both be standard output')
    }
    return { kafka: null, input: {} }
  }
  if (path !== undefined) {
    const { kafka, input, output } = await loadConfig(path, 'broker')
    const place: KafkaPlace = {
      brokers: brokers ?? kafka!.brokers,
      librdkafka: kafka!.librdkafka,
      compression: output.compression,
      topic: topic ?? input.topic
    }
    return { kafka: place, input: inputOf(path, input) }
  }
  if (brokers === undefined || topic === undefined) {
    throw new TdaError('USAGE', 'where to? Give --brokers and --topic, or --config FILE, or --out FILE')
  }
  return { kafka: { brokers, topic }, input: {} }
}

function inputOf(path: string, { channels, format, binary, stream, timestamp }: Config['input']): Input {
  const cannot = (what: string): TdaError =>
    new TdaError(
      'USAGE',
      `${path}: load cannot make such records: ${what}; give --brokers and --topic instead`
    )
  if (format === 'csv') throw cannot('input.format is "csv"')
  if (stream.from === 'field') throw cannot(`the stream is the field "${stream.field}", not the key`)
  const nested = format === 'json' ? channels.find((name) => name.includes('.')) : undefined
  if (nested !== undefined) throw cannot(`the channel "${nested}" is a path`)
  const timed = timestamp.from === 'field'
  if (timed && timestamp.unit !== 'ms')
    throw cannot(`the unit of input.timestamp is "${timestamp.unit}", not "ms"`)
  return {
    channels,
    format: format === 'json' ? 'json' : binary.type,
    ...(timed ? { timeField: timestamp.field ?? 'timestamp' } : {})
  }
}

async function planOf(options: LoadCommandOptions, input: Input, terminal: Terminal): Promise<LoadOptions> {
  const channels = options.channels ?? input.channels
  const { csv } = options
  const plan = {
    rate: options.rate,
    durationMs: options.duration,
    records: options.records,
    arrival: options.arrival,
    data: csv === undefined ? options.data : await rowsOf(csv, channels, terminal),
    channels,
    streams: options.streams,
    skew: options.skew,
    format: options.format ?? input.format,
    pointsPerRecord: options.points,
    timeField: options.timeField ?? input.timeField,
    startTime: options.startTime,
    seed: options.seed
  }
  return Object.fromEntries(
    Object.entries(plan).filter(([, value]) => value !== undefined)
  ) as unknown as LoadOptions
}

async function rowsOf(
  path: string,
  wanted: readonly string[] | undefined,
  terminal: Terminal
): Promise<ReplayedRows> {
  const { columns, values, rowsRead, rejected } = await readPoints(
    await openText(path, terminal.stdin),
    wanted,
    () => undefined
  )
  await write(terminal.stderr, rejectedText(rowsRead, rejected))
  if (values.length === 0) throw new TdaError('FILE', `${path} has no rows of numbers`)
  return { channels: columns, values }
}

async function fileTarget(path: string, format: LoadFormat, terminal: Terminal): Promise<Target> {
  const file = await openOutput(path, terminal)
  const publisher = new LineTarget(path === '-' ? 'standard output' : path, file.write, format === 'json')
  return { publisher, results: null, close: () => file.close() }
}

async function kafkaTarget(kafka: KafkaPlace, options: LoadCommandOptions): Promise<Target> {
  const [{ KafkaEventMesh }, { KafkaBulkPublisher }] = await Promise.all([
    import('../mesh/kafka-mesh.js'),
    import('../mesh/kafka-bulk-publisher.js')
  ])
  const mesh = await KafkaEventMesh.connect(kafka)
  try {
    await mesh.createStream(kafka.topic, options.partitions)
    const results =
      options.resultsTopic === undefined ? null : await ResultsReader.open(mesh, options.resultsTopic)
    const reports = options.reports ?? (options.rate <= REPORTS_EACH_RATE_MAX ? 'each' : 'counted')
    const publisher = await KafkaBulkPublisher.connect({ ...kafka, reports })
    const close = async (): Promise<void> => {
      await publisher.close()
      await mesh.close()
    }
    return { publisher, results, close }
  } catch (error) {
    await mesh.close()
    throw error
  }
}
