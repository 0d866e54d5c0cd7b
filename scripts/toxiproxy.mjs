#!/usr/bin/env node
/**
 * Toxiproxy, the TCP proxy that delays, drops and half-closes connections, for tests of faults on the wire.
 *
 *   node scripts/toxiproxy.mjs up [--name NAME]      prints the address of its HTTP interface on stdout, nothing else
 *   node scripts/toxiproxy.mjs status [--name NAME]  the same while it runs; exit code 1 when it does not
 *   node scripts/toxiproxy.mjs down [--name NAME]    ends what `up` started, by process id
 *
 * Compiled from the Go module proxy into .cache/toxiproxy/ at first use; where Go is missing, `up` says so and exits with
 * 3, so that a caller can skip loudly. Proxies are made by its HTTP interface, and gone with it.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CannotHave, lastLine } from './errors.mjs'
import { answers, freePorts, holdsWithin } from './ports.mjs'
import { isOurs } from './processes.mjs'

const MODULE = 'github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0'
const cache = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '.cache', 'toxiproxy')
const server = path.join(cache, 'server')
const STEP_TIMEOUT_MS = 20_000

function compile() {
  const stamp = path.join(cache, 'module')
  if (existsSync(server) && existsSync(stamp) && readFileSync(stamp, 'utf8') === MODULE) return
  mkdirSync(cache, { recursive: true })
  const run = spawnSync('go', ['install', MODULE], {
    env: { ...process.env, GOBIN: cache, GOFLAGS: '-mod=mod' },
    encoding: 'utf8'
  })
  if (run.error) throw new CannotHave('Go is needed (Debian: apt-get install golang-go)')
  if (run.status !== 0) throw new CannotHave(`go install ${MODULE}: ${lastLine(run.stderr)}`)
  writeFileSync(stamp, MODULE)
}

async function up(file, name) {
  const running = status(file)
  if (running) return running
  compile()
  const [port] = await freePorts(1)
  const log = openSync(path.join(cache, `${name}.log`), 'a')
  const child = spawn(server, ['-host', '127.0.0.1', '-port', String(port)], {
    detached: true,
    stdio: ['ignore', log, log]
  })
  child.unref()
  const url = `http://127.0.0.1:${port}`
  writeFileSync(file, JSON.stringify({ pid: child.pid, port, url }))
  if (!(await holdsWithin(STEP_TIMEOUT_MS, () => answers(port)))) {
    await down(file)
    throw new CannotHave(`it does not listen; see .cache/toxiproxy/${name}.log`)
  }
  return url
}

function status(file) {
  if (!existsSync(file)) return undefined
  const state = JSON.parse(readFileSync(file, 'utf8'))
  return isAlive(state) ? state.url : undefined
}

async function down(file) {
  if (!existsSync(file)) return
  const state = JSON.parse(readFileSync(file, 'utf8'))
  if (isAlive(state)) process.kill(state.pid, 'SIGTERM')
  if (!(await holdsWithin(STEP_TIMEOUT_MS, () => !isAlive(state)))) process.kill(state.pid, 'SIGKILL')
  rmSync(file)
}

function isAlive({ pid, port }) {
  return isOurs(pid, server, `-port ${port}`)
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { name: { type: 'string', default: 'default' } }
  })
  const file = path.join(cache, `${values.name}.json`)
  if (positionals.length !== 1 || !/^[A-Za-z0-9_-]+$/.test(values.name)) return usage()
  switch (positionals[0]) {
    case 'up':
      return void process.stdout.write(`${await up(file, values.name)}\n`)
    case 'status': {
      const url = status(file)
      if (url) process.stdout.write(`${url}\n`)
      else process.exitCode = 1
      return
    }
    case 'down':
      return await down(file)
    default:
      return usage()
  }
}

function usage() {
  process.stderr.write('usage: toxiproxy.mjs up | status | down [--name NAME]\n')
  process.exitCode = 2
}

main().catch((error) => {
  if (!(error instanceof CannotHave)) throw error
  process.stderr.write(`no Toxiproxy: ${error.message}\n`)
  process.exitCode = 3
})
