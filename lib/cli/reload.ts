/**
 * SIGHUP: the configuration file is read again, and what may change at run time changes. All or nothing: a file that is
 * not valid, or asks for what needs a restart, is refused with one line for each reason, and the old one goes on.
 */
import type { ConfigUse } from '../config/cross-checks.js'
import { loadConfig } from '../config/load.js'
import { refusedChanges } from '../config/reload.js'
import type { Config } from '../config/schema.js'
import { TdaError } from '../errors.js'
import type { PipelineLogger } from '../pipeline/pipeline-report.js'

/** What listens to changes; each looks at its own section. */
export interface Reconfigurable {
  reconfigure(config: Config): void | Promise<void>
}

export interface ReloadParts {
  readonly path: string
  readonly use: ConfigUse
  readonly running: Config
  readonly logger: PipelineLogger
  /** May refuse by throwing, and then has changed nothing; asked first. */
  readonly gate: Reconfigurable
  /** Take over whatever the schema allows. */
  readonly parts: readonly Reconfigurable[]
}

export interface Reload {
  /** Gives the signal back to Node's default. */
  dispose(): void
}

/** Reloads at every SIGHUP, one after the other. */
export function reloadOnSignal(options: ReloadParts): Reload {
  let running = options.running
  let last: Promise<void> = Promise.resolve()
  const listener = (): void => {
    last = last.then(async () => {
      running = await reload({ ...options, running })
    })
  }
  process.on('SIGHUP', listener)
  return { dispose: () => void process.off('SIGHUP', listener) }
}

/** The configuration that holds from now on: the file's, or, when it is refused, the one that held before. */
export async function reload(options: ReloadParts): Promise<Config> {
  const { path, use, running, logger, gate, parts } = options
  try {
    const changed = await loadConfig(path, use)
    const refused = refusedChanges(running, changed)
    if (refused.length > 0)
      throw new TdaError('CONFIG_INVALID', refused.map((line) => `${path}: ${line}`).join('\n'))
    await gate.reconfigure(changed)
    for (const part of parts) await part.reconfigure(changed)
    const { log, metrics, tracing } = changed
    logger.info({ log, metrics, tracing }, `${path} was read again and taken over`)
    return changed
  } catch (error) {
    const { code, message } = error instanceof TdaError ? error : { code: 'INTERNAL', message: String(error) }
    for (const line of message.split('\n')) logger.error({ code }, `${line}; the old configuration goes on`)
    return running
  }
}
