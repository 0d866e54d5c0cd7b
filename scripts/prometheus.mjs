#!/usr/bin/env node
/**
 * Prometheus and its promtool, for checking the rules and for the tests that scrape a running daemon.
 *
 *   node scripts/prometheus.mjs tools    prints {"prometheus": PATH, "promtool": PATH} on stdout, nothing else
 *   node scripts/prometheus.mjs check    checks deploy/prometheus: syntax, and rules_test.yaml (about a second)
 *
 * Taken from the PATH; else Debian's package is fetched and unpacked into .cache/prometheus/ (not installed: no root is needed
 * and no service is started). Where neither works it says so and exits with 3, so that a caller can skip loudly.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { CannotHave, lastLine } from './errors.mjs'
import { root } from './setup/shell.mjs'

const cache = join(root, '.cache', 'prometheus')
const TOOLS = ['prometheus', 'promtool']

function tools() {
  return found(process.env.PATH?.split(delimiter) ?? []) ?? found([join(cache, 'usr', 'bin')]) ?? fetched()
}

function found(folders) {
  const paths = TOOLS.map((tool) => folders.map((folder) => join(folder, tool)).find(existsSync))
  return paths.includes(undefined) ? undefined : Object.fromEntries(TOOLS.map((tool, i) => [tool, paths[i]]))
}

function fetched() {
  mkdirSync(cache, { recursive: true })
  run('apt-get', ['download', '-q', 'prometheus'])
  const archive = readdirSync(cache).find((name) => name.endsWith('.deb'))
  run('dpkg-deb', ['-x', archive, '.'])
  const unpacked = found([join(cache, 'usr', 'bin')])
  if (unpacked === undefined) throw new CannotHave(`Debian's package has no ${TOOLS.join(' and ')}`)
  return unpacked
}

function run(command, args) {
  const { status, stderr, error } = spawnSync(command, args, { cwd: cache, encoding: 'utf8' })
  if (status === 0) return
  const why = error ? error.message : lastLine(stderr)
  throw new CannotHave(`${command}: ${why}`)
}

function check() {
  const { promtool } = tools()
  const folder = join(root, 'deploy', 'prometheus')
  const checks = [
    ['check', 'config', 'prometheus.yml'],
    ['check', 'rules', 'rules.yaml'],
    ['test', 'rules', 'rules_test.yaml']
  ]
  const failed = checks.filter(
    (args) => spawnSync(promtool, args, { cwd: folder, stdio: 'inherit' }).status !== 0
  )
  if (failed.length > 0) process.exitCode = 1
}

try {
  const [command, ...rest] = process.argv.slice(2)
  if (command === 'tools' && rest.length === 0) process.stdout.write(`${JSON.stringify(tools())}\n`)
  else if (command === 'check' && rest.length === 0) check()
  else {
    process.stderr.write('usage: prometheus.mjs tools | check\n')
    process.exitCode = 2
  }
} catch (error) {
  if (!(error instanceof CannotHave)) throw error
  const advice = 'Debian: apt-get update && apt-get install prometheus'
  process.stderr.write(`no Prometheus: ${error.message} (${advice})\n`)
  process.exitCode = 3
}
