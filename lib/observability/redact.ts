/**
 * Keeping secrets out of logs: by the name of the setting at any depth, and in texts by what they look like, because a
 * library may put a setting into an error message. Values known to be secret (those a configuration read from files) are
 * replaced wherever they occur.
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

/** Whether a setting of this name is a secret. */
export const isSecretName = (name: string): boolean => SECRET.test(name)

/** Values that are replaced in every text, of this process. A shorter one would take pieces out of words. */
const known = new Set<string>()
const KNOWN_LENGTH_MIN = 4
const KNOWN_MAX = 256

/** From now on the value is replaced wherever a log would show it. The newest 256 are kept. */
export function keepSecret(value: string): void {
  if (value.length < KNOWN_LENGTH_MIN) return
  known.delete(value)
  known.add(value)
  const [oldest] = known
  if (known.size > KNOWN_MAX && oldest !== undefined) known.delete(oldest)
}

/** The text without what looks like a secret or is known to be one. O(length) for each known. */
export function textWithoutSecrets(text: string): string {
  let shown = text
  for (const value of known) shown = shown.replaceAll(value, REDACTED)
  return shown
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
