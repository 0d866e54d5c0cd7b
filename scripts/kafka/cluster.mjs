/**
 * A cluster of one or three brokers: its nodes, its state file, and what can be done to a broker.
 *
 *   .cache/kafka/clusters/NAME/state.json    what `down` needs to know; written before anything is started
 *   .cache/kafka/clusters/NAME/data/         properties, certificates and logs of the topics
 *   .cache/kafka/logs/NAME-node-N.log        what the brokers say; kept
 */
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { answers, freePorts, holdsWithin } from '../ports.mjs'
import { ContainerEngine } from './container-engine.mjs'
import { CannotHave } from '../errors.mjs'
import { JavaEngine } from './java-engine.mjs'
import { propertiesOf } from './properties.mjs'
import { makeSecurity } from './security.mjs'

export const cache = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..', '.cache', 'kafka')
/** For machines that do other things as well; a broker that has died is not waited for. */
const START_TIMEOUT_MS = 180_000
const STOP_TIMEOUT_MS = 20_000

/** In the order in which they are tried; each says why when it cannot. */
const ENGINES = [ContainerEngine, JavaEngine]

export class Cluster {
  #name
  #folder
  #file

  constructor(name) {
    this.#name = name
    this.#folder = path.join(cache, 'clusters', name)
    this.#file = path.join(this.#folder, 'state.json')
  }

  /** Starts what does not run yet; answers the bootstrap addresses. @throws CannotHave */
  async up(options) {
    const running = this.status()
    if (running?.nodes.some(({ alive }) => alive)) {
      await this.start(running.nodes.filter(({ alive }) => !alive).map(({ id }) => id))
      return running.bootstrap
    }
    const reasons = []
    for (const Engine of ENGINES) {
      await this.down()
      try {
        return await this.#create(new Engine(cache), options)
      } catch (error) {
        if (!(error instanceof CannotHave)) throw error
        reasons.push(error.message)
      }
    }
    await this.down()
    throw new CannotHave(`no Kafka: ${reasons.join('; ')}; or set KAFKA_BROKERS=host:port`)
  }

  /** `undefined` where there is no such cluster. */
  status() {
    if (!existsSync(this.#file)) return undefined
    const state = this.#state()
    const engine = engineOf(state)
    const nodes = state.nodes.map((node) => ({ ...node, alive: engine.isAlive(node) }))
    return { ...state, nodes, running: nodes.every(({ alive }) => alive) }
  }

  async down() {
    if (!existsSync(this.#file)) return
    const state = this.#state()
    const engine = engineOf(state)
    for (const node of state.nodes) {
      engine.resume(node)
      engine.signal(node, 'SIGTERM')
    }
    await holdsWithin(STOP_TIMEOUT_MS, () => !state.nodes.some((node) => engine.isAlive(node)))
    for (const node of state.nodes) engine.remove(node)
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** In an orderly way: leaders move first. A broker that has lost its quorum cannot, and is killed after a while. */
  async stop(ids) {
    const { engine, nodes } = this.#nodes(ids)
    for (const node of nodes) engine.signal(node, 'SIGTERM')
    await holdsWithin(STOP_TIMEOUT_MS, () => !nodes.some((node) => engine.isAlive(node)))
    await this.kill(ids)
  }

  async kill(ids) {
    const { engine, nodes } = this.#nodes(ids)
    for (const node of nodes) engine.signal(node, 'SIGKILL')
    await holdsWithin(STOP_TIMEOUT_MS, () => !nodes.some((node) => engine.isAlive(node)))
  }

  /** On the ports and data it had. Several at once, because one alone may wait for its quorum. */
  async start(ids) {
    const state = this.#state()
    const engine = engineOf(state)
    const nodes = state.nodes.filter(({ id }) => ids.includes(id))
    for (const node of nodes) if (!engine.isAlive(node)) Object.assign(node, engine.start(node))
    this.#save(state)
    for (const node of nodes) await this.#answering(engine, node)
  }

  async pause(ids) {
    const { engine, nodes } = this.#nodes(ids)
    for (const node of nodes) engine.pause(node)
  }

  async resume(ids) {
    const { engine, nodes } = this.#nodes(ids)
    for (const node of nodes) engine.resume(node)
  }

  async #create(engine, { brokers, advertise, security: protocol, settings }) {
    engine.prepare()
    const data = path.join(this.#folder, 'data')
    mkdirSync(data, { recursive: true })
    mkdirSync(path.join(cache, 'logs'), { recursive: true })
    const perNode = 2 + (advertise.length > 0 ? 1 : 0) + (protocol ? 1 : 0)
    const ports = await freePorts(perNode * brokers)
    const nodes = Array.from({ length: brokers }, (_, at) => ({
      id: at + 1,
      label: `streaming-tda-${this.#name}-${at + 1}`,
      client: ports.pop(),
      controller: ports.pop(),
      ...(advertise.length > 0 ? { proxied: ports.pop(), advertised: advertise[at] } : {}),
      ...(protocol ? { secure: ports.pop() } : {}),
      properties: path.join(data, `node-${at + 1}.properties`),
      data: path.join(data, `log-${at + 1}`),
      log: path.join(cache, 'logs', `${this.#name}-node-${at + 1}.log`)
    }))
    const at = (key) => nodes.map((node) => `127.0.0.1:${node[key]}`).join(',')
    const security = protocol ? makeSecurity(protocol, data) : undefined
    const clusterId = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url')
    const state = {
      engine: engine.name,
      bootstrap: at('client'),
      ...(advertise.length > 0 ? { proxied: advertise.join(',') } : {}),
      ...(security ? { secure: { bootstrap: at('secure'), ...security.client } } : {}),
      folder: this.#folder,
      nodes
    }
    // Written first, so that `down` finds every process even when this one is killed half-way.
    this.#save(state)
    for (const node of nodes) {
      writeFileSync(node.properties, propertiesOf(node, nodes, security, settings))
      engine.format(node, clusterId, security?.formatArguments ?? [])
    }
    await this.start(nodes.map(({ id }) => id))
    return state.bootstrap
  }

  async #answering(engine, node) {
    const deadline = Date.now() + START_TIMEOUT_MS
    while (!(await answers(node.client))) {
      if (Date.now() > deadline || !engine.isAlive(node)) {
        throw new CannotHave(`broker ${node.id} did not start; see ${path.relative(process.cwd(), node.log)}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }

  #nodes(ids) {
    const state = this.#state()
    return { engine: engineOf(state), nodes: state.nodes.filter(({ id }) => ids.includes(id)) }
  }

  #state() {
    if (!existsSync(this.#file)) throw new CannotHave(`there is no cluster "${this.#name}"`)
    return JSON.parse(readFileSync(this.#file, 'utf8'))
  }

  #save(state) {
    writeFileSync(this.#file, JSON.stringify(state, null, 2))
  }
}

function engineOf({ engine, folder }) {
  const Engine = ENGINES.find(({ kind }) => engine.startsWith(kind))
  return new Engine(cache, engine, folder)
}
