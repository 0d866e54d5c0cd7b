#!/usr/bin/env node
/**
 * Draws the dashboards of deploy/grafana as they look over a running daemon: docs/pictures/*.svg.
 *
 *   node scripts/dashboard-pictures.mjs [--seconds 90] [--out docs/pictures]
 *
 * The demo replays its sensor readings over the embedded broker, a real Prometheus scrapes it, and answers the queries of
 * every panel as Grafana would ask them. Grafana is not needed: Apache ECharts draws what it was answered, in the places,
 * with the titles, units and thresholds of the dashboards. Needs a built checkout (`npm run setup`) and what
 * scripts/prometheus.mjs needs; ECharts is fetched by npm into .cache/echarts/ (60 MB). Where one cannot be had, it says so
 * and exits with 3.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { CannotHave, lastLine } from './errors.mjs'
import { dashboardSvg } from './pictures/dashboard-svg.mjs'
import { freePorts, holdsWithin } from './ports.mjs'
import { innerEnvironment, npmCommand, root } from './setup/shell.mjs'

const ECHARTS = 'echarts@6.1.0'
/** Readings a second: they then last for 105 s. */
const RATE = 180
const SCRAPE_S = 2
/** Grafana's own rule for a data source that is scraped so often. */
const RATE_INTERVAL = `${4 * SCRAPE_S}s`
const START_MS_MAX = 60_000
const STOP_MS_MAX = 20_000
/** What the legends call the daemon. */
const INSTANCE = 'demo:9464'

function echarts() {
  const cache = join(root, '.cache', 'echarts')
  mkdirSync(cache, { recursive: true })
  const [npm, first] = npmCommand()
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--prefix', cache]
  const env = innerEnvironment()
  const run = spawnSync(npm, [...first, 'install', ...quiet, ECHARTS], { cwd: cache, env, encoding: 'utf8' })
  if (run.status !== 0) throw new CannotHave(`${ECHARTS}: ${run.error?.message ?? lastLine(run.stderr)}`)
  return createRequire(join(cache, 'package.json'))('echarts')
}

function prometheusProgram() {
  const script = join(root, 'scripts', 'prometheus.mjs')
  const run = spawnSync(process.execPath, [script, 'tools'], { encoding: 'utf8' })
  if (run.status !== 0) throw new CannotHave(lastLine(run.stderr))
  return JSON.parse(run.stdout).prometheus
}

/** A program that runs until `stop`; what it says comes when it does not start. */
class Running {
  #child
  #said = ''

  constructor(program, args) {
    this.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.#said = (this.#said + text).slice(-2000)))
    }
    this.#child.on('error', (error) => (this.#said += error.message))
  }

  get ended() {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  async answers(url) {
    const begun = await holdsWithin(START_MS_MAX, async () => this.ended || (await isOk(url)))
    if (!begun || this.ended) throw new Error(`${this.#child.spawnfile} does not answer: ${this.#said}`)
  }

  async stop() {
    if (this.ended) return
    this.#child.kill('SIGTERM')
    if (!(await holdsWithin(STOP_MS_MAX, () => this.ended))) this.#child.kill('SIGKILL')
  }
}

async function isOk(url) {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}

/** Calls `use` with a function that asks a Prometheus which has scraped the demo for so long, and with that time in ms. */
async function withScrapedDemo(seconds, use) {
  const program = prometheusProgram()
  const folder = mkdtempSync(join(tmpdir(), 'tda-pictures-'))
  const [demoPort, prometheusPort] = await freePorts(2)
  const target = `{ targets: ['127.0.0.1:${demoPort}'], labels: { instance: '${INSTANCE}' } }`
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `global: { scrape_interval: ${SCRAPE_S}s, evaluation_interval: ${SCRAPE_S}s }\n` +
      `rule_files: ['${join(root, 'deploy', 'prometheus', 'rules.yaml')}']\n` +
      `scrape_configs: [{ job_name: streaming-tda, static_configs: [${target}] }]\n`
  )
  const main = join(root, 'dist', 'lib', 'cli', 'main.js')
  const running = []
  try {
    const demo = new Running(process.execPath, [
      main,
      'demo',
      '--plain',
      '--rate',
      `${RATE}`,
      '--port',
      `${demoPort}`
    ])
    running.push(demo)
    await demo.answers(`http://127.0.0.1:${demoPort}/readyz`)
    const url = `http://127.0.0.1:${prometheusPort}`
    const prometheus = new Running(program, [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${prometheusPort}`
    ])
    running.push(prometheus)
    await prometheus.answers(`${url}/-/ready`)
    const scraped = async () => (await ask(url, 'up == 1', now(), now())).length > 0
    if (!(await holdsWithin(START_MS_MAX, scraped))) throw new Error('Prometheus does not scrape the demo')
    const start = now()
    process.stderr.write(`scraping the demo for ${seconds} s\n`)
    await delay(seconds * 1000)
    if (running.some(({ ended }) => ended)) throw new Error('the demo or Prometheus ended by itself')
    const end = start + seconds
    await use((expr) => ask(url, filled(expr, seconds), start, end), [start * 1000, end * 1000])
  } finally {
    for (const one of running) await one.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

const now = () => Math.floor(Date.now() / 1000)

/** As Grafana fills its variables in: every job, every instance. */
function filled(expr, seconds) {
  return expr
    .replaceAll('$__rate_interval', RATE_INTERVAL)
    .replaceAll('$__range', `${seconds}s`)
    .replaceAll('"$job"', '".+"')
    .replaceAll('"$instance"', '".+"')
}

/** The series that a query answers: `{ labels, points: [[ms, value], ...] }`, finite values only. */
async function ask(url, query, start, end) {
  const range = `start=${start}&end=${end}&step=${SCRAPE_S}`
  const answer = await (
    await fetch(`${url}/api/v1/query_range?${range}&query=${encodeURIComponent(query)}`)
  ).json()
  if (answer.status !== 'success') throw new Error(`${query}: ${answer.error}`)
  return answer.data.result.map(({ metric, values }) => ({
    labels: metric,
    points: values.map(([s, text]) => [s * 1000, Number(text)]).filter(([, value]) => Number.isFinite(value))
  }))
}

async function answered(panel, query) {
  const series = []
  for (const { expr, legendFormat } of panel.targets) {
    for (const { labels, points } of await query(expr)) {
      const name = legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, label) => labels[label] ?? '')
      if (points.length > 0) series.push({ name, points })
    }
  }
  return { panel, series }
}

async function main() {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '90' },
      out: { type: 'string', default: join(root, 'docs', 'pictures') }
    }
  })
  const seconds = Number(values.seconds)
  if (!(Number.isInteger(seconds) && seconds >= 20 && seconds <= 90)) {
    process.stderr.write('--seconds: expected 20 to 90\n')
    process.exitCode = 2
    return
  }
  const library = echarts()
  const folder = join(root, 'deploy', 'grafana')
  mkdirSync(resolve(values.out), { recursive: true })
  await withScrapedDemo(seconds, async (query, span) => {
    for (const file of readdirSync(folder)) {
      const dashboard = JSON.parse(readFileSync(join(folder, file), 'utf8'))
      const panels = []
      for (const panel of dashboard.panels) panels.push(await answered(panel, query))
      const picture = join(resolve(values.out), file.replace(/\.json$/, '.svg'))
      writeFileSync(picture, dashboardSvg(library, { title: dashboard.title, span, panels }))
      const empty = panels.filter(({ series }) => series.length === 0).map(({ panel }) => panel.title)
      process.stderr.write(
        `${picture}: ${panels.length} panels, without data: ${empty.join(', ') || 'none'}\n`
      )
    }
  })
}

main().catch((error) => {
  process.exitCode = error instanceof CannotHave ? 3 : 1
  process.stderr.write(error instanceof CannotHave ? `${error.message}\n` : `${error.stack}\n`)
})
