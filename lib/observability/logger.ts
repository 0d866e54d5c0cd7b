/**
 * Logs: one JSON object per line, or readable lines on a terminal; every field is in docs/logging.md. Everything logged
 * passes `withoutSecrets`, so a configuration may be logged whole. Writes are synchronous: a line is out when the call
 * returns, also before a crash.
 *
 *   (G1) Every line names its component, and the trace and span it was written in, where there is one.
 *   (G2) A component writes at most `LINES_PER_SECOND` of a level; the next line says how many were left out.
 *   (G3) Levels may change at any time; every component reads its own.
 */
import { isSpanContextValid, trace } from '@opentelemetry/api'
import { pino, type DestinationStream, type Logger as Pino } from 'pino'
import pretty from 'pino-pretty'
import { LOG_COMPONENTS, type Config, type LogComponent } from '../config/schema.js'
import { LINES_PER_SECOND, LogLimiter } from './log-limiter.js'
import { withoutSecrets } from './redact.js'

export type LogLevel = Config['log']['level']
/** Levels that lines have. */
export type LineLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'

export interface LoggerOptions {
  /** Levels and the stream to follow; `reconfigure` changes them. */
  readonly settings?: Config['log']
  /** Readable lines instead of JSON. */
  readonly readable: boolean
  readonly colours: boolean
  /** Where lines go; standard error by default, so that standard output stays free for results. */
  readonly destination?: DestinationStream
  /** Told of every line that a limit keeps back. */
  readonly onLeftOut?: (component: LogComponent, count: number) => void
}

/** The logger of one component. */
export interface Logger {
  debug(fields: object, message: string): void
  /** The message alone, where there are no fields. */
  info(fields: object | string, message?: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  fatal(fields: object, message: string): void
  /** Written whatever the level of the component: for `debugStream`, whose detail somebody asked for. */
  detail(fields: object, message: string): void
  log(level: LineLevel, fields: object, message: string): void
  /** The one stream whose every step is to be logged with `detail`. */
  readonly debugStream: string | undefined
  /** The logger of another component of the same process. */
  component(name: LogComponent): Logger
  /** Other levels, another stream to follow; from the next line on. */
  reconfigure(settings: Config['log']): void
  /** Says what limits have kept back and no line has told of. */
  flush(): void
}

const DEFAULTS: Config['log'] = { level: 'info', components: {} }

/** The logger of component `daemon`; the others come from it. */
export function createLogger(options: LoggerOptions): Logger {
  const { readable, colours, destination, onLeftOut } = options
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
  const root = pino(
    {
      level: 'trace',
      mixin: traceFields,
      // Errors are plain objects by the time pino sees them.
      serializers: { err: (error: unknown) => error },
      formatters: { level: (label) => ({ level: label }) },
      hooks: {
        logMethod(given, method) {
          const cleaned = (given as readonly unknown[]).map((argument) => withoutSecrets(argument))
          method.apply(this, cleaned as unknown as Parameters<typeof method>)
        }
      }
    },
    stream
  )
  const shared: Shared = { settings: options.settings ?? DEFAULTS, components: new Map() }
  for (const name of LOG_COMPONENTS) {
    shared.components.set(name, new ComponentLogger(name, root, shared, onLeftOut ?? (() => {})))
  }
  return shared.components.get('daemon')!
}

interface Shared {
  settings: Config['log']
  readonly components: Map<LogComponent, ComponentLogger>
}

class ComponentLogger implements Logger {
  readonly #name: LogComponent
  readonly #shared: Shared
  readonly #pino: Pino
  readonly #detail: Pino
  readonly #limiters = new Map<string, LogLimiter>()
  readonly #onLeftOut: (component: LogComponent, count: number) => void

  constructor(
    name: LogComponent,
    root: Pino,
    shared: Shared,
    onLeftOut: NonNullable<LoggerOptions['onLeftOut']>
  ) {
    this.#name = name
    this.#shared = shared
    this.#pino = root.child({ component: name })
    this.#detail = root.child({ component: name })
    this.#onLeftOut = onLeftOut
    this.#setLevel()
  }

  get debugStream(): string | undefined {
    return this.#shared.settings.debugStream
  }

  debug(fields: object, message: string): void {
    this.log('debug', fields, message)
  }

  info(fields: object | string, message?: string): void {
    if (typeof fields === 'string') this.log('info', {}, fields)
    else this.log('info', fields, message ?? '')
  }

  warn(fields: object, message: string): void {
    this.log('warn', fields, message)
  }

  error(fields: object, message: string): void {
    this.log('error', fields, message)
  }

  fatal(fields: object, message: string): void {
    this.log('fatal', fields, message)
  }

  detail(fields: object, message: string): void {
    this.#write(this.#detail, 'debug', fields, message)
  }

  log(level: LineLevel, fields: object, message: string): void {
    if (this.#pino.isLevelEnabled(level)) this.#write(this.#pino, level, fields, message)
  }

  component(name: LogComponent): Logger {
    return this.#shared.components.get(name)!
  }

  reconfigure(settings: Config['log']): void {
    this.#shared.settings = settings
    for (const component of this.#shared.components.values()) component.#setLevel()
  }

  flush(): void {
    for (const component of this.#shared.components.values()) component.#sayLeftOut()
  }

  #setLevel(): void {
    const { level, components } = this.#shared.settings
    this.#pino.level = components[this.#name] ?? level
  }

  #write(to: Pino, level: LineLevel, fields: object, message: string): void {
    const leftOut = this.#pass(level)
    if (leftOut === null) return
    to[level](leftOut === 0 ? fields : { ...fields, leftOut }, message)
  }

  #pass(level: LineLevel): number | null {
    const rate = LINES_PER_SECOND[level]
    if (rate === undefined) return 0
    let limiter = this.#limiters.get(level)
    if (!limiter) this.#limiters.set(level, (limiter = new LogLimiter(rate)))
    const leftOut = limiter.pass()
    if (leftOut === null) this.#onLeftOut(this.#name, 1)
    return leftOut
  }

  #sayLeftOut(): void {
    for (const [level, limiter] of this.#limiters) {
      const leftOut = limiter.takeLeftOut()
      if (leftOut > 0) this.#detail.warn({ leftOut }, `${leftOut} lines of level ${level} were left out`)
    }
  }
}

function traceFields(): object {
  const context = trace.getActiveSpan()?.spanContext()
  if (context === undefined || !isSpanContextValid(context)) return {}
  return { trace_id: context.traceId, span_id: context.spanId }
}
