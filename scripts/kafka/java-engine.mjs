/** Brokers as plain Java processes from the published server artifacts. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { CannotHave, firstLine } from '../errors.mjs'
import { isOurs } from '../processes.mjs'

const here = path.dirname(fileURLToPath(import.meta.url))
/** Three brokers must fit in 3 GB resident; what they take is in benchmarks/RESULTS.md. */
const BROKER_HEAP_MIB = 384
const TOOL_HEAP_MIB = 256

export class JavaEngine {
  static kind = 'java'
  name = 'java'
  #lib

  constructor(cache) {
    this.#lib = path.join(cache, 'lib')
  }

  prepare() {
    requireTool('java', ['-version'], 'Java 17 or later (Debian: apt-get install openjdk-17-jre-headless)')
    requireTool('mvn', ['-v'], 'Maven (Debian: apt-get install maven)')
    this.#resolve()
  }

  format(node, clusterId, extra) {
    const args = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', node.properties, ...extra]
    const run = spawnSync('java', [...this.#options(TOOL_HEAP_MIB), ...args], { encoding: 'utf8' })
    if (run.status !== 0) throw new CannotHave(`format failed: ${firstLine(run.stderr)}`)
  }

  start(node) {
    const log = openSync(node.log, 'a')
    const child = spawn('java', [...this.#options(BROKER_HEAP_MIB), 'kafka.Kafka', node.properties], {
      detached: true,
      stdio: ['ignore', log, log]
    })
    child.unref()
    return { pid: child.pid }
  }

  isAlive({ pid, properties }) {
    return isOurs(pid, properties)
  }

  signal(node, signal) {
    if (this.isAlive(node)) process.kill(node.pid, signal)
  }

  pause(node) {
    this.signal(node, 'SIGSTOP')
  }

  resume(node) {
    this.signal(node, 'SIGCONT')
  }

  remove(node) {
    this.signal(node, 'SIGKILL')
  }

  #options(heapMiB) {
    const config = path.join(here, 'log4j2.xml')
    return [`-Xmx${heapMiB}m`, `-Dlog4j2.configurationFile=${config}`, '-cp', path.join(this.#lib, '*')]
  }

  #resolve() {
    const stamp = path.join(this.#lib, 'pom.xml')
    const pom = path.join(here, 'pom.xml')
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === readFileSync(pom, 'utf8')) return
    mkdirSync(this.#lib, { recursive: true })
    const run = spawnSync(
      'mvn',
      ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${this.#lib}`],
      { encoding: 'utf8' }
    )
    if (run.status !== 0) {
      throw new CannotHave(
        `Maven could not resolve the server artifacts: ${firstLine(run.stdout + run.stderr)}`
      )
    }
    writeFileSync(stamp, readFileSync(pom))
  }
}

function requireTool(tool, args, name) {
  if (spawnSync(tool, args).status !== 0) throw new CannotHave(`${name} is needed`)
}
