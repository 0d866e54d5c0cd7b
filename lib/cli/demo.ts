/** `streaming-tda demo`, which is also `npm start`. */
import { createServer } from 'node:net'
import { InvalidArgumentError, type Command } from 'commander'
import { stopOnSignal } from './stop-signal.js'
import { wholeNumber } from './parse-number.js'

const DEFAULT_RATE = 200
const RATE_MAX = 1_000_000
const DEFAULT_PORT = 9464

interface DemoCommandOptions {
  readonly rate: number
  readonly exitAtEnd: boolean
  readonly plain: boolean
  readonly port?: number
  readonly kafka: boolean
}

/** Adds the command. */
export function registerDemo(program: Command): void {
  program
    .command('demo')
    .description('See it work: real sensor readings, an embedded broker, the daemon, and its results live.')
    .option(
      '--rate <readings>',
      `readings a second, or "high": as fast as they are taken`,
      rate,
      DEFAULT_RATE
    )
    .option('--exit-at-end', 'end when all readings are in, instead of staying up until Ctrl-C', false)
    .option('--plain', 'log lines instead of the live screen; so it is where output is no terminal', false)
    .option(
      '--port <port>',
      `port of /metrics, 0 = any; default: ${DEFAULT_PORT}, or any when taken`,
      wholeNumber(0, 65_535)
    )
    .option('--no-kafka', 'use the in-process mesh even where node-rdkafka works')
    .addHelpText(
      'after',
      `
Streams 18 914 readings of four wireless sensors through four scales: level sets of 64 and of 4096 points of temperature,
and Vietoris-Rips complexes of 256 points of (humidity, temperature) and of the delay embedding of temperature.
The broker is embedded (librdkafka's mock cluster): 4 partitions a topic, at-least-once, in memory, gone with
the process. Any Kafka client on this machine can read the result topic at the address shown. Ctrl-C drains and ends.`
    )
    .action(demo)
}

function rate(text: string): number {
  if (text === 'high') return Infinity
  try {
    return wholeNumber(1, RATE_MAX)(text)
  } catch {
    throw new InvalidArgumentError(`Expected readings a second from 1 to ${RATE_MAX}, or "high".`)
  }
}

async function demo(options: DemoCommandOptions): Promise<void> {
  const [{ createLogger }, { liveView, plainView }, { runDemo }] = await Promise.all([
    import('../observability/logger.js'),
    import('./demo/views.js'),
    import('./demo/run-demo.js')
  ])
  const live = process.stdout.isTTY && !options.plain
  const colours = process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === ''
  const logger = createLogger({
    settings: { level: live ? 'error' : 'info', components: {} },
    readable: process.stdout.isTTY,
    colours,
    destination: live ? process.stderr : process.stdout
  })
  const stop = stopOnSignal(() => process.exit(3))
  try {
    const { gaps } = await runDemo({
      rate: options.rate,
      exitAtEnd: options.exitAtEnd,
      port: options.port ?? (await defaultPort()),
      transport: options.kafka ? 'embedded' : 'in-process',
      view: live ? liveView(process.stdout) : plainView(logger),
      logger,
      signal: stop.signal
    })
    if (gaps > 0) process.exitCode = 1
  } finally {
    stop.dispose()
  }
}

/** The usual port, unless somebody (another demo) has it. */
function defaultPort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer()
      .once('error', () => resolve(0))
      .listen(DEFAULT_PORT, '127.0.0.1', () => probe.close(() => resolve(DEFAULT_PORT)))
  })
}
