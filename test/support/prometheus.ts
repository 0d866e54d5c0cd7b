/** The real Prometheus, where it can be had. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { root } from './run-command.js'

export interface PrometheusTools {
  readonly prometheus: string
  readonly promtool: string
}

/** `null`, and said on standard error, where there is none: tests are then skipped. */
export function prometheusTools(): PrometheusTools | null {
  const script = join(root, 'scripts/prometheus.mjs')
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, 'tools'], { encoding: 'utf8' })
  if (status === 0) return JSON.parse(stdout) as PrometheusTools
  process.stderr.write(`SKIPPED: ${stderr}`)
  return null
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [time: number, value: string]
}

const ATTEMPTS = 5

/** A running Prometheus with the rules of deploy/, evaluated every second. */
export class PrometheusServer {
  readonly #url: string
  readonly #stop: () => Promise<void>

  static async start(program: string, targets: readonly string[]): Promise<PrometheusServer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await PrometheusServer.#launch(program, targets)
      } catch (error) {
        // Between being chosen and being listened at a port is anybody's.
        if (attempt === ATTEMPTS || !String(error).includes('address already in use')) throw error
      }
    }
  }

  static async #launch(program: string, targets: readonly string[]): Promise<PrometheusServer> {
    const folder = await mkdtemp(join(tmpdir(), 'tda-prometheus-'))
    const config = [
      'global: { scrape_interval: 1s, evaluation_interval: 1s }',
      `rule_files: ['${join(root, 'deploy/prometheus/rules.yaml')}']`,
      `scrape_configs: [{ job_name: streaming-tda, static_configs: [{ targets: [${targets.map((one) => `'${one}'`).join(', ')}] }] }]`
    ]
    await writeFile(join(folder, 'prometheus.yml'), config.join('\n'))
    const port = await freePort()
    const address = `127.0.0.1:${port}`
    const child = spawn(
      program,
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${address}`,
        '--enable-feature=exemplar-storage',
        '--log.level=warn'
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] }
    )
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    const ended = once(child, 'close')
    const stop = async (): Promise<void> => {
      child.kill('SIGKILL')
      await ended
      await rm(folder, { recursive: true, force: true })
    }
    const server = new PrometheusServer(`http://${address}`, stop)
    while (!(await server.#isReady())) {
      if (child.exitCode !== null) {
        await stop()
        throw new Error(`prometheus ended: ${said}`)
      }
      await delay(50)
    }
    return server
  }

  private constructor(url: string, stop: () => Promise<void>) {
    this.#url = url
    this.#stop = stop
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.#url}/-/ready`)).ok
    } catch {
      return false
    }
  }

  /** The answer of its HTTP API, `data` only. */
  async api<T>(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> {
    const answer = await fetch(`${this.#url}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`)
    const body = (await answer.json()) as {
      readonly status: string
      readonly error?: string
      readonly data: T
    }
    if (body.status !== 'success')
      throw new Error(`${path} ${JSON.stringify(parameters)}: ${body.error ?? 'no error'}`)
    return body.data
  }

  /** An instant query that answers a vector. */
  async query(query: string): Promise<readonly Series[]> {
    return (await this.api<{ readonly result: readonly Series[] }>('query', { query })).result
  }

  /** Asks until the answer pleases; Prometheus has no way to tell when it has scraped. */
  async until<T>(ask: () => Promise<T>, pleases: (answer: T) => boolean): Promise<T> {
    for (;;) {
      const answer = await ask()
      if (pleases(answer)) return answer
      await delay(200)
    }
  }

  close(): Promise<void> {
    return this.#stop()
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}
