/**
 * A real Prometheus scrapes a running daemon: its rules give values, and every query of rules and dashboards names only
 * metrics and labels that are there.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { parseExposition, type Exposition } from '../../lib/cli/top/exposition-reader.js'
import { validateConfig } from '../../lib/config/load.js'
import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { createDaemon, type Daemon } from '../../lib/pipeline/daemon.js'
import { namesOf } from '../support/promql.js'
import { PrometheusServer, prometheusTools } from '../support/prometheus.js'
import { root } from '../support/run-command.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const config = validateConfig({
  input: { channels: ['x', 'y'] },
  http: { port: 0 },
  pipeline: { workers: 1 },
  metrics: { streams: ['mote-1'] },
  scales: [
    { name: 'levels', window: 8, slide: 4, filtration: 'sublevel', channel: 'x' },
    { name: 'loops', window: 16, slide: 4, filtration: 'rips' }
  ]
})

let mesh: InProcessEventMesh
let daemon: Daemon
let running: Promise<void>
const stop = new AbortController()
let feeding: NodeJS.Timeout
let exposition: Exposition
beforeAll(async () => {
  mesh = new InProcessEventMesh()
  daemon = await createDaemon(config, { mesh, signal: stop.signal })
  running = daemon.run()
  let sent = 0
  const feed = (): Promise<void> => {
    const records = Array.from({ length: 40 }, () => {
      const angle = sent++
      return { key: `mote-${sent % 3}`, value: `{"x":${Math.sin(angle)},"y":${Math.cos(angle)}}` }
    })
    return mesh.publish('tda.points', [...records, { key: 'mote-1', value: 'poison' }])
  }
  await feed()
  feeding = setInterval(() => void feed(), 100)
  // Some series come with the first lag, after 2 s, others with the first records that are through.
  const isWhole = (): boolean =>
    exposition.samples('tda_consumer_lag_records').length > 0 &&
    exposition.value('tda_updates_published_total')! > 0 &&
    exposition.value('tda_records_rejected_total', { reason: 'unparsable' })! > 0
  do {
    await new Promise((resolve) => setTimeout(resolve, 100))
    exposition = parseExposition(await (await fetch(`${daemon.url}/metrics`)).text())
  } while (!isWhole())
})
afterAll(async () => {
  clearInterval(feeding)
  stop.abort()
  await running
  await mesh.close()
})

interface Rule {
  readonly alert?: string
  readonly record?: string
  readonly expr: string
}
const rules = (
  parse(readFileSync(join(root, 'deploy/prometheus/rules.yaml'), 'utf8')) as { groups: { rules: Rule[] }[] }
).groups.flatMap((group) => group.rules)

interface Panel {
  readonly id: number
  readonly title: string
  readonly type: string
  readonly description: string
  readonly datasource: { readonly uid: string }
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets: readonly {
    readonly refId: string
    readonly expr: string
    readonly legendFormat: string
  }[]
}
interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly schemaVersion: number
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] }
}
const folder = join(root, 'deploy/grafana')
const dashboards = readdirSync(folder).map(
  (name) => [name, JSON.parse(readFileSync(join(folder, name), 'utf8')) as Dashboard] as const
)

/** As Grafana would fill its variables in. */
const filled = (query: string): string =>
  query
    .replaceAll('$__rate_interval', '1m')
    .replaceAll('$__range', '1h')
    .replaceAll('"$job"', '".+"')
    .replaceAll('"$instance"', '".+"')

/** Labels of a metric with those that Prometheus adds; `null`: there is no such metric. */
function labelsOf(metric: string): ReadonlySet<string> | null {
  const target = ['job', 'instance']
  const record = rules.find((rule) => rule.record === metric)
  if (record !== undefined) return new Set([...target, ...namesOf(record.expr).grouping])
  if (metric === 'up') return new Set(target)
  const samples = exposition.samples(metric)
  return samples.length === 0
    ? null
    : new Set([...target, ...samples.flatMap(({ labels }) => Object.keys(labels))])
}

function expectKnown(query: string): void {
  const { selectors, grouping } = namesOf(query)
  expect(selectors.length).toBeGreaterThan(0)
  const all = new Set<string>()
  for (const { metric, labels } of selectors) {
    const known = labelsOf(metric)
    expect([query, metric, known === null ? 'is not there' : 'is there']).toEqual([query, metric, 'is there'])
    for (const label of labels)
      expect([query, metric, label, known!.has(label)]).toEqual([query, metric, label, true])
    for (const label of known!) all.add(label)
  }
  for (const label of grouping) expect([query, label, all.has(label)]).toEqual([query, label, true])
}

test('a name that is not there would be found', () => {
  expect(() => expectKnown('rate(tda_no_such_total[1m])')).toThrow('is not there')
  expect(() => expectKnown('tda_streams{colour="red"}')).toThrow()
  expect(() => expectKnown('sum by (colour) (tda_streams)')).toThrow()
  expect(() => namesOf('sum(tda_streams')).toThrow('does not parse')
})

test.each(rules)('the rule $record$alert names only what is there', ({ expr }) => {
  expectKnown(expr)
})

describe.each(dashboards)('%s', (_, dashboard) => {
  test('is a dashboard that Grafana takes: panels with places of their own, queries and a data source', () => {
    expect(dashboard.uid).toMatch(/^streaming-tda-\w+$/)
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(36)
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'job', 'instance'])
    const taken = new Set<string>()
    for (const { gridPos, datasource, description, targets, type } of dashboard.panels) {
      expect([datasource.uid, ['timeseries', 'stat'].includes(type), description !== '']).toEqual([
        '${datasource}',
        true,
        true
      ])
      expect(targets.length).toBeGreaterThan(0)
      const { x, y, w, h } = gridPos
      expect(x + w).toBeLessThanOrEqual(24)
      for (let column = x; column < x + w; column++) {
        for (let row = y; row < y + h; row++) {
          expect(taken).not.toContain(`${column} ${row}`)
          taken.add(`${column} ${row}`)
        }
      }
    }
  })

  test('every query names only what is there, and its legend labels that it has', () => {
    for (const { targets } of dashboard.panels) {
      for (const { expr, legendFormat } of targets) {
        expectKnown(filled(expr))
        const { selectors, grouping } = namesOf(filled(expr))
        const kept = grouping.length > 0 ? new Set(grouping) : labelsOf(selectors[0]!.metric)!
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(kept).toContain(label)
      }
    }
  })
})

const tools = prometheusTools()
const withPrometheus = tools === null ? describe.skip : describe
withPrometheus('with a real Prometheus', () => {
  let prometheus: PrometheusServer
  beforeAll(async () => {
    prometheus = await PrometheusServer.start(tools!.prometheus, [new URL(daemon.url!).host])
  })
  afterAll(() => prometheus.close())

  test('it scrapes the daemon as OpenMetrics, and every recording rule gives values', async () => {
    await prometheus.until(
      () => prometheus.query('up'),
      ([one]) => one?.value[1] === '1'
    )
    for (const { record } of rules) {
      if (record === undefined) continue
      const [series] = await prometheus.until(
        () => prometheus.query(record),
        (answer) => answer.some(({ value }) => Number.isFinite(Number(value[1])))
      )
      expect(series!.metric).toMatchObject({ job: 'streaming-tda', instance: new URL(daemon.url!).host })
    }
    // A group is evaluated when its second comes.
    const evaluated = await prometheus.until(
      async () => {
        const { groups } = await prometheus.api<{
          groups: { rules: { name: string; health: string; lastError?: string }[] }[]
        }>('rules')
        return groups.flatMap((group) => group.rules)
      },
      (answer) => answer.every(({ health }) => health !== 'unknown')
    )
    for (const { name, health, lastError } of evaluated) {
      expect([name, health, lastError ?? '']).toEqual([name, 'ok', ''])
    }
  })

  test('what it read is what the daemon counts', async () => {
    const [points] = await prometheus.query('tda_points_processed_total')
    expect(Number(points!.value[1])).toBeGreaterThan(0)
    expect(Number(points!.value[1])).toBeLessThanOrEqual(daemon.pipeline.totals.points)
    const pairs = await prometheus.query('tda_diagram_pairs{scale="loops",dimension="1"}')
    expect(pairs).toHaveLength(1)
    const watched = await prometheus.query('tda_stream_points_total')
    expect(watched.map(({ metric }) => metric['stream'])).toEqual(['mote-1'])
    // An alert comes with the evaluation after the second scrape.
    const alerts = await prometheus.until(
      () => prometheus.query('ALERTS{alertname="TdaDeadLetters"}'),
      (answer) => answer.length > 0
    )
    expect(alerts).toEqual([
      expect.objectContaining({ metric: expect.objectContaining({ reason: 'unparsable', severity: 'info' }) })
    ])
  })

  test('every query of the dashboards is answered', async () => {
    for (const [, dashboard] of dashboards) {
      for (const { targets } of dashboard.panels) {
        for (const { expr } of targets) await prometheus.query(filled(expr))
      }
    }
  })

  test('exemplars lead to traces', async () => {
    daemon.metrics.batchLatency(0.004, TRACE)
    const query = 'tda_processing_latency_seconds_bucket'
    const found = await prometheus.until(
      () => {
        const [start, end] = [Date.now() / 1000 - 600, Date.now() / 1000 + 600]
        return prometheus.api<{ exemplars: { labels: { trace_id?: string }; value: string }[] }[]>(
          'query_exemplars',
          {
            query,
            start: String(start),
            end: String(end)
          }
        )
      },
      (answer) => answer.length > 0
    )
    expect(found[0]!.exemplars[0]).toMatchObject({ labels: { trace_id: TRACE }, value: '0.004' })
  })
})
