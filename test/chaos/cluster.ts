/** Three real brokers with a Toxiproxy before each, by way of `scripts/kafka.mjs` and `scripts/toxiproxy.mjs`. */
import { runCommand, root } from '../support/run-command.js'

const BROKERS = [1, 2, 3] as const
const COMMAND_MS_MAX = 300_000

/** What could not be had, so that the run is skipped: exit code 3 of a script. */
export class NotAvailable extends Error {}

export interface Toxic {
  readonly type: 'latency' | 'bandwidth' | 'timeout' | 'reset_peer' | 'slow_close' | 'limit_data'
  readonly stream: 'upstream' | 'downstream'
  readonly attributes: Readonly<Record<string, number>>
}

export class ChaosCluster {
  /** Direct addresses: of what looks on. */
  readonly brokers: string
  /** Addresses through the proxies: of what is tested. */
  readonly proxied: string
  readonly #name: string
  readonly #wire: string

  private constructor(name: string, brokers: string, proxied: string, wire: string) {
    this.#name = name
    this.brokers = brokers
    this.proxied = proxied
    this.#wire = wire
  }

  /** A new one, or the one a former run left (`--keep`). @throws NotAvailable where brokers or proxies cannot be had. */
  static async up(name: string): Promise<ChaosCluster> {
    const kept = await ChaosCluster.#kept(name)
    if (kept) return kept
    await takeDown(name)
    const wire = await script('toxiproxy.mjs', ['up', '--name', name])
    const ports = await freePorts()
    const proxied = ports.map((port) => `127.0.0.1:${port}`).join(',')
    const settings = [
      'broker.session.timeout.ms=6000',
      'broker.heartbeat.interval.ms=1000',
      // Leaders go back where they belong soon after a broker is back: a move of its own.
      'leader.imbalance.check.interval.seconds=5',
      'leader.imbalance.per.broker.percentage=0'
    ]
    const set = settings.flatMap((setting) => ['--set', setting])
    const brokers = await script('kafka.mjs', [
      ...['up', '--name', name, '--brokers', '3', '--advertise', proxied],
      ...set
    ])
    const cluster = new ChaosCluster(name, brokers, proxied, wire)
    const upstreams = await cluster.#upstreams()
    for (const [i, broker] of BROKERS.entries()) {
      await cluster.#request('POST', '/proxies', {
        name: `broker-${broker}`,
        listen: `127.0.0.1:${ports[i]!}`,
        upstream: upstreams[i]
      })
    }
    return cluster
  }

  static async #kept(name: string): Promise<ChaosCluster | null> {
    try {
      const wire = await script('toxiproxy.mjs', ['status', '--name', name])
      const state = JSON.parse(await script('kafka.mjs', ['status', '--json', '--name', name])) as {
        bootstrap: string
        proxied?: string
      }
      return state.proxied === undefined ? null : new ChaosCluster(name, state.bootstrap, state.proxied, wire)
    } catch {
      return null // Exit code 1: something of it does not run.
    }
  }

  async down(): Promise<void> {
    await takeDown(this.#name)
  }

  /** Does something to brokers: `stop`, `kill`, `start`, `pause`, `resume`. */
  async broker(command: string, ids: readonly number[] = BROKERS): Promise<void> {
    await script('kafka.mjs', [command, ...ids.map(String), '--name', this.#name])
  }

  async addToxics(broker: number, toxics: readonly Toxic[]): Promise<void> {
    for (const [i, toxic] of toxics.entries()) {
      await this.#request('POST', `/proxies/broker-${broker}/toxics`, { name: `toxic-${i}`, ...toxic })
    }
  }

  async removeToxics(broker: number, toxics: readonly Toxic[]): Promise<void> {
    for (const i of toxics.keys())
      await this.#request('DELETE', `/proxies/broker-${broker}/toxics/toxic-${i}`)
  }

  async #upstreams(): Promise<string[]> {
    const text = await script('kafka.mjs', ['status', '--json', '--name', this.#name])
    const { nodes } = JSON.parse(text) as { nodes: { proxied: number }[] }
    return nodes.map(({ proxied }) => `127.0.0.1:${proxied}`)
  }

  async #request(method: string, path: string, body?: unknown): Promise<void> {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) }
    const response = await fetch(`${this.#wire}${path}`, init)
    if (!response.ok)
      throw new Error(`toxiproxy ${method} ${path}: ${response.status} ${await response.text()}`)
  }
}

async function takeDown(name: string): Promise<void> {
  await script('kafka.mjs', ['down', '--name', name])
  await script('toxiproxy.mjs', ['down', '--name', name])
}

async function script(name: string, args: readonly string[]): Promise<string> {
  const command = [`${root}/scripts/${name}`, ...args]
  const { code, stdout, stderr } = await runCommand(process.execPath, command, { limitMs: COMMAND_MS_MAX })
  if (code === 3) throw new NotAvailable(stderr.trim())
  if (code !== 0) throw new Error(`${name} ${args.join(' ')}: exit code ${code}\n${stderr}`)
  return stdout.trim()
}

async function freePorts(): Promise<number[]> {
  const ports = (await import(`${root}/scripts/ports.mjs`)) as { freePorts(n: number): Promise<number[]> }
  return ports.freePorts(BROKERS.length)
}
