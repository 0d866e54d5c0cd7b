import { afterEach, expect, test } from '@jest/globals'
import { TdaError } from '../../../lib/errors.js'
import { startHttpServer, type Health, type HttpServer } from '../../../lib/observability/http-server.js'
import { createMetrics } from '../../../lib/observability/metrics.js'
import { healthOf } from '../../../lib/pipeline/health.js'

const servers: HttpServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

const running: Health = { live: true, ready: true, reason: 'running' }

async function start(
  health: () => Health = () => running,
  host = '127.0.0.1',
  port = 0
): Promise<HttpServer> {
  const server = await startHttpServer({ host, port, metrics: createMetrics(), health })
  servers.push(server)
  return server
}

test('/metrics is the exposition text; HEAD has the same headers without it', async () => {
  const { url } = await start()
  const response = await fetch(`${url}/metrics?name=x`)
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8'
  ])
  expect(await response.text()).toContain('# TYPE tda_points_processed_total counter')
  const head = await fetch(`${url}/metrics`, { method: 'HEAD' })
  expect([head.status, await head.text()]).toEqual([200, ''])
})

test('health and readiness follow the state', async () => {
  let health = running
  const { url } = await start(() => health)
  const ask = async (path: string): Promise<unknown[]> => {
    const response = await fetch(`${url}${path}`)
    return [response.status, await response.json()]
  }
  expect(await ask('/healthz')).toEqual([200, { live: true, reason: 'running' }])
  expect(await ask('/readyz')).toEqual([200, { ready: true, reason: 'running' }])
  health = healthOf({ kind: 'restoring', partitions: [0, 2] })
  expect(await ask('/healthz')).toEqual([
    200,
    { live: true, reason: 'restoring: rebuilding windows of partitions 0, 2' }
  ])
  expect(await ask('/readyz')).toEqual([
    503,
    { ready: false, reason: 'restoring: rebuilding windows of partitions 0, 2' }
  ])
  health = healthOf({ kind: 'failed', cause: new TdaError('BROKER', 'gone') })
  expect(await ask('/healthz')).toEqual([503, { live: false, reason: 'failed: BROKER: gone' }])
})

test.each([
  [{ kind: 'starting' }, true, false],
  [{ kind: 'running' }, true, true],
  [{ kind: 'draining', deadlineMs: 0 }, true, false],
  [{ kind: 'stopped' }, true, false]
] as const)('in %p: live %p, ready %p', (state, live, ready) => {
  expect(healthOf(state)).toMatchObject({ live, ready })
})

test('other methods and paths are refused', async () => {
  const { url } = await start()
  const post = await fetch(`${url}/metrics`, { method: 'POST', body: 'x' })
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  const other = await fetch(`${url}/`)
  expect([other.status, await other.text()]).toEqual([404, 'there are /metrics, /healthz and /readyz\n'])
})

test('metrics that cannot be collected are a 500 with the reason', async () => {
  const metrics = createMetrics()
  metrics.beforeScrape(() => {
    throw new Error('no engine')
  })
  const server = await startHttpServer({ host: '127.0.0.1', port: 0, metrics, health: () => running })
  servers.push(server)
  const response = await fetch(`${server.url}/metrics`)
  expect([response.status, await response.text()]).toEqual([
    500,
    'metrics could not be collected: no engine\n'
  ])
})

test('a port in use and an address of another machine are errors that say what to do', async () => {
  const { url } = await start()
  const port = Number(new URL(url).port)
  await expect(start(() => running, '127.0.0.1', port)).rejects.toMatchObject({
    code: 'LISTEN',
    message: `cannot listen on 127.0.0.1:${port}: the port is in use; choose another http.port, or 0 for any free one`
  })
  await expect(start(() => running, '192.0.2.1')).rejects.toMatchObject({
    message: expect.stringContaining('correct http.host')
  })
})

test('OpenMetrics where it is asked for and preferred', async () => {
  const { url } = await start()
  const typeFor = async (accept: string): Promise<string | null> =>
    (await fetch(`${url}/metrics`, { headers: { accept } })).headers.get('content-type')
  const prometheus =
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
  expect(await typeFor(prometheus)).toMatch(/^application\/openmetrics-text/)
  expect(await typeFor('text/plain, application/openmetrics-text;q=0.5')).toMatch(/^text\/plain/)
  expect(await typeFor('application/openmetrics-text;q=0')).toMatch(/^text\/plain/)
  expect(await typeFor('*/*')).toMatch(/^text\/plain/)
})
