/** `top`: reading what daemons say, judging it, showing it; with daemons that are away, slow or something else. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import { runProgram } from '../../../lib/cli/program.js'
import { top } from '../../../lib/cli/top.js'
import { conditions } from '../../../lib/cli/top/conditions.js'
import { daemonFigures, type DaemonFigures } from '../../../lib/cli/top/daemon-figures.js'
import {
  histogramQuantile,
  parseExposition,
  type Exposition
} from '../../../lib/cli/top/exposition-reader.js'
import { daemonUrl, scrape } from '../../../lib/cli/top/scrape.js'
import { renderTop } from '../../../lib/cli/top/screen.js'
import { startHttpServer, type HttpServer } from '../../../lib/observability/http-server.js'
import type { Metrics } from '../../../lib/observability/metrics.js'
import { calmMetrics } from '../../support/calm-metrics.js'
import { fakeTerminal } from '../../support/fake-terminal.js'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()))
})

async function daemon(metrics: Metrics): Promise<HttpServer> {
  const health = { live: true, ready: true, reason: 'running' }
  const server = await startHttpServer({ host: '127.0.0.1', port: 0, metrics, health: () => health })
  closing.push(() => server.close())
  return server
}

async function stranger(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      })
  )
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function busy(): Metrics {
  const metrics = calmMetrics({ streams: ['mote-1'], exemplars: true })
  metrics.state('running')
  metrics.brokerUp(true)
  metrics.recordsConsumed(100)
  metrics.pointsProcessed(200)
  metrics.updatesPublished(50, 5000)
  metrics.featuresExtracted('short', 40)
  metrics.consumerLag(0, 5)
  metrics.consumerLag(3, 7)
  for (const seconds of [0.0005, 0.001, 0.002]) metrics.computeLatency(seconds)
  metrics.workerUtilisation(0.25)
  metrics.streams(2)
  const counters = { columns: 0, pivots: 0, edits: 0, arenaBytes: 0 }
  const short = { points: 64, pairs: 12, loops: 5, voids: 0, bytes: 2 ** 21, counters }
  metrics.scale('short', short)
  metrics.streamPoints('mote-1', 90)
  metrics.stream('mote-1', { scales: new Map([['short', short]]) })
  return metrics
}

/** Two readings a second apart, with what happened in between. */
async function figures(between: (metrics: Metrics) => void, metrics = busy()): Promise<DaemonFigures> {
  const url = 'http://x:1'
  const first = parseExposition(await metrics.text())
  between(metrics)
  const second = parseExposition(await metrics.text())
  return daemonFigures(
    { url, atMs: 3000, exposition: second, away: null },
    { url, atMs: 2000, exposition: first, away: null }
  )
}

test('rates and quantiles are of the time between two looks', async () => {
  const found = await figures((metrics) => {
    metrics.recordsConsumed(10)
    metrics.pointsProcessed(30)
    metrics.featuresExtracted('short', 4)
    metrics.streamPoints('mote-1', 6)
    for (let i = 0; i < 100; i++) metrics.computeLatency(0.0042)
  })
  expect(found).toMatchObject({
    state: 'running',
    recordsPerSecond: 10,
    pointsPerSecond: 30,
    updatesPerSecond: 0,
    lag: 12,
    lagByPartition: { 0: 5, 3: 7 },
    workerUtilisation: 0.25,
    scales: [{ scale: 'short', points: 64, pairs: [7, 5, 0], updatesPerSecond: 4 }],
    watched: [
      { stream: 'mote-1', pointsPerSecond: 6, scales: [{ scale: 'short', points: 64, pairs: [7, 5, 0] }] }
    ],
    warnings: []
  })
  expect(found.compute!.p50Ms).toBeCloseTo(4, 0)
  expect(found.endToEnd).toBeNull()
})

test('the first look has no rates, and neither has one at a process that was started anew', async () => {
  const read = parseExposition(await busy().text())
  const now = { url: 'http://x:1', atMs: 3000, exposition: read, away: null }
  expect(daemonFigures(now).pointsPerSecond).toBeNull()
  const other = parseExposition(
    (await busy().text()).replace(/^process_start_time_seconds .*$/m, 'process_start_time_seconds 1')
  )
  expect(daemonFigures(now, { ...now, atMs: 2000, exposition: other }).pointsPerSecond).toBeNull()
})

const holding = async (
  metrics: Metrics,
  between: (metrics: Metrics) => void = () => {}
): Promise<string[]> => {
  const before = parseExposition(await metrics.text())
  between(metrics)
  return conditions(parseExposition(await metrics.text()), before).map(({ alert }) => alert)
}

test.each<[string, (metrics: Metrics) => void, (metrics: Metrics) => void]>([
  ['TdaBrokerDown', (metrics) => metrics.brokerUp(false), (metrics) => metrics.recordsConsumed(1)],
  ['TdaBreakerOpen', (metrics) => metrics.breaker('open'), (metrics) => metrics.recordsConsumed(1)],
  ['TdaStalled', () => {}, () => {}],
  [
    'TdaLagGrowing',
    (metrics) => metrics.consumerLag(0, 20_000),
    (metrics) => {
      metrics.recordsConsumed(1)
      metrics.consumerLag(0, 20_001)
    }
  ],
  [
    'TdaLatencyHigh',
    () => {},
    (metrics) => {
      metrics.recordsConsumed(1)
      metrics.computeLatency(0.02)
    }
  ],
  [
    'TdaErrorRateHigh',
    () => {},
    (metrics) => {
      metrics.recordsConsumed(50)
      metrics.recordsRejected('unparsable', 1)
    }
  ],
  [
    'TdaDeadLetters',
    () => {},
    (metrics) => {
      metrics.recordsConsumed(500)
      metrics.recordsRejected('unparsable', 1)
    }
  ],
  [
    'TdaOperationsFailing',
    () => {},
    (metrics) => {
      metrics.recordsConsumed(1)
      metrics.error('deliver', 'BROKER')
    }
  ],
  ['TdaMemoryHigh', (metrics) => metrics.memoryRatio(0.8), (metrics) => metrics.recordsConsumed(1)],
  ['TdaRestoreTooLong', (metrics) => metrics.state('restoring'), (metrics) => metrics.recordsConsumed(1)],
  [
    'TdaWaitingForPartitions',
    (metrics) => metrics.state('starting'),
    (metrics) => metrics.recordsConsumed(1)
  ],
  [
    'TdaWorkersSaturated',
    (metrics) => metrics.workerUtilisation(0.99),
    (metrics) => metrics.recordsConsumed(1)
  ]
])('%s is said when it holds, and nothing else', async (alert, set, between) => {
  const metrics = busy()
  expect(await holding(metrics, () => metrics.recordsConsumed(1))).toEqual([])
  set(metrics)
  expect(await holding(metrics, between)).toEqual([alert])
})

test('a blocked main thread is said', () => {
  const read = parseExposition('nodejs_eventloop_lag_p99_seconds 0.4\ntda_broker_up 1\n')
  expect(conditions(read)).toEqual([
    { alert: 'TdaEventLoopSlow', text: 'the main thread is blocked for 400 ms at p99' }
  ])
})

test('text is read as Prometheus writes it, and what is not its format is refused', () => {
  const read = parseExposition(
    '# HELP a b\na{x="q\\"u\\\\o\\nte",y="2"} 3 1700000000\na{y="3"} +Inf\nb NaN\nb -Inf\n'
  )
  expect(read.samples('a')).toEqual([
    { labels: { x: 'q"u\\o\nte', y: '2' }, value: 3 },
    { labels: { y: '3' }, value: Infinity }
  ])
  expect(read.value('a', { y: '2' })).toBe(3)
  expect(read.value('c')).toBeUndefined()
  expect(read.samples('b').map(({ value }) => value)).toEqual([NaN, -Infinity])
  for (const text of ['<html>', 'a{x=1} 2', 'a{x="1"']) {
    expect(() => parseExposition(text)).toThrow("not in Prometheus' text format")
  }
})

test('beyond the last bound a quantile is that bound; without observations there is none', () => {
  const read = (le1: number, inf: number): Exposition =>
    parseExposition(`h_bucket{le="1"} ${le1}\nh_bucket{le="+Inf"} ${inf}\n`)
  expect(histogramQuantile(read(0, 10), 'h', 0.5)).toBe(1)
  expect(histogramQuantile(read(0, 0), 'h', 0.5)).toBeUndefined()
  expect(histogramQuantile(read(10, 10), 'h', 0.5)).toBe(0.5)
  expect(histogramQuantile(read(10, 10), 'h', 0.5, read(10, 10))).toBeUndefined()
})

test.each([
  ['localhost:9464', 'http://localhost:9464'],
  ['http://a:1/metrics', 'http://a:1'],
  ['https://a', 'https://a']
])('%s is the daemon at %s', (text, url) => {
  expect(daemonUrl(text)).toBe(url)
})

test('what is no address is bad usage', async () => {
  const terminal = fakeTerminal()
  expect(await runProgram(['top', 'http://:x', '--once'], terminal)).toBe(2)
  expect(terminal.err()).toContain(
    'expected the address of a daemon such as localhost:9464, found "http://:x"'
  )
})

test('a daemon that is away, slow, broken or somebody else says so, and never throws', async () => {
  const slow = await stranger(() => {})
  const broken = await stranger((_, response) => response.writeHead(500).end('no engine'))
  const page = await stranger((_, response) => response.end('<html>'))
  const other = await stranger((_, response) => response.end('up 1\n'))
  const huge = await stranger((_, response) => response.end('# x\n'.repeat(5_000_000)))
  const away = async (url: string, patienceMs = 60_000): Promise<string | null> =>
    (await scrape(url, patienceMs)).away
  const gone = await daemon(busy())
  await gone.close()
  expect(await away(gone.url)).toBe('nothing listens there')
  expect(await away('http://127.0.0.1:1')).toMatch(/^cannot be asked: /)
  expect(await away(slow, 50)).toBe('does not answer within 0.05 s')
  expect(await away(broken)).toBe('answers 500: no engine')
  expect(await away(page)).toMatch(/not in Prometheus' text format/)
  expect(await away(other)).toBe('answers, but is no streaming-tda daemon')
  expect(await away(huge)).toBe('answers more than 16 MiB')
})

test('--once --json: one object with every daemon; exit code 1 when one is away', async () => {
  const { url } = await daemon(busy())
  const gone = await stranger((_, response) => response.writeHead(503).end())
  const terminal = fakeTerminal()
  expect(await runProgram(['top', url, '--once', '--json', '--every', '10ms'], terminal)).toBe(1)
  const [one] = (JSON.parse(terminal.out()) as { daemons: DaemonFigures[] }).daemons
  // Nothing was taken between the two looks, though records wait.
  expect(one).toMatchObject({ url, state: 'running', warnings: [{ alert: 'TdaStalled' }] })
  const idle = busy()
  idle.consumerLag(0, 0)
  idle.consumerLag(3, 0)
  const fine = await daemon(idle)
  expect(await runProgram(['top', fine.url, '--once', '--every', '10ms'], fakeTerminal())).toBe(0)
  const both = fakeTerminal()
  expect(await runProgram(['top', fine.url, gone, '--once', '--every', '10ms'], both)).toBe(1)
  expect(both.out()).toContain(`${gone}: answers 503:   (TdaDaemonDown)`)
  expect(both.out()).toMatch(/short +64 +7 \/ 5 \/ 0/)
  expect(both.out()).toMatch(/mote-1 +0 +short +64 +7 \/ 5 \/ 0/)
})

test('live: it goes on until it is told to stop', async () => {
  const metrics = busy()
  const { url } = await daemon(metrics)
  for (const [json, isTTY] of [
    [true, false],
    [false, false],
    [false, true]
  ] as const) {
    const stop = new AbortController()
    const terminal = fakeTerminal({ isTTY })
    let looks = 0
    metrics.beforeScrape(() => {
      looks += 1
      if (looks === 3) stop.abort()
    })
    expect(await top([url], { once: false, json, every: 1 }, terminal, stop.signal)).toBe(0)
    expect(looks).toBe(3)
    expect(terminal.out()).toContain(json ? '"state":"running"' : 'running')
  }
})

test('what is wrong stands first, whatever the room', async () => {
  const found = await figures(() => {})
  const text = renderTop([found, found], { colours: false, rows: 8 })
  expect(text.split('\n').length).toBeLessThanOrEqual(8)
  expect(text).toMatch(/^http:\/\/x:1: 12 records wait, and none is taken {2}\(TdaStalled\)/)
  expect(text).toMatch(/\.\.\. \d+ more lines$/)
  expect(renderTop([found], { colours: true, rows: 50 })).toContain('\u001b[31m')
})
