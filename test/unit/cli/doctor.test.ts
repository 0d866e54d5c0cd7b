/** `doctor`: each check says what is the case, and what to do where something is wrong. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { CHECKS, wrongBy, type Finding } from '../../../lib/cli/doctor/finding.js'
import {
  checkBrokers,
  checkClock,
  checkCluster,
  checkLag,
  checkStateTopic,
  checkTopics,
  type AskedMesh
} from '../../../lib/cli/doctor/kafka.js'
import {
  checkAddon,
  checkClient,
  checkDisk,
  checkMemory,
  checkNode,
  checkReader
} from '../../../lib/cli/doctor/machine.js'
import { checkDaemon } from '../../../lib/cli/doctor/running-daemon.js'
import { runProgram } from '../../../lib/cli/program.js'
import { TdaError } from '../../../lib/errors.js'
import { columnarObstacle } from '../../../lib/mesh/columnar-reader.js'
import { InProcessEventMesh } from '../../../lib/mesh/in-process-mesh.js'
import { startHttpServer } from '../../../lib/observability/http-server.js'
import { healthOf } from '../../../lib/pipeline/health.js'
import { calmMetrics } from '../../support/calm-metrics.js'
import { configWith } from '../../support/config.js'
import { fakeTerminal } from '../../support/fake-terminal.js'

let folder = ''
let listening: Server
let broker = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tda-doctor-'))
  listening = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  broker = `127.0.0.1:${(listening.address() as AddressInfo).port}`
})
afterAll(async () => {
  await new Promise((resolve) => listening.close(resolve))
  await rm(folder, { recursive: true })
})

test('Node', () => {
  expect(checkNode()).toMatchObject({ status: 'ok' })
  expect(checkNode('22.1.0').status).toBe('ok')
  for (const old of ['18.20.0', '20.16.1']) {
    expect(checkNode(old)).toMatchObject({
      status: 'wrong',
      todo: expect.stringContaining('install Node 20.17')
    })
  }
})

test('the addon, with the instruction set it uses here', () => {
  expect(checkAddon()).toMatchObject({ status: 'ok', text: expect.stringMatching(/(baseline|avx2|avx512)$/) })
  const missing = (): never => {
    throw new TdaError('ADDON_UNAVAILABLE', 'the native addon is not built; run cmake-js')
  }
  expect(checkAddon(missing)).toEqual({
    check: 'addon',
    status: 'wrong',
    text: 'the native addon is not built',
    todo: 'run cmake-js',
    chapter: 'TdaDaemonDown'
  })
})

test("Kafka's client is only needed where there is a configuration", async () => {
  const missing = (): Promise<never> =>
    Promise.reject(new TdaError('KAFKA_UNAVAILABLE', 'node-rdkafka is not installed; install it'))
  expect(await checkClient(true, missing)).toMatchObject({ status: 'wrong', todo: 'install it' })
  expect(await checkClient(false, missing)).toMatchObject({
    status: 'note',
    text: 'node-rdkafka is not installed; only "run" needs it'
  })
})

test('which reader takes the records, and how to have the fast one', () => {
  expect(checkReader(null)).toMatchObject({ status: 'ok', text: 'records can be read in columns' })
  const absent = columnarObstacle(join(folder, 'none.node'))
  expect(checkReader(absent)).toMatchObject({
    status: 'note',
    text: expect.stringMatching(/^the columnar reader is not built; .* npm rebuild streaming-tda/)
  })
  writeFileSync(join(folder, 'broken.node'), 'no library')
  expect(columnarObstacle(join(folder, 'broken.node'))).toMatch(/^the columnar reader does not load: .+/)
})

test('memory: predicted, allowed, and there', () => {
  const config = configWith()
  const GIB = 2 ** 30
  expect(checkMemory(config, { process: 64 * GIB, free: 32 * GIB }).status).toBe('ok')
  expect(checkMemory(config, { process: 64 * GIB, free: GIB / 1024 }).status).toBe('note')
  const small = configWith({}, { limits: { memoryMiB: 1 } })
  expect(checkMemory(small)).toMatchObject({ status: 'wrong', chapter: 'TdaMemoryHigh' })
  const greedy = configWith({}, { limits: { memoryMiB: 4096 } })
  expect(checkMemory(greedy, { process: GIB, free: GIB })).toMatchObject({
    status: 'wrong',
    todo: expect.stringContaining('lower limits.memoryMiB')
  })
})

test('disk', async () => {
  expect(await checkDisk(undefined, folder)).toMatchObject({
    check: 'disk',
    text: expect.stringMatching(/MiB are free at /)
  })
  await expect(checkDisk(undefined, join(folder, 'none'))).rejects.toThrow('ENOENT')
})

test('disk: the spool, wherever it is and whether or not it is there yet', async () => {
  const directory = join(folder, 'spool')
  const spool = (maxBytes: number): { directory: string; maxBytes: number } => ({ directory, maxBytes })
  const text = (place: string): unknown =>
    expect.stringContaining(`are free at ${place}, where the spool may`)
  expect(await checkDisk(spool(1e6))).toMatchObject({ status: 'ok', text: text(folder) })
  expect(await checkDisk(spool(2 ** 60))).toMatchObject({
    status: 'wrong',
    todo: expect.stringContaining('lower spool.maxBytes'),
    chapter: 'TdaStalled'
  })
  await mkdir(directory)
  await writeFile(join(directory, '0.spool'), Buffer.alloc(5000))
  expect(await checkDisk(spool(1e6))).toMatchObject({ status: 'ok', text: text(directory) })
})

test('the cluster: addresses that clients are sent to', async () => {
  const found = await checkCluster(
    ['127.0.0.1:1'],
    [
      { id: 1, address: '127.0.0.1:1' },
      { id: 2, address: broker },
      { id: 3, address: 'nowhere' }
    ]
  )
  expect(found.map(({ status, text }) => [status, text])).toEqual([
    ['ok', `a cluster of 3: 1 at 127.0.0.1:1, 2 at ${broker}, 3 at nowhere`],
    ['wrong', 'the cluster sends its clients to nowhere, which cannot be reached: no host:port']
  ])
})

test('the state topic has a partition for each of the input', async () => {
  const mesh = new InProcessEventMesh()
  const config = configWith()
  const look = (): Promise<Finding> => checkStateTopic(mesh, config)
  expect(await look()).toMatchObject({ status: 'note', text: expect.stringContaining('with 4 partitions') })
  await mesh.createStream(config.output.stateTopic, 4)
  expect(await look()).toMatchObject({ status: 'ok' })
  await mesh.createStream(config.input.topic, 6)
  expect(await look()).toMatchObject({
    status: 'wrong',
    text: '"tda.state" has 4 partitions, "tda.points" has 6',
    todo: expect.stringContaining('--partitions 6'),
    chapter: 'TdaWaitingForPartitions'
  })
  await mesh.close()
})

test('every broker is tried by itself', async () => {
  const closed = createServer()
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve))
  const { port } = closed.address() as AddressInfo
  await new Promise((resolve) => closed.close(resolve))
  const found = await checkBrokers([broker, `127.0.0.1:${port}`, 'nowhere'])
  expect(found.map(({ status, text }) => [status, text])).toEqual([
    ['ok', `${broker} accepts connections`],
    ['wrong', `127.0.0.1:${port} cannot be reached: ECONNREFUSED`],
    ['wrong', 'nowhere cannot be reached: no host:port']
  ])
  expect(found[1]!.chapter).toBe('TdaBrokerDown')
})

test('topics that are there, and those that come', async () => {
  const mesh = new InProcessEventMesh()
  const config = configWith()
  await mesh.createStream(config.input.topic, 3)
  const found = await checkTopics(mesh, config)
  expect(found.map(({ status }) => status)).toEqual(['ok', 'note', 'note'])
  expect(found[0]!.text).toBe('"tda.points" has 3 partitions')
  await mesh.close()
})

const bounds = (low: number, high: number): AskedMesh =>
  ({ bounds: () => Promise.resolve({ low, high }) }) as unknown as AskedMesh

test('lag: little, much, lost, never read', async () => {
  const lag = (low: number, high: number, committed: number | null): Promise<Finding> =>
    checkLag(bounds(low, high), 'points', 'g', new Map([[0, committed]]))
  expect(await lag(0, 100, 90)).toMatchObject({
    status: 'ok',
    text: 'group "g" at "points" is 10 records behind'
  })
  expect(await lag(0, 20_000, 0)).toMatchObject({ status: 'wrong', chapter: 'TdaLagGrowing' })
  expect(await lag(50, 100, 20)).toMatchObject({
    status: 'wrong',
    text: expect.stringContaining('removed 30 records')
  })
  expect(await lag(40, 100, null)).toMatchObject({
    status: 'ok',
    text: expect.stringContaining('60 records behind (1 of 1 partitions were never read)')
  })
})

test('clock: records from the future', async () => {
  const mesh = new InProcessEventMesh()
  await mesh.createStream('points', 2)
  expect(await checkClock(mesh, 'points')).toMatchObject({ status: 'note' })
  const nowMs = Date.now()
  await mesh.publish('points', [{ key: 'a', value: '1', timestamp: nowMs }])
  expect(await checkClock(mesh, 'points', nowMs)).toMatchObject({ status: 'ok' })
  expect(await checkClock(mesh, 'points', nowMs - 5000)).toMatchObject({
    status: 'wrong',
    text: 'the newest record of "points" is 5.0 s in the future'
  })
  await mesh.close()
})

test('a running daemon: live, ready, and what its metrics say', async () => {
  const metrics = calmMetrics()
  metrics.brokerUp(true)
  let health = healthOf({ kind: 'running' })
  const server = await startHttpServer({ host: '127.0.0.1', port: 0, metrics, health: () => health })
  const look = async (): Promise<(string | undefined)[][]> =>
    (await checkDaemon(server.url, true, 1)).map(({ status, chapter }) => [status, chapter])
  expect(await look()).toEqual([['ok', undefined]])
  metrics.memoryRatio(0.9)
  expect(await look()).toEqual([['wrong', 'TdaMemoryHigh']])
  metrics.memoryRatio(0.1)
  health = healthOf({ kind: 'restoring', partitions: [1] })
  metrics.state('restoring')
  expect(await look()).toEqual([['wrong', 'TdaRestoreTooLong']])
  health = healthOf({ kind: 'running' }, 'no broker answers')
  metrics.state('running')
  metrics.brokerUp(false)
  expect(await look()).toEqual([['wrong', 'TdaBrokerDown']])
  health = healthOf({ kind: 'failed', cause: new TdaError('BROKER', 'gone') })
  metrics.brokerUp(true)
  expect(await look()).toEqual([['wrong', 'TdaDaemonDown']])
  await server.close()
  expect(await look()).toEqual([['wrong', 'TdaDaemonDown']])
  expect((await checkDaemon(server.url, false))[0]!.status).toBe('note')
})

test('messages of this package say what and what to do', () => {
  expect(wrongBy('brokers', new TdaError('BROKER', 'no answer; check it; and that'))).toMatchObject({
    text: 'no answer',
    todo: 'check it; and that'
  })
  expect(wrongBy('disk', 'odd')).toMatchObject({ text: 'odd', todo: 'see the message', chapter: CHECKS.disk })
})

test('as a command: everything is looked at, each problem has a hint, and the exit code says so', async () => {
  const path = join(folder, 'c.yaml')
  await writeFile(
    path,
    `kafka: { brokers: ['127.0.0.1:1'] }\ninput: { channels: [v] }\nscales: [{ name: a, window: 4, filtration: sublevel }]\nhttp: { port: 1 }\n`
  )
  const terminal = fakeTerminal()
  expect(await runProgram(['doctor', '--config', path], terminal)).toBe(1)
  expect(terminal.out()).toMatch(/^ok {5}node {11}Node /m)
  expect(terminal.out()).toMatch(
    /^wrong {2}brokers {8}127\.0\.0\.1:1 cannot be reached: .*\n {22}correct kafka\.brokers.* \(docs\/runbook\.md#tdabrokerdown\)$/m
  )
  expect(terminal.out()).toMatch(/^note {3}daemon {9}the daemon at http:\/\/127\.0\.0\.1:1 /m)
  await writeFile(path, 'scales: []\n')
  const json = fakeTerminal()
  expect(await runProgram(['doctor', '--config', path, '--json'], json)).toBe(1)
  const found = json
    .out()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Finding)
  expect(found.filter(({ status }) => status === 'wrong').map(({ check }) => check)).toContain(
    'configuration'
  )
  const nothing = fakeTerminal()
  expect(await runProgram(['doctor'], nothing)).toBe(0)
  expect(nothing.out()).toMatch(/\nnothing is wrong\n$/)
  expect(await runProgram(['doctor', '--daemon', '127.0.0.1:1'], fakeTerminal())).toBe(1)
})
