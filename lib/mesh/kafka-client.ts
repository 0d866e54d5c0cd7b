/**
 * Loading node-rdkafka and turning its callbacks and errors into promises and {@link TdaError}. It is an optional
 * dependency: only this file imports it, and only when a Kafka mesh is opened.
 *
 * node-rdkafka is not context-aware: one thread of a process can load it, which is the main thread here.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { isNativeError } from 'node:util/types'
import type * as rdkafka from 'node-rdkafka'
import type { LibrdKafkaError } from 'node-rdkafka'
import { TdaError, type ErrorCode } from '../errors.js'
import type { ClientErrors, ClientLog, ClientRole } from './client-log.js'
import type { KafkaSettings } from './kafka-settings.js'

type Rdkafka = typeof rdkafka
const RETRY_MS = 100
export type { KafkaConsumer, LibrdKafkaError, Message, Producer } from 'node-rdkafka'

/** librdkafka's error numbers this package acts upon. Negative: found by the client; positive: said by the broker. */
export const RD_KAFKA = {
  TRANSPORT: -195,
  UNKNOWN_PARTITION: -190,
  ALL_BROKERS_DOWN: -187,
  TIMED_OUT: -185,
  QUEUE_FULL: -184,
  ASSIGN_PARTITIONS: -175,
  REVOKE_PARTITIONS: -174,
  AUTHENTICATION: -169,
  STATE: -172,
  FATAL: -150,
  UNKNOWN_TOPIC: 3,
  FENCED: -144,
  MSG_SIZE_TOO_LARGE: 10,
  RECORD_LIST_TOO_LARGE: 18,
  ILLEGAL_GENERATION: 22,
  UNKNOWN_MEMBER_ID: 25,
  REBALANCE_IN_PROGRESS: 27,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  TOPIC_ALREADY_EXISTS: 36,
  UNSUPPORTED_SASL_MECHANISM: 33,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 53,
  SASL_AUTHENTICATION_FAILED: 58,
  FENCED_INSTANCE_ID: 82,
  UNSTABLE_OFFSET_COMMIT: 88
} as const

/** Errors that waiting does not heal. */
const HOPELESS: ReadonlySet<number> = new Set([
  RD_KAFKA.FATAL,
  RD_KAFKA.AUTHENTICATION,
  RD_KAFKA.TOPIC_AUTHORIZATION_FAILED,
  RD_KAFKA.GROUP_AUTHORIZATION_FAILED,
  RD_KAFKA.CLUSTER_AUTHORIZATION_FAILED,
  RD_KAFKA.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  RD_KAFKA.FENCED_INSTANCE_ID,
  RD_KAFKA.UNSUPPORTED_SASL_MECHANISM,
  RD_KAFKA.SASL_AUTHENTICATION_FAILED
])

let loaded: Promise<Rdkafka> | undefined

/** Whether anything of this process has asked for node-rdkafka. */
export function isKafkaLoaded(): boolean {
  return loaded !== undefined
}

/** Throws KAFKA_UNAVAILABLE with what to install when node-rdkafka is missing or was not built. */
export function loadKafka(): Promise<Rdkafka> {
  loaded ??= import('node-rdkafka').then(
    (module) => (module as unknown as { default: Rdkafka }).default,
    (cause: unknown) => {
      loaded = undefined
      throw kafkaUnavailable(cause)
    }
  )
  return loaded
}

function kafkaUnavailable(cause: unknown): TdaError {
  const missing = (cause as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND'
  const text = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)
  return new TdaError(
    'KAFKA_UNAVAILABLE',
    (missing ? 'node-rdkafka is not installed' : `node-rdkafka does not load (${text})`) +
      '; it needs a C++ compiler, make, python3 and the headers of OpenSSL and zlib (Debian: build-essential python3 ' +
      'libssl-dev zlib1g-dev); then: npm install node-rdkafka && npm rebuild node-rdkafka',
    { cause }
  )
}

/** Errors of delivery reports come as a text without their number (node-rdkafka 3.6): those that matter here. */
const REPORTED: ReadonlyMap<string, number> = new Map([
  ['message size too large', RD_KAFKA.MSG_SIZE_TOO_LARGE],
  ['topic authorization failed', RD_KAFKA.TOPIC_AUTHORIZATION_FAILED],
  ['cluster authorization failed', RD_KAFKA.CLUSTER_AUTHORIZATION_FAILED]
])

export function errorNumber(error: unknown): number | undefined {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  if (code === -1) return REPORTED.get(String(message)) ?? code
  return typeof code === 'number' ? code : undefined
}

/** True when no retry can succeed: wrong credentials, missing rights, a fatal client error. */
export function isHopeless(error: unknown): boolean {
  const code = errorNumber(error)
  return code !== undefined && HOPELESS.has(code)
}

/** True when a message is longer than the broker, its topic or the client takes. */
export function isTooLarge(error: unknown): boolean {
  const code = errorNumber(error)
  return code === RD_KAFKA.MSG_SIZE_TOO_LARGE || code === RD_KAFKA.RECORD_LIST_TOO_LARGE
}

/** What librdkafka said, with what was being done; `retriable` unless no retry can succeed. */
export function brokerError(what: string, cause: unknown): TdaError {
  if (cause instanceof TdaError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  const number = errorNumber(cause)
  const code: ErrorCode = isTooLarge(cause) ? 'MESSAGE_TOO_LARGE' : 'BROKER'
  const text = `${what}: ${reason}${number === undefined ? '' : ` (librdkafka ${number})`}`
  return new TdaError(code, text, { cause, retriable: !isHopeless(cause) && !isTooLarge(cause) })
}

/** Makes a client. @throws CONFIG_INVALID when librdkafka refuses a setting. */
export function withSettings<Client>(make: () => Client): Client {
  try {
    return make()
  } catch (cause) {
    throw settingsRefused(cause)
  }
}

function settingsRefused(cause: unknown): TdaError {
  const reason = isNativeError(cause) ? cause.message : String(cause)
  return new TdaError('CONFIG_INVALID', `kafka.librdkafka: ${reason}`, { cause })
}

/** What librdkafka sets by topic, as far as producers go. */
const TOPIC_SETTINGS: ReadonlySet<string> = new Set([
  'acks',
  'request.required.acks',
  'request.timeout.ms',
  'message.timeout.ms',
  'delivery.timeout.ms',
  'partitioner',
  'queuing.strategy',
  'compression.level'
])

/** Those of the settings that are set by topic: node-rdkafka loses them where they stand among the global ones. */
export function topicSettings(settings: KafkaSettings): KafkaSettings {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => TOPIC_SETTINGS.has(name)))
}

interface Connectable {
  connect(options: { timeout: number }, done: (error: LibrdKafkaError | null) => void): unknown
  disconnect(done: () => void): unknown
  on(event: 'event.error', listener: (error: LibrdKafkaError) => void): unknown
}

/**
 * Connects and fetches the metadata within `timeoutMs`, or throws BROKER naming the brokers and the last error the
 * client reported; CONFIG_INVALID when librdkafka finds settings that do not go together.
 */
export async function connectClient(client: Connectable, brokers: string, timeoutMs: number): Promise<void> {
  let reported: LibrdKafkaError | undefined
  // The first says most, unless one says that no waiting helps: a login that is refused also looks like a broken connection.
  client.on('event.error', (error) => {
    if (reported === undefined || (isHopeless(error) && !isHopeless(reported))) reported = error
  })
  await new Promise<void>((resolve, reject) => {
    client.connect({ timeout: timeoutMs }, (error) => {
      if (!error) resolve()
      // A client that was never made: its settings do not go together.
      else if (errorNumber(error) === RD_KAFKA.STATE) reject(settingsRefused(error))
      else
        reject(
          brokerError(
            `no broker of ${brokers} answered within ${timeoutMs} ms; check kafka.brokers and that they are up`,
            reported ?? error
          )
        )
    })
  })
}

interface Talking {
  on(event: 'event.error', listener: (error: LibrdKafkaError) => void): unknown
  on(
    event: 'event.log',
    listener: (entry: { severity: number; fac: string; message: string }) => void
  ): unknown
}

/**
 * Logs and counts what librdkafka reports. Its errors are no failures of ours: outages heal, and what does not heal is thrown by
 * the call it concerns. `setting` debug of `kafka.librdkafka` makes it say more; syslog severities.
 */
export function logClient(
  client: Talking,
  role: ClientRole,
  log: ClientLog | undefined,
  errors: ClientErrors | undefined
): void {
  client.on('event.error', (error) => {
    errors?.clientFailed(role, String(error.code))
    log?.warn({ client: role, librdkafka: error.code }, error.message)
  })
  client.on('event.log', ({ severity, fac, message }) => {
    const level = severity <= 4 ? 'warn' : severity <= 6 ? 'info' : 'debug'
    log?.[level]({ client: role, facility: fac }, message)
  })
}

/** Never rejects: node-rdkafka throws where a producer did not get as far as being connected. */
export function disconnectClient(client: Connectable): Promise<void> {
  return new Promise((resolve) => {
    try {
      client.disconnect(() => resolve())
    } catch {
      resolve()
    }
  })
}

/** A callback of librdkafka as a promise. */
export function call(begin: (done: (error: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    begin((error) => {
      if (error === null || error === undefined) resolve()
      else reject(asError(error))
    })
  })
}

/** A call that does not come back; the client it was made on can only be freed by ending the process. */
export class HungCall extends TdaError {
  constructor(what: string, ms: number) {
    super(
      'BROKER',
      `${what}: librdkafka did not come back within ${ms} ms; restart, which repeats what was not committed`
    )
  }
}

/** The same for a call that may never come back. @throws HungCall when it takes longer than `ms`. */
export async function callWithin(
  ms: number,
  what: string,
  begin: (done: (error: unknown) => void) => void
): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new HungCall(what, ms)), ms)
  })
  try {
    await Promise.race([call(begin), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Asks again for up to `ms` where that may help. @throws what `ask` throws last. */
export async function patiently<T>(ms: number, ask: () => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + ms
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof TdaError && error.retriable) || performance.now() > deadlineMs) throw error
      await delay(RETRY_MS)
    }
  }
}

interface Asking {
  queryWatermarkOffsets(
    topic: string,
    partition: number,
    timeoutMs: number,
    done: (error: LibrdKafkaError | null, offsets: { lowOffset: number; highOffset: number }) => void
  ): unknown
  getMetadata(
    options: { topic: string; timeout: number },
    done: (error: LibrdKafkaError | null) => void
  ): unknown
}

/**
 * The oldest offset of a partition and its next one. A client that looked at the topic before all of its partitions were there
 * believes that for minutes: it is told to look again before the error is thrown, so that the next attempt may succeed.
 *
 * @throws BROKER when there is no answer in time.
 */
export async function queryBounds(
  client: Asking,
  topic: string,
  partition: number,
  timeoutMs: number
): Promise<{ readonly low: number; readonly high: number }> {
  try {
    return await new Promise((resolve, reject) => {
      client.queryWatermarkOffsets(topic, partition, timeoutMs, (error, offsets) => {
        if (error) reject(asError(error))
        else resolve({ low: offsets.lowOffset, high: offsets.highOffset })
      })
    })
  } catch (error) {
    if (errorNumber(error) === RD_KAFKA.UNKNOWN_PARTITION || errorNumber(error) === RD_KAFKA.UNKNOWN_TOPIC) {
      await new Promise<void>((resolve) => client.getMetadata({ topic, timeout: timeoutMs }, () => resolve()))
    }
    throw brokerError(`read the bounds of "${topic}"/${partition}`, error)
  }
}

/** librdkafka's errors are errors in all but their class: with message, code and flags. */
export function asError(error: object): Error {
  return error as Error
}
