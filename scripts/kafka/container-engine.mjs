/**
 * Brokers as containers of Docker or Podman, with the same properties file as a Java process would have: they share the
 * host's network, so that ports and advertised addresses mean the same, which only engines on Linux can do.
 */
import { spawnSync } from 'node:child_process'
import { CannotHave, firstLine } from '../errors.mjs'

const IMAGE = 'apache/kafka:4.1.0'
const ENGINES = ['docker', 'podman']
const ANSWER_TIMEOUT_MS = 10_000

export class ContainerEngine {
  static kind = 'container'
  #engine
  #folder

  /** `name`: `container-docker`, as an earlier one had it. */
  constructor(_cache, name, folder) {
    this.#engine = name?.slice('container-'.length)
    this.#folder = folder
  }

  get name() {
    return `container-${this.#engine}`
  }

  prepare() {
    if (process.platform !== 'linux')
      throw new CannotHave('containers share a network with the host on Linux only')
    this.#engine = ENGINES.find(
      (engine) => spawnSync(engine, ['info'], { timeout: ANSWER_TIMEOUT_MS }).status === 0
    )
    if (this.#engine === undefined) throw new CannotHave('no container engine answers')
    const pulled = this.#run(['pull', IMAGE])
    if (pulled.status !== 0)
      throw new CannotHave(`${this.#engine} pull ${IMAGE}: ${firstLine(pulled.stderr)}`)
  }

  format(node, clusterId, extra) {
    const options = ['-t', clusterId, '-c', node.properties, ...extra]
    const run = this.#run([
      'run',
      '--rm',
      ...this.#sandbox(node),
      IMAGE,
      '/opt/kafka/bin/kafka-storage.sh',
      'format',
      ...options
    ])
    if (run.status !== 0) throw new CannotHave(`format failed: ${firstLine(run.stderr)}`)
  }

  start(node) {
    if (this.#run(['start', node.label]).status === 0) return {}
    const heap = ['-e', 'KAFKA_HEAP_OPTS=-Xmx384m']
    const command = ['/opt/kafka/bin/kafka-server-start.sh', node.properties]
    const run = this.#run([
      'run',
      '-d',
      '--name',
      node.label,
      ...heap,
      ...this.#sandbox(node),
      IMAGE,
      ...command
    ])
    if (run.status !== 0) throw new CannotHave(`${this.#engine} run: ${firstLine(run.stderr)}`)
    return {}
  }

  isAlive({ label }) {
    const seen = this.#run(['inspect', '-f', '{{.State.Running}}', label])
    return seen.status === 0 && seen.stdout.trim() === 'true'
  }

  signal({ label }, signal) {
    this.#run(['kill', '--signal', signal, label])
  }

  pause({ label }) {
    this.#run(['pause', label])
  }

  resume({ label }) {
    this.#run(['unpause', label])
  }

  remove({ label }) {
    this.#run(['rm', '-f', label])
  }

  /** The cluster's folder under its own path and owner, so that `down` can remove what the broker wrote. */
  #sandbox(node) {
    const folder = this.#folder ?? node.properties.replace(/\/data\/[^/]*$/, '')
    const user = `${process.getuid()}:${process.getgid()}`
    return [
      '--network',
      'host',
      '--user',
      user,
      '-e',
      `LOG_DIR=${node.data}-server`,
      '-v',
      `${folder}:${folder}`
    ]
  }

  #run(args) {
    return spawnSync(this.#engine, args, { encoding: 'utf8' })
  }
}
