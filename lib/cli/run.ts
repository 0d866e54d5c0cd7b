/** `run`: the daemon against real brokers, until a signal asks it to stop. */
import { loadConfig } from '../config/load.js'
import { memoryLimit, predictMemory, requireMemory, ripsCostTexts } from '../config/memory.js'
import { tracingSettings } from '../config/tracing.js'
import type { EventMesh } from '../mesh/event-mesh.js'
import { createLogger, type Logger } from '../observability/logger.js'
import { createMetrics } from '../observability/metrics.js'
import { DistributedTracer } from '../observability/tracing/distributed-tracer.js'
import { createDaemon } from '../pipeline/daemon.js'
import { defaultWorkers } from '../scales/worker-pool.js'
import { connectKafka } from './connect-kafka.js'
import { EXIT, type ExitCode } from './exit-codes.js'
import { connectInProcess, kafkaEnabled } from './mesh-flag.js'
import { reloadOnSignal } from './reload.js'
import { stopOnSignal } from './stop-signal.js'
import { write, type Terminal } from './terminal.js'

export interface RunOptions {
  readonly config: string
  /** Validate only. */
  readonly check: boolean
}

/** What closing may take after the drain, before the process gives up. */
const CLOSE_MS_MAX = 5_000
const MIB = 1 << 20

/** Answers 0 after a drain; throws what ended the daemon otherwise. `connect` is another mesh in tests. */
export async function run(
  { config: path, check }: RunOptions,
  terminal: Terminal,
  connect: typeof connectKafka = connectKafka,
  env: NodeJS.ProcessEnv = process.env
): Promise<ExitCode> {
  const kafka = kafkaEnabled(env)
  const use = kafka ? 'broker' : 'library'
  const config = await loadConfig(path, use)
  requireMemory(config)
  tracingSettings(config.tracing) // What the environment says is checked with the configuration.
  const memoryPredictedMiB = Math.ceil(predictMemory(config).totalBytes / MIB)
  const memoryLimitMiB = Math.ceil(memoryLimit(config) / MIB)
  if (check) {
    const lines = [
      `${path} is valid; its windows need at most ${memoryPredictedMiB} of ${memoryLimitMiB} MiB`,
      ...ripsCostTexts(config)
    ]
    await write(terminal.stdout, `${lines.join('\n')}\n`)
    return EXIT.done
  }
  const { stderr, colours } = terminal
  const metrics = createMetrics(config.metrics)
  const logger = createLogger({
    settings: config.log,
    readable: stderr.isTTY === true,
    colours,
    destination: stderr,
    onLeftOut: (component, count) => metrics.logLinesLeftOut(component, count)
  })
  let mesh: EventMesh | undefined
  let tracer: DistributedTracer | undefined
  const giveUp = (): void => {
    logger.fatal({}, 'stopped at once; a restart repeats what was not committed')
    // An exit waits for librdkafka, and librdkafka for brokers that may be silent: with clients open only this is sure.
    if (mesh) process.kill(process.pid, 'SIGKILL')
    else process.exit(EXIT.impossible)
  }
  const stop = stopOnSignal(giveUp, ['SIGINT', 'SIGTERM'])
  const tracing = DistributedTracer.start(config.tracing, { logger })
  const reloading = reloadOnSignal({
    path,
    use,
    running: config,
    logger,
    gate: { reconfigure: async (changed) => (await tracing).reconfigure(changed.tracing) },
    parts: [
      { reconfigure: ({ log }) => logger.reconfigure(log) },
      { reconfigure: (changed) => metrics.reconfigure(changed.metrics) }
    ]
  })
  const warnings = logWarnings(logger.component('process'))
  let deadline: NodeJS.Timeout | undefined
  const within = (ms: number): void => {
    deadline ??= setTimeout(giveUp, ms).unref()
  }
  stop.signal.addEventListener('abort', () => within(config.shutdown.timeout + CLOSE_MS_MAX))
  try {
    const workers = config.pipeline.workers ?? defaultWorkers()
    logger.info({ config, workers, memoryLimitMiB, memoryPredictedMiB }, 'starting')
    tracer = await tracing
    mesh = await (kafka ? connect : connectInProcess)(config, logger.component('kafka'))
    const closing = (): void => within(CLOSE_MS_MAX)
    const daemon = await createDaemon(config, {
      mesh,
      logger,
      metrics,
      tracer,
      signal: stop.signal,
      closing
    })
    await daemon.run()
    logger.flush()
    logger.info({ ...daemon.pipeline.totals }, 'stopped')
    return EXIT.done
  } finally {
    within(CLOSE_MS_MAX)
    await tracer?.shutdown()
    await mesh?.close()
    clearTimeout(deadline)
    warnings.dispose()
    reloading.dispose()
    stop.dispose()
  }
}

/** Node's warnings as lines of the log, instead of text between them. */
function logWarnings(logger: Logger): { dispose(): void } {
  const printing = process.listeners('warning')
  const listener = ({ name, message, stack }: Error): void =>
    logger.warn({ err: { type: name, message, stack } }, `${name}: ${message}`)
  process.removeAllListeners('warning')
  process.on('warning', listener)
  return {
    dispose() {
      process.off('warning', listener)
      for (const printer of printing) process.on('warning', printer)
    }
  }
}
