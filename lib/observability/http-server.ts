/**
 * The HTTP endpoint: `/metrics` for Prometheus, `/healthz` (is the process of use?), `/readyz` (does it do its work
 * now?). GET and HEAD only, no body is read, connections and their time are limited.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { TdaError } from '../errors.js'
import type { PipelineState } from '../pipeline/lifecycle.js'
import type { Metrics } from './metrics.js'

const CONNECTIONS_MAX = 64
const REQUEST_MS_MAX = 10_000

export interface Health {
  /** False when only a restart can help. */
  readonly live: boolean
  /** True while records are consumed and results published. */
  readonly ready: boolean
  /** One line for people. */
  readonly reason: string
}

/** What a state of the pipeline means to whoever supervises the process. */
export function healthOf(state: PipelineState): Health {
  switch (state.kind) {
    case 'starting':
      return { live: true, ready: false, reason: 'starting: waiting for partitions' }
    case 'restoring':
      return {
        live: true,
        ready: false,
        reason: `restoring: rebuilding windows of partitions ${state.partitions.join(', ')}`
      }
    case 'running':
      return { live: true, ready: true, reason: 'running' }
    case 'draining':
      return { live: true, ready: false, reason: 'draining: finishing what is in flight' }
    case 'stopped':
      return { live: true, ready: false, reason: 'stopped' }
    case 'failed':
      return { live: false, ready: false, reason: `failed: ${state.cause.code}: ${state.cause.message}` }
  }
}

export interface HttpServer {
  /** Where it listens, for example `http://127.0.0.1:9464`. */
  readonly url: string
  close(): Promise<void>
}

export interface HttpServerOptions {
  readonly host: string
  /** 0 = any free port; `url` has the one taken. */
  readonly port: number
  readonly metrics: Metrics
  readonly health: () => Health
}

/**
 * Starts listening.
 * @throws {TdaError} LISTEN when the address cannot be had, for example because the port is in use.
 */
export async function startHttpServer({
  host,
  port,
  metrics,
  health
}: HttpServerOptions): Promise<HttpServer> {
  const server = createServer((request, response) => void answer(request, response, metrics, health))
  server.maxConnections = CONNECTIONS_MAX
  server.requestTimeout = REQUEST_MS_MAX
  server.headersTimeout = REQUEST_MS_MAX
  await listen(server, host, port)
  const { port: taken } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      })
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      fail(new TdaError('LISTEN', `cannot listen on ${host}:${port}: ${listenText(cause)}`, { cause }))
    })
    server.listen(port, host, done)
  })
}

function listenText({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return 'the port is in use; choose another http.port, or 0 for any free one'
  if (code === 'EADDRNOTAVAIL') return 'no such address on this machine; correct http.host'
  if (code === 'EACCES') return 'permission denied; choose an http.port above 1023'
  return message
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  metrics: Metrics,
  health: () => Health
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return send(response, 405, TEXT, 'only GET and HEAD\n', { allow: 'GET, HEAD' })
  }
  const [path] = (request.url ?? '/').split('?')
  switch (path) {
    case '/metrics':
      try {
        return send(response, 200, metrics.contentType, await metrics.text())
      } catch (error) {
        return send(response, 500, TEXT, `metrics could not be collected: ${(error as Error).message}\n`)
      }
    case '/healthz': {
      const { live, reason } = health()
      return send(response, live ? 200 : 503, JSON_TYPE, `${JSON.stringify({ live, reason })}\n`)
    }
    case '/readyz': {
      const { ready, reason } = health()
      return send(response, ready ? 200 : 503, JSON_TYPE, `${JSON.stringify({ ready, reason })}\n`)
    }
    default:
      return send(response, 404, TEXT, 'there are /metrics, /healthz and /readyz\n')
  }
}

const TEXT = 'text/plain; charset=utf-8'
const JSON_TYPE = 'application/json; charset=utf-8'

/** For HEAD, Node sends the headers only. */
function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string,
  headers: Record<string, string> = {}
): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...headers
  })
  response.end(body)
}
