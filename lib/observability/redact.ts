/** Keeping secrets out of logs: by the name of the setting, at any depth. */

/** Settings of librdkafka and others whose values nobody may read in a log. `sasl.username` is not one. */
const SECRET = /password|passphrase|secret|token|credential|oauthbearer\.config|ssl\.key|private.?key/i

export const REDACTED = '[redacted]'

/** Deep enough for a configuration in an error in a log object; what lies deeper is left out. */
const DEPTH_MAX = 8

/** A copy of plain objects and lists with the values of secret settings replaced. Other objects pass as they are. */
export function withoutSecrets(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth > DEPTH_MAX) return '[too deep]'
  if (Array.isArray(value)) return value.map((entry) => withoutSecrets(entry, depth + 1))
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  const entries = Object.entries(value).map(([key, entry]) => [
    key,
    SECRET.test(key) ? REDACTED : withoutSecrets(entry, depth + 1)
  ])
  return Object.fromEntries(entries) as unknown
}
