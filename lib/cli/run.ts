/** `run`: the daemon against real brokers, until a signal asks it to stop. */
import { loadConfig } from '../config/load.js'
import { memoryLimit, predictMemory, requireMemory, ripsCostTexts } from '../config/memory.js'
import type { Config } from '../config/schema.js'
import type { EventMesh } from '../mesh/event-mesh.js'
import { createLogger } from '../observability/logger.js'
import { createDaemon } from '../pipeline/daemon.js'
import { defaultWorkers } from '../scales/worker-pool.js'
import { EXIT, type ExitCode } from './exit-codes.js'
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
  connect = connectKafka
): Promise<ExitCode> {
  const config = await loadConfig(path, 'broker')
  requireMemory(config)
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
  const logger = createLogger({
    level: config.log.level,
    readable: stderr.isTTY === true,
    colours,
    destination: stderr
  })
  let mesh: EventMesh | undefined
  const giveUp = (): void => {
    logger.fatal('stopped at once; a restart repeats what was not committed')
    // An exit waits for librdkafka, and librdkafka for brokers that may be silent: with clients open only this is sure.
    if (mesh) process.kill(process.pid, 'SIGKILL')
    else process.exit(EXIT.impossible)
  }
  const stop = stopOnSignal(giveUp)
  let deadline: NodeJS.Timeout | undefined
  const within = (ms: number): void => {
    deadline ??= setTimeout(giveUp, ms).unref()
  }
  stop.signal.addEventListener('abort', () => within(config.shutdown.timeout + CLOSE_MS_MAX))
  try {
    const workers = config.pipeline.workers ?? defaultWorkers()
    logger.info({ config, workers, memoryLimitMiB, memoryPredictedMiB }, 'starting')
    mesh = await connect(config)
    const daemon = await createDaemon(config, {
      mesh,
      logger,
      signal: stop.signal,
      closing: () => within(CLOSE_MS_MAX)
    })
    await daemon.run()
    logger.info({ ...daemon.pipeline.totals }, 'stopped')
    return EXIT.done
  } finally {
    within(CLOSE_MS_MAX)
    await mesh?.close()
    clearTimeout(deadline)
    stop.dispose()
  }
}

async function connectKafka(config: Config): Promise<EventMesh> {
  const { KafkaEventMesh } = await import('../mesh/kafka-mesh.js')
  const { brokers, librdkafka, instanceId } = config.kafka!
  return KafkaEventMesh.connect({
    brokers,
    librdkafka,
    compression: config.output.compression,
    ...(instanceId === undefined ? {} : { instanceId })
  })
}
