/** Reading what `/metrics` answers: Prometheus' text format, to numbers by name and labels. */
import { TdaError } from '../../errors.js'

export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels: Labels
  readonly value: number
}

/** One scrape. */
export class Exposition {
  readonly #samples: ReadonlyMap<string, readonly Sample[]>

  constructor(samples: ReadonlyMap<string, readonly Sample[]>) {
    this.#samples = samples
  }

  get names(): readonly string[] {
    return [...this.#samples.keys()]
  }

  /** All series of a name. */
  samples(name: string): readonly Sample[] {
    return this.#samples.get(name) ?? []
  }

  /** The sum of the series that have these labels; `undefined` when there is none. */
  value(name: string, labels: Labels = {}): number | undefined {
    const matching = this.samples(name).filter((sample) =>
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value)
    )
    return matching.length === 0 ? undefined : matching.reduce((sum, { value }) => sum + value, 0)
  }

  /** The values of a label, in the order of the text. */
  labelValues(name: string, label: string): readonly string[] {
    return [...new Set(this.samples(name).flatMap(({ labels }) => labels[label] ?? []))]
  }
}

const LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$/
const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)",?/gy

/**
 * Parses a whole answer. O(length).
 * @throws {TdaError} BROKEN_METRICS: see code FILE; a line that is no sample is named.
 */
export function parseExposition(text: string): Exposition {
  const samples = new Map<string, Sample[]>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const parts = LINE.exec(line)
    if (parts === null) throw notMetrics(line)
    const [, name = '', labels = '', value = ''] = parts
    const sample = { labels: parseLabels(labels, line), value: parseValue(value) }
    const known = samples.get(name)
    if (known) known.push(sample)
    else samples.set(name, [sample])
  }
  return new Exposition(samples)
}

function parseLabels(text: string, line: string): Labels {
  const labels: Record<string, string> = {}
  LABEL.lastIndex = 0
  let end = 0
  for (let label = LABEL.exec(text); label !== null; label = LABEL.exec(text)) {
    const [, name = '', value = ''] = label
    labels[name] = value.replace(/\\(.)/g, (_, sign: string) => (sign === 'n' ? '\n' : sign))
    end = LABEL.lastIndex
  }
  if (end !== text.length) throw notMetrics(line)
  return labels
}

function parseValue(text: string): number {
  if (text === '+Inf') return Infinity
  if (text === '-Inf') return -Infinity
  return Number(text)
}

function notMetrics(line: string): TdaError {
  return new TdaError('FILE', `the answer is not in Prometheus' text format: "${line.slice(0, 80)}"`)
}

/**
 * The value below which a part of the observations lies, as Prometheus' `histogram_quantile` estimates it: linear within
 * a bucket. Between two scrapes when `since` is given. `undefined` without observations.
 */
export function histogramQuantile(
  now: Exposition,
  name: string,
  quantile: number,
  since?: Exposition
): number | undefined {
  const earlier = new Map(since?.samples(`${name}_bucket`).map(({ labels, value }) => [labels['le'], value]))
  const buckets = now
    .samples(`${name}_bucket`)
    .map(({ labels, value }) => ({
      upper: parseValue(labels['le'] ?? ''),
      // A daemon that restarted counts from 0 again.
      count: value - Math.min(value, earlier.get(labels['le']) ?? 0)
    }))
    .sort((a, b) => a.upper - b.upper)
  const total = buckets.at(-1)?.count ?? 0
  if (total === 0) return undefined
  const rank = quantile * total
  const at = buckets.findIndex(({ count }) => count >= rank)
  const { upper, count } = buckets[at]!
  const lower = buckets[at - 1] ?? { upper: 0, count: 0 }
  // Beyond the last bound nothing is known but that bound.
  if (upper === Infinity) return lower.upper
  return lower.upper + ((upper - lower.upper) * (rank - lower.count)) / Math.max(count - lower.count, 1e-12)
}
