/** What is shipped for production fits together: alerts, their tests, the runbook, and the tools that check them. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { CHECKS } from '../../../lib/cli/doctor/finding.js'
import { LIMITS } from '../../../lib/cli/top/conditions.js'
import { root } from '../../support/run-command.js'
import { prometheusTools } from '../../support/prometheus.js'

interface Rule {
  readonly alert?: string
  readonly expr: string
  readonly labels?: { readonly severity: string }
  readonly annotations?: { readonly summary: string; readonly runbook: string }
}
interface AlertTest {
  readonly alertname: string
  readonly exp_alerts: readonly unknown[]
}

const text = (path: string): string => readFileSync(join(root, path), 'utf8')
const rules = (parse(text('deploy/prometheus/rules.yaml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules
)
const alerts = rules.filter((rule) => rule.alert !== undefined)

test('every alert has a chapter in the runbook, and every chapter an alert', () => {
  const chapters = [...text('docs/runbook.md').matchAll(/^## (\w+)$/gm)].map(([, name]) => name!)
  expect(alerts.length).toBeGreaterThan(10)
  expect(chapters.sort()).toEqual(alerts.map(({ alert }) => alert!).sort())
  for (const { alert, annotations, labels } of alerts) {
    expect(annotations?.runbook).toBe(`docs/runbook.md#${alert!.toLowerCase()}`)
    expect(['critical', 'warning', 'info']).toContain(labels?.severity)
  }
})

test('links within the runbook lead to chapters', () => {
  const page = text('docs/runbook.md')
  const anchors = new Set([...page.matchAll(/^## (\w+)$/gm)].map(([, name]) => name!.toLowerCase()))
  const links = [...page.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor!)
  expect(links.length).toBeGreaterThan(5)
  for (const link of links) expect(anchors).toContain(link)
})

test('every alert has a test where it fires and one where it does not', () => {
  const { tests } = parse(text('deploy/prometheus/rules_test.yaml')) as {
    tests: { alert_rule_test: AlertTest[] }[]
  }
  const cases = tests.flatMap((one) => one.alert_rule_test)
  for (const { alert } of alerts) {
    const own = cases.filter(({ alertname }) => alertname === alert)
    const fires = own.filter((one) => one.exp_alerts.length > 0).length
    expect([alert, fires > 0, own.length > fires]).toEqual([alert, true, true])
  }
})

const tools = prometheusTools()
const withPrometheus = tools === null ? test.skip : test
withPrometheus('promtool accepts the configuration and the rules, and their tests pass', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'scripts/prometheus.mjs'), 'check'],
    { encoding: 'utf8' }
  )
  expect([status, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/rules found/)
})

test('every condition that top and doctor know is an alert, with its threshold', () => {
  const source = text('lib/cli/top/conditions.ts')
  const named = [...source.matchAll(/'(Tda\w+)'/g)].map(([, name]) => name!)
  const names = alerts.map(({ alert }) => alert!)
  expect(named.length).toBeGreaterThan(8)
  for (const name of named) expect(names).toContain(name)
  const exprOf = (alert: string): string => rules.find((rule) => rule.alert === alert)!.expr
  expect(exprOf('TdaLagGrowing')).toContain(`> ${LIMITS.lagRecords}\n`)
  expect(Number(/> ([\d.]+)/.exec(exprOf('TdaLatencyHigh'))![1])).toBe(LIMITS.latencySeconds)
  expect(Number(/> ([\d.]+)/.exec(exprOf('TdaErrorRateHigh'))![1])).toBe(LIMITS.rejectedRatio)
  expect(Number(/>= ([\d.]+)/.exec(exprOf('TdaMemoryHigh'))![1])).toBe(LIMITS.memoryRatio)
  expect(Number(/> ([\d.]+)/.exec(exprOf('TdaWorkersSaturated'))![1])).toBe(LIMITS.utilisationRatio)
  expect(Number(/> ([\d.]+)/.exec(exprOf('TdaEventLoopSlow'))![1])).toBe(LIMITS.eventLoopSeconds)
})

test('every hint of doctor leads to a chapter of the runbook', () => {
  const chapters = [...text('docs/runbook.md').matchAll(/^## (\w+)$/gm)].map(([, name]) => name!)
  for (const chapter of Object.values(CHECKS)) expect(chapters).toContain(chapter)
  const daemon = [...text('lib/cli/doctor/running-daemon.ts').matchAll(/'(Tda[A-Z]\w+)'/g)].map(
    ([, name]) => name!
  )
  for (const chapter of daemon.filter((name) => name !== 'TdaError')) expect(chapters).toContain(chapter)
})
