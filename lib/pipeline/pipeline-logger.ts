/** What the daemon asks of a log: little of a stranger's, more of this package's own (`observability/logger.ts`). */
import type { LogComponent } from '../config/schema.js'

/** The part of any pino logger that is used. */
export interface PipelineLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What this package's own loggers can do besides. */
export interface DetailedLogger extends PipelineLogger {
  debug(fields: object, message: string): void
  /** The stream whose every step goes to `detail`, as of now. */
  readonly debugStream: string | undefined
  detail(fields: object, message: string): void
  /** The logger of another part of the process, whose lines name it. */
  component(name: LogComponent): DetailedLogger
}

/** The logger of one part of the daemon; a stranger's logger is the same for all, and gets no detail. */
export function componentLogger(logger: PipelineLogger | undefined, name: LogComponent): DetailedLogger {
  if (logger === undefined) return SILENT
  if (isDetailed(logger)) return logger.component(name)
  const plain: DetailedLogger = {
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    debug() {},
    debugStream: undefined,
    detail() {},
    component: () => plain
  }
  return plain
}

function isDetailed(logger: PipelineLogger): logger is DetailedLogger {
  return 'component' in logger && 'detail' in logger
}

const SILENT: DetailedLogger = {
  info() {},
  warn() {},
  error() {},
  debug() {},
  debugStream: undefined,
  detail() {},
  component: () => SILENT
}
