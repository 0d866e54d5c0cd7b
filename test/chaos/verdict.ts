/**
 * Whether a run kept its promises. Pure, so that a test can show each of them broken.
 *
 *   (V1) Every record Kafka acknowledged is in the log, once; nothing is in the log that was not sent.
 *   (V2) Exactly once: per stream, what consumers read is the uninterrupted run's, value by value. At least once: the same
 *        with repeats, byte by byte, and no gap.
 *   (V3) Every record that cannot be used is a dead letter, and no other; exactly once: one letter.
 *   (V4) The group has committed the whole log.
 */
import { repeatsOnly } from '../support/pipeline-world.js'
import type { Reference } from './reference.js'

export type Delivery = 'exactly-once' | 'at-least-once'

export interface Evidence {
  readonly delivery: Delivery
  /** Numbers of records that were acknowledged, and of those whose fate is not known. */
  readonly acknowledged: ReadonlySet<number>
  readonly unsure: ReadonlySet<number>
  /** Numbers of the records in the log, in any order. */
  readonly logged: readonly number[]
  readonly reference: Reference
  readonly values: ReadonlyMap<string, readonly string[]>
  readonly letters: readonly string[]
  /** Next offsets to read of the group, and the ends of the log, per partition. */
  readonly committed: ReadonlyMap<number, number>
  readonly ends: ReadonlyMap<number, number>
}

export interface Verdict {
  /** Results and dead letters that should be there and are not. */
  readonly lost: number
  /** Results and dead letters that are there more than once. */
  readonly doubled: number
  readonly violations: readonly string[]
}

const EXAMPLES_MAX = 5

export function judge(evidence: Evidence): Verdict {
  const violations = [
    ...logViolations(evidence),
    ...valueViolations(evidence),
    ...letterViolations(evidence),
    ...commitViolations(evidence)
  ]
  let lost = 0
  let doubled = 0
  for (const [expected, got] of pairs(evidence)) {
    const seen = new Set(got)
    lost += new Set(expected.filter((value) => !seen.has(value))).size
    doubled += got.length - seen.size
  }
  return { lost, doubled, violations }
}

function pairs({ reference, values, letters }: Evidence): [readonly string[], readonly string[]][] {
  const streams = new Set([...reference.values.keys(), ...values.keys()])
  return [
    ...[...streams].map((stream): [readonly string[], readonly string[]] => [
      reference.values.get(stream) ?? [],
      values.get(stream) ?? []
    ]),
    [reference.letters, letters]
  ]
}

function logViolations({ acknowledged, unsure, logged }: Evidence): string[] {
  const found = new Set(logged)
  const missing = [...acknowledged].filter((number) => !found.has(number))
  const strange = logged.filter((number) => !acknowledged.has(number) && !unsure.has(number))
  return [
    ...some(missing, 'acknowledged and not in the log'),
    ...some(strange, 'in the log and never sent'),
    ...(found.size === logged.length ? [] : [`${logged.length - found.size} records are in the log twice`])
  ]
}

function valueViolations({ delivery, reference, values }: Evidence): string[] {
  const streams = [...new Set([...reference.values.keys(), ...values.keys()])].sort()
  return streams.flatMap((stream) => {
    const expected = reference.values.get(stream) ?? []
    const got = values.get(stream) ?? []
    const wrong = delivery === 'exactly-once' ? firstDifference(expected, got) : repeatsOnly(expected, got)
    return wrong === null ? [] : [`results of "${stream}": ${wrong}`]
  })
}

function firstDifference(expected: readonly string[], got: readonly string[]): string | null {
  const at = expected.findIndex((value, i) => value !== got[i])
  if (at < 0 && got.length === expected.length) return null
  const place = at < 0 ? expected.length : at
  const found = got[place]
  const before = found === undefined ? -1 : expected.indexOf(found)
  const what =
    found === undefined
      ? 'nothing'
      : before >= 0
        ? `value ${before} of the uninterrupted run`
        : `a value it never put out: ${found.slice(0, 200)}`
  return `value ${place} of ${got.length} is ${what} (${expected.length} expected)`
}

function letterViolations({ delivery, reference, letters }: Evidence): string[] {
  const expected = new Set(reference.letters)
  const got = new Set(letters)
  const repeats = letters.length - got.size
  return [
    ...some(
      [...expected].filter((letter) => !got.has(letter)),
      'without a dead letter'
    ),
    ...some(
      [...got].filter((letter) => !expected.has(letter)),
      'with a dead letter and nothing wrong'
    ),
    ...(delivery === 'exactly-once' && repeats > 0 ? [`${repeats} dead letters came again`] : [])
  ]
}

function commitViolations({ committed, ends }: Evidence): string[] {
  return [...ends].flatMap(([partition, end]) => {
    const offset = committed.get(partition) ?? 0
    return offset === end ? [] : [`partition ${partition}: committed ${offset}, the log ends at ${end}`]
  })
}

function some(found: readonly (string | number)[], what: string): string[] {
  if (found.length === 0) return []
  return [`${found.length} records ${what}, for instance ${found.slice(0, EXAMPLES_MAX).join(', ')}`]
}
