#!/usr/bin/env node
// A real Apache Kafka (KRaft, no ZooKeeper) on loopback, for development and tests.
//
//   node scripts/kafka.mjs up [--brokers 1|3]    prints host:port[,host:port...] on stdout, nothing else
//   node scripts/kafka.mjs status                the same while it runs; exit code 1 when it does not
//   node scripts/kafka.mjs down                  ends what `up` started, by process id, and removes its data
//
// Brokers named by KAFKA_BROKERS are taken as they are. Otherwise the published server artifacts are resolved by Maven
// into .cache/kafka/ and started as plain Java processes with bounded heaps (about 0.35 GB resident a broker). Needs
// Java 17 and Maven; where they are missing, `up` says so and exits with 3, so that a caller can skip loudly.
// Logs are kept in .cache/kafka/logs/.
import { spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const here = path.dirname(fileURLToPath(import.meta.url))
const cache = path.join(here, '..', '.cache', 'kafka')
const stateFile = path.join(cache, 'state.json')
const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 20_000

class CannotStart extends Error {}

async function up(brokers) {
  const given = process.env.KAFKA_BROKERS
  if (given) return given
  const running = status()
  if (running) return running
  requireTool('java', ['-version'], 'Java 17 or later (Debian: apt-get install openjdk-17-jre-headless)')
  requireTool('mvn', ['-v'], 'Maven (Debian: apt-get install maven)')
  resolveArtifacts()
  const state = await startCluster(brokers)
  return state.bootstrap
}

function status() {
  if (!existsSync(stateFile)) return undefined
  const state = JSON.parse(readFileSync(stateFile, 'utf8'))
  return state.processes.every(isOurs) ? state.bootstrap : undefined
}

async function down() {
  if (!existsSync(stateFile)) return
  const state = JSON.parse(readFileSync(stateFile, 'utf8'))
  for (const each of state.processes) if (isOurs(each)) process.kill(each.pid, 'SIGTERM')
  const deadline = Date.now() + STOP_TIMEOUT_MS
  while (state.processes.some(isOurs) && Date.now() < deadline) await pause(100)
  for (const each of state.processes) if (isOurs(each)) process.kill(each.pid, 'SIGKILL')
  rmSync(state.data, { recursive: true, force: true })
  rmSync(stateFile)
}

/** Process ids come round again: it is ours only if its command line still names our properties file. */
function isOurs({ pid, properties }) {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const seen = spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
  return seen.status === 0 && seen.stdout.includes(properties)
}

function requireTool(tool, args, name) {
  if (spawnSync(tool, args).status !== 0) {
    throw new CannotStart(`no Kafka: ${name} is needed, or set KAFKA_BROKERS=host:port`)
  }
}

function resolveArtifacts() {
  const stamp = path.join(cache, 'lib', 'pom.xml')
  const pom = path.join(here, 'kafka', 'pom.xml')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === readFileSync(pom, 'utf8')) return
  mkdirSync(path.join(cache, 'lib'), { recursive: true })
  const run = spawnSync(
    'mvn',
    ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${path.join(cache, 'lib')}`],
    { encoding: 'utf8' }
  )
  if (run.status !== 0) {
    throw new CannotStart(
      `no Kafka: Maven could not resolve the server artifacts: ${firstLine(run.stdout + run.stderr)}`
    )
  }
  writeFileSync(stamp, readFileSync(pom))
}

async function startCluster(count) {
  const data = path.join(cache, 'data', randomUUID())
  const logs = path.join(cache, 'logs')
  mkdirSync(data, { recursive: true })
  mkdirSync(logs, { recursive: true })
  const ports = await freePorts(2 * count)
  const nodes = Array.from({ length: count }, (_, at) => ({
    id: at + 1,
    client: ports[2 * at],
    controller: ports[2 * at + 1],
    properties: path.join(data, `node-${at + 1}.properties`)
  }))
  const clusterId = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url')
  const processes = []
  // Written first, so that `down` finds every process even when this one is killed half-way.
  const save = () =>
    writeFileSync(stateFile, JSON.stringify({ bootstrap: bootstrapOf(nodes), data, processes }, null, 2))
  for (const node of nodes) {
    writeFileSync(node.properties, propertiesOf(node, nodes, path.join(data, `log-${node.id}`)))
    const formatted = java(['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', node.properties])
    if (formatted.status !== 0)
      throw new CannotStart(`no Kafka: format failed: ${firstLine(formatted.stderr)}`)
  }
  for (const node of nodes) {
    const log = openSync(path.join(logs, `node-${node.id}.log`), 'a')
    const child = spawn('java', [...javaOptions(384), 'kafka.Kafka', node.properties], {
      detached: true,
      stdio: ['ignore', log, log]
    })
    child.unref()
    processes.push({ pid: child.pid, properties: node.properties })
    save()
  }
  const deadline = Date.now() + START_TIMEOUT_MS
  for (const node of nodes) {
    while (!(await answers(node.client))) {
      if (Date.now() > deadline || !processes.every(isOurs)) {
        await down()
        throw new CannotStart(
          `no Kafka: broker ${node.id} did not start; see .cache/kafka/logs/node-${node.id}.log`
        )
      }
      await pause(200)
    }
  }
  return { bootstrap: bootstrapOf(nodes) }
}

function propertiesOf(node, nodes, logDir) {
  const replicas = Math.min(3, nodes.length)
  const minInSync = Math.min(2, nodes.length)
  return [
    'process.roles=broker,controller',
    `node.id=${node.id}`,
    `controller.quorum.voters=${nodes.map((n) => `${n.id}@127.0.0.1:${n.controller}`).join(',')}`,
    `listeners=PLAINTEXT://127.0.0.1:${node.client},CONTROLLER://127.0.0.1:${node.controller}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${node.client}`,
    'controller.listener.names=CONTROLLER',
    'inter.broker.listener.name=PLAINTEXT',
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    `log.dirs=${logDir}`,
    `default.replication.factor=${replicas}`,
    `min.insync.replicas=${minInSync}`,
    `offsets.topic.replication.factor=${replicas}`,
    'offsets.topic.num.partitions=4',
    `transaction.state.log.replication.factor=${replicas}`,
    `transaction.state.log.min.isr=${minInSync}`,
    'transaction.state.log.num.partitions=4',
    'group.initial.rebalance.delay.ms=0',
    'auto.create.topics.enable=false',
    ''
  ].join('\n')
}

function javaOptions(heapMiB) {
  const config = path.join(here, 'kafka', 'log4j2.xml')
  return [`-Xmx${heapMiB}m`, `-Dlog4j2.configurationFile=${config}`, '-cp', path.join(cache, 'lib', '*')]
}

function java(args) {
  return spawnSync('java', [...javaOptions(256), ...args], { encoding: 'utf8' })
}

function bootstrapOf(nodes) {
  return nodes.map((node) => `127.0.0.1:${node.client}`).join(',')
}

async function freePorts(count) {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise((resolve, reject) => {
          const server = net.createServer().once('error', reject)
          server.listen(0, '127.0.0.1', () => resolve(server))
        })
    )
  )
  const ports = servers.map((server) => server.address().port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      resolve(true)
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
  })
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function firstLine(text) {
  return text.split('\n').find((line) => line.trim() !== '') ?? 'no output'
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { brokers: { type: 'string', default: '1' } }
  })
  const usage = 'usage: kafka.mjs up [--brokers 1|3] | status | down'
  if (positionals.length !== 1 || !['1', '3'].includes(values.brokers)) return fail(usage, 2)
  switch (positionals[0]) {
    case 'up':
      return console.log(await up(Number(values.brokers)))
    case 'status': {
      const bootstrap = status()
      return bootstrap ? console.log(bootstrap) : fail('no Kafka of ours is running', 1)
    }
    case 'down':
      return await down()
    default:
      return fail(usage, 2)
  }
}

function fail(message, code) {
  console.error(message)
  process.exitCode = code
}

main().catch((error) => {
  if (!(error instanceof CannotStart)) throw error
  fail(error.message, 3)
})
