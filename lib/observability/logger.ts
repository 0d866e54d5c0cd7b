/**
 * Logs: one JSON object per line, or readable lines on a terminal. Everything logged passes `withoutSecrets`, so a
 * configuration may be logged whole. Writes are synchronous: a log line is out when the call returns, also before a crash.
 */
import { pino, type DestinationStream, type Logger } from 'pino'
import pretty from 'pino-pretty'
import type { Config } from '../config/schema.js'
import { withoutSecrets } from './redact.js'

export type { Logger } from 'pino'

export interface LoggerOptions {
  readonly level: Config['log']['level']
  /** Readable lines instead of JSON. */
  readonly readable: boolean
  readonly colours: boolean
  /** Where lines go; standard error by default, so that standard output stays free for results. */
  readonly destination?: DestinationStream
}

export function createLogger({ level, readable, colours, destination }: LoggerOptions): Logger {
  const sink = destination ?? pino.destination({ dest: 2, sync: true })
  const stream = readable
    ? pretty({
        colorize: colours,
        ignore: 'pid,hostname',
        translateTime: 'SYS:HH:MM:ss.l',
        destination: sink as never,
        sync: true
      })
    : sink
  return pino(
    { level, formatters: { log: (entry) => withoutSecrets(entry) as Record<string, unknown> } },
    stream
  )
}
