/**
 * The HTTP endpoint: `/metrics` for Prometheus (OpenMetrics where asked for), `/healthz` (is the process of use?), `/readyz` (does it do its work
 * now?). GET and HEAD only, no body is read, connections and their time are limited.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { TdaError } from '../errors.js'
import { formatAccepted } from './exposition.js'
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
  const server = createServer((request, response) => {
    void replyTo(request, metrics, health).then((reply) => send(response, reply))
  })
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

/** What a request is answered with. */
interface Reply {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

const TEXT = 'text/plain; charset=utf-8'
const JSON_TYPE = 'application/json; charset=utf-8'

async function replyTo(request: IncomingMessage, metrics: Metrics, health: () => Health): Promise<Reply> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, type: TEXT, body: 'only GET and HEAD\n', headers: { allow: 'GET, HEAD' } }
  }
  const [path] = (request.url ?? '/').split('?')
  switch (path) {
    case '/metrics':
      try {
        const format = formatAccepted(request.headers.accept)
        const body = await metrics.text(format)
        return { status: 200, type: metrics.contentType(format), body, headers: { vary: 'accept' } }
      } catch (error) {
        const body = `metrics could not be collected: ${(error as Error).message}\n`
        return { status: 500, type: TEXT, body }
      }
    case '/healthz': {
      const { live, reason } = health()
      return { status: live ? 200 : 503, type: JSON_TYPE, body: `${JSON.stringify({ live, reason })}\n` }
    }
    case '/readyz': {
      const { ready, reason } = health()
      return { status: ready ? 200 : 503, type: JSON_TYPE, body: `${JSON.stringify({ ready, reason })}\n` }
    }
    default:
      return { status: 404, type: TEXT, body: 'there are /metrics, /healthz and /readyz\n' }
  }
}

/** For HEAD, Node sends the headers only. */
function send(response: ServerResponse, { status, type, body, headers }: Reply): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...headers
  })
  response.end(body)
}
