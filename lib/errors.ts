/**
 * Every error of this package: one class, a stable `code`, the cause kept. Match on `code`, never on the text.
 *
 * The first group mirrors `native/base/status.h` (a test compares the two); the second belongs to the layers above.
 */
export const NATIVE_ERROR_CODES = [
  'INVALID_ARGUMENT',
  'NON_FINITE_POINT',
  'WRONG_DIMENSION',
  'TIMESTAMP_BACKWARDS',
  'CAPACITY_EXCEEDED',
  'POINT_NOT_RETAINED',
  'WINDOW_EMPTY',
  'ENGINE_BUSY',
  'UNKNOWN_HANDLE',
  'DISTANCE_OVERFLOW',
  'MEMORY_LIMIT',
  'CANCELLED',
  'INTERNAL'
] as const

export const SYSTEM_ERROR_CODES = [
  /** The configuration is wrong; the message names the path, what was expected and what was found. Exit code 2. */
  'CONFIG_INVALID',
  /** A command line that cannot be right. Exit code 2. */
  'USAGE',
  /** A file could not be read or written. Exit code 3. */
  'FILE',
  /** The broker refused or did not answer. Exit code 3. */
  'BROKER',
  /** Retention has removed records that a restore needs, or the log is not what it was. Exit code 3. */
  'STATE_LOST',
  /** A message is longer than the broker or its topic takes. Exit code 3. */
  'MESSAGE_TOO_LARGE',
  /** node-rdkafka is not installed or was not built. Exit code 3. */
  'KAFKA_UNAVAILABLE',
  /** The native addon is missing or does not load. Exit code 3. */
  'ADDON_UNAVAILABLE',
  /** The transport has no such capability, for example another partition count on the embedded broker. Exit code 3. */
  'NOT_SUPPORTED',
  /** The HTTP endpoint cannot listen, for example because its port is in use. Exit code 3. */
  'LISTEN'
] as const

/** Stable: what callers match on. What each means stands in `native/base/status.h` and above. */
export type ErrorCode = (typeof NATIVE_ERROR_CODES)[number] | (typeof SYSTEM_ERROR_CODES)[number]

/**
 * What every function of this package throws or rejects with; `cause` is what was behind it. The message says what to do.
 *
 * @example
 * const processor = new StreamingTdaProcessor({ filtration: 'sublevel', window: { count: 3 } })
 * try {
 *   processor.processPoints([1, Number.NaN])
 * } catch (error) {
 *   console.log(error instanceof TdaError, error.code) // true NON_FINITE_POINT
 * }
 * processor.close()
 */
export class TdaError extends Error {
  /** Stable; see {@link ErrorCode}. */
  readonly code: ErrorCode
  /** The same call may succeed later, and did nothing so far. */
  readonly retriable: boolean

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; retriable?: boolean }) {
    super(message, options)
    this.name = 'TdaError'
    this.code = code
    this.retriable = options?.retriable ?? false
  }
}
