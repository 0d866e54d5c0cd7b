/**
 * Keeping secrets out of logs: by the name of the setting at any depth, and in texts by what they look like, because a
 * library may put a setting into an error message.
 */

/** Settings of librdkafka and others whose values nobody may read in a log. `sasl.username` is not one. */
const SECRET =
  /password|passphrase|secret|token|credential|oauthbearer\.config|ssl\.key|ssl\.keystore|private.?key|api.?key|authorization/i

/** `sasl.password=...`, `"client_secret": "..."`, `password is ...`: up to the next sign that ends a value. */
const SECRET_IN_TEXT =
  /((?:[\w.-]*(?:password|passphrase|secret|token|credential|private[._-]?key|api[._-]?key))["']?\s*(?:[=:]|\bis\b)\s*)("[^"]*"|'[^']*'|[^\s,;&"')\]}]+)/gi
const AUTHORIZATION_IN_TEXT = /\b(basic|bearer)\s+[\w+/.~=-]{8,}/gi
/** `scheme://user:password@host`. */
const USER_IN_ADDRESS = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)[^\s/@]+@/gi
const KEY_BLOCK = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[^]*?(?:-----END \1-----|$)/g

export const REDACTED = '[redacted]'

/** Deep enough for a configuration in an error in a log object; what lies deeper is left out. */
const DEPTH_MAX = 8

/** The text without what looks like a secret. O(length). */
export function textWithoutSecrets(text: string): string {
  return text
    .replace(KEY_BLOCK, REDACTED)
    .replace(USER_IN_ADDRESS, `$1${REDACTED}@`)
    .replace(SECRET_IN_TEXT, `$1${REDACTED}`)
    .replace(AUTHORIZATION_IN_TEXT, `$1 ${REDACTED}`)
}

/**
 * A copy of plain objects and lists with the values of secret settings replaced, and texts and errors cleaned; a list of
 * (name, value), as headers are, counts as a setting. Other objects pass as they are.
 */
export function withoutSecrets(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return textWithoutSecrets(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth > DEPTH_MAX) return '[too deep]'
  if (value instanceof Error) return errorWithoutSecrets(value, depth)
  if (Array.isArray(value)) {
    const [name] = value as unknown[]
    if (value.length === 2 && typeof name === 'string' && SECRET.test(name)) return [name, REDACTED]
    return value.map((entry) => withoutSecrets(entry, depth + 1))
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  const entries = Object.entries(value).map(([key, entry]) => [
    key,
    SECRET.test(key) ? REDACTED : withoutSecrets(entry, depth + 1)
  ])
  return Object.fromEntries(entries) as unknown
}

/** As pino writes errors: type, message, stack, the cause, and what else the error carries (a code). */
function errorWithoutSecrets(error: Error, depth: number): unknown {
  const { name, message, stack, cause, ...rest } = error
  return {
    type: name,
    message: textWithoutSecrets(message),
    ...(stack === undefined ? {} : { stack: textWithoutSecrets(stack) }),
    ...(cause === undefined ? {} : { cause: withoutSecrets(cause, depth + 1) }),
    ...(withoutSecrets(rest, depth + 1) as object)
  }
}
