#!/usr/bin/env node
// A real Jaeger (all-in-one, traces in memory) on loopback, for development and tests.
//
//   node scripts/jaeger.mjs up [--build-timeout S]   prints its addresses as one JSON object on stdout, nothing else:
//                                                    {"query":"http://...","otlpHttp":"http://...","otlpGrpc":"http://..."}
//   node scripts/jaeger.mjs status                   the same while it runs; exit code 1 when it does not
//   node scripts/jaeger.mjs down                     ends what `up` started
//
// JAEGER_ENDPOINT, such a JSON object, is taken as it is. Otherwise a container engine that answers runs the published
// image; otherwise Go builds the program from the module proxy into .cache/jaeger/ (once: 6.5 minutes of processor time,
// so 4 minutes on two idle cores; its page is then a placeholder, the query API is whole). Where none of these is to be
// had, or the build takes longer than --build-timeout (default 900 s), `up` says so and exits with 3, so that a caller
// can skip loudly. Its log is .cache/jaeger/jaeger.log.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CannotHave, firstLine, lastLine } from './errors.mjs'
import { freePorts, holdsWithin } from './ports.mjs'
import { isOurs } from './processes.mjs'

const VERSION = '1.76.0'
const cache = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '.cache', 'jaeger')
const program = path.join(cache, `jaeger-${VERSION}`)
const stateFile = path.join(cache, 'state.json')
const START_MS_MAX = 60_000
const STOP_MS_MAX = 10_000
/** Traces kept in memory. */
const TRACES_MAX = 10_000

async function up(buildTimeoutS) {
  const given = process.env.JAEGER_ENDPOINT
  if (given) return given
  const running = status()
  if (running) return running
  const engine = ['docker', 'podman', 'nerdctl'].find((name) => spawnSync(name, ['info']).status === 0)
  const [query, otlpHttp, otlpGrpc, ...others] = await freePorts(7)
  const flags = [
    `--query.http-server.host-port=127.0.0.1:${query}`,
    `--collector.otlp.http.host-port=127.0.0.1:${otlpHttp}`,
    `--collector.otlp.grpc.host-port=127.0.0.1:${otlpGrpc}`,
    `--query.grpc-server.host-port=127.0.0.1:${others[0]}`,
    `--admin.http.host-port=127.0.0.1:${others[1]}`,
    `--collector.grpc-server.host-port=127.0.0.1:${others[2]}`,
    `--collector.http-server.host-port=127.0.0.1:${others[3]}`,
    `--memory.max-traces=${TRACES_MAX}`,
    '--log-level=warn'
  ]
  mkdirSync(cache, { recursive: true })
  const addresses = {
    query: `http://127.0.0.1:${query}`,
    otlpHttp: `http://127.0.0.1:${otlpHttp}`,
    otlpGrpc: `http://127.0.0.1:${otlpGrpc}`
  }
  if (engine) startContainer(engine, flags, addresses)
  else {
    build(buildTimeoutS)
    const log = openSync(path.join(cache, 'jaeger.log'), 'a')
    const child = spawn(program, flags, { detached: true, stdio: ['ignore', log, log] })
    child.unref()
    save({ addresses, pid: child.pid })
  }
  await answering(addresses)
  return JSON.stringify(addresses)
}

function startContainer(engine, flags, addresses) {
  const image = `jaegertracing/all-in-one:${VERSION}`
  const args = ['run', '--detach', '--rm', '--network=host', image, ...flags]
  const run = spawnSync(engine, args, { encoding: 'utf8' })
  if (run.status !== 0) {
    throw new CannotHave(`no Jaeger: ${engine} could not run ${image}: ${firstLine(run.stderr)}`)
  }
  save({ addresses, engine, container: run.stdout.trim() })
}

/** In a module of its own, because `go install` refuses a program whose module replaces others. */
function build(timeoutS) {
  if (existsSync(program)) return
  if (spawnSync('go', ['version']).status !== 0) {
    throw new CannotHave('no Jaeger: set JAEGER_ENDPOINT, start a container engine, or install Go')
  }
  process.stderr.write(`building Jaeger ${VERSION}: some minutes, once\n`)
  const startedMs = Date.now()
  const source = path.join(cache, 'build')
  rmSync(source, { recursive: true, force: true })
  mkdirSync(source, { recursive: true })
  const main = 'github.com/jaegertracing/jaeger/cmd/all-in-one'
  const steps = [
    ['mod', 'init', 'jaeger-build'],
    ['get', '-tool', `${main}@v${VERSION}`],
    ['build', '-trimpath', '-ldflags=-s -w', '-o', `${program}.new`, main]
  ]
  for (const args of steps) {
    const leftMs = timeoutS * 1000 - (Date.now() - startedMs)
    const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' }
    const run = spawnSync('go', args, { cwd: source, env, encoding: 'utf8', timeout: Math.max(1, leftMs) })
    if (run.error?.code === 'ETIMEDOUT') {
      throw new CannotHave(`no Jaeger: go ${args[0]} did not end within ${timeoutS} s (--build-timeout)`)
    }
    if (run.status !== 0) throw new CannotHave(`no Jaeger: go ${args[0]} failed: ${lastLine(run.stderr)}`)
  }
  renameSync(`${program}.new`, program)
  rmSync(source, { recursive: true, force: true })
  process.stderr.write(`built in ${Math.round((Date.now() - startedMs) / 1000)} s\n`)
}

async function answering({ query, otlpHttp }) {
  const answers = (url) =>
    fetch(url).then(
      () => true,
      () => false
    )
  let ended = false
  const begun = await holdsWithin(START_MS_MAX, async () => {
    ended = status() === undefined
    return ended || ((await answers(`${query}/api/services`)) && (await answers(otlpHttp)))
  })
  if (begun && !ended) return
  await down()
  throw new CannotHave('no Jaeger: it did not start; see .cache/jaeger/jaeger.log')
}

function save(state) {
  writeFileSync(stateFile, JSON.stringify(state, null, 2))
}

function status() {
  if (!existsSync(stateFile)) return undefined
  const state = JSON.parse(readFileSync(stateFile, 'utf8'))
  return isAlive(state) ? JSON.stringify(state.addresses) : undefined
}

function isAlive({ pid, engine, container }) {
  if (container) return spawnSync(engine, ['inspect', container]).status === 0
  return isOurs(pid, program)
}

async function down() {
  if (!existsSync(stateFile)) return
  const state = JSON.parse(readFileSync(stateFile, 'utf8'))
  if (state.container) spawnSync(state.engine, ['stop', state.container])
  else if (isAlive(state)) {
    process.kill(state.pid, 'SIGTERM')
    if (!(await holdsWithin(STOP_MS_MAX, () => !isAlive(state)))) process.kill(state.pid, 'SIGKILL')
  }
  rmSync(stateFile)
}

function fail(message, code) {
  console.error(message)
  process.exitCode = code
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { 'build-timeout': { type: 'string', default: '900' } }
  })
  const timeoutS = Number(values['build-timeout'])
  if (positionals.length !== 1 || !(timeoutS > 0)) {
    return fail('usage: jaeger.mjs up [--build-timeout SECONDS] | status | down', 2)
  }
  switch (positionals[0]) {
    case 'up':
      return console.log(await up(timeoutS))
    case 'status': {
      const addresses = status()
      return addresses ? console.log(addresses) : fail('no Jaeger of ours is running', 1)
    }
    case 'down':
      return await down()
    default:
      return fail('usage: jaeger.mjs up [--build-timeout SECONDS] | status | down', 2)
  }
}

main().catch((error) => {
  if (!(error instanceof CannotHave)) throw error
  fail(error.message, 3)
})
