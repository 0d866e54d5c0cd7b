/** `streaming-tda restore` on the in-process mesh: what it publishes, and what a daemon goes on with. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, test } from '@jest/globals'
import { restore } from '../../lib/cli/restore.js'
import type { Terminal } from '../../lib/cli/terminal.js'
import type { Config } from '../../lib/config/schema.js'
import type { DiagramMessage } from '../../lib/diagram.js'
import type { EventMesh } from '../../lib/mesh/event-mesh.js'
import { DiagramReplica } from '../../lib/publishers/diagram-replica.js'
import { logOf, GROUP, RestoreWorld, shapeOf, TOPIC, type Shape } from '../support/restore-world.js'

const SCALES = `
  - { name: short, window: 8, slide: 3, filtration: sublevel, channel: x }
  - { name: span, window: 25s, slide: 10s, filtration: superlevel, channel: y, pointsMax: 40 }
  - { name: cloud, window: 12, slide: 4, filtration: rips }`

const settings = (onLoss: string, delivery = 'exactly-once'): string => `
delivery: ${delivery}
kafka: { brokers: [none], groupId: ${GROUP} }
input:
  topic: ${TOPIC}
  channels: [x, y]
  timestamp: { from: field, field: t, unit: ms }
publish: { snapshotEvery: 5, transactionInterval: 1ms }
pipeline: { workers: 1, recordsMax: 23 }
state: { interval: 1ms, onLoss: ${onLoss} }
log: { level: silent }
scales:${SCALES}
`

function file(onLoss = 'refuse', delivery?: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'tda-restore-')), 'tda.yaml')
  writeFileSync(path, settings(onLoss, delivery))
  return path
}

/** The log's timestamp of the i-th record. */
const atMs = (i: number): number => 1_000 * i

async function worldOf(): Promise<{ world: RestoreWorld; shape: Shape }> {
  const { loadConfig } = await import('../../lib/config/load.js')
  const config = await loadConfig(file(), 'broker')
  const shape: Shape = { ...shapeOf(1), partitions: 2, guarantee: 'exactly-once', mixed: false, config }
  const world = await RestoreWorld.make(shape)
  await world.publish(logOf(8, 240, false).map((record, i) => ({ ...record, timestamp: atMs(i) })))
  expect(await world.life()).toBeNull()
  return { world, shape }
}

interface Said {
  readonly terminal: Terminal
  readonly out: () => string
  readonly err: () => string
}

function listening(): Said {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  let out = ''
  let err = ''
  stdout.on('data', (text: Buffer) => (out += text.toString()))
  stderr.on('data', (text: Buffer) => (err += text.toString()))
  const terminal = { stdin, stdout, stderr, colours: false } as unknown as Terminal
  return { terminal, out: () => out, err: () => err }
}

/** Runs it on the world's mesh, which stays open. */
async function run(
  world: RestoreWorld,
  to: string,
  more: {
    outputTopic?: string
    dryRun?: boolean
    onLoss?: string
    delivery?: string
    /** In place of the mesh's own. */
    instead?: Partial<EventMesh>
  } = {}
): Promise<Said> {
  const said = listening()
  const { onLoss, delivery, instead = {}, dryRun = false, ...rest } = more
  const mesh = new Proxy(world.mesh, {
    get(target, name) {
      if (name === 'close') return () => Promise.resolve()
      if (name in instead) return instead[name as keyof EventMesh]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value
    }
  })
  await restore(
    { config: file(onLoss, delivery), to, dryRun, ...rest },
    said.terminal,
    () => Promise.resolve(mesh),
    2_000
  )
  return said
}

/** Messages of a stream and scale, in order. */
function byScale(values: ReadonlyMap<string, readonly string[]>): Map<string, DiagramMessage[]> {
  const found = new Map<string, DiagramMessage[]>()
  for (const [stream, texts] of values) {
    for (const text of texts) {
      const message = JSON.parse(text) as DiagramMessage
      const name = `${stream} ${message.scale}`
      found.set(name, [...(found.get(name) ?? []), message])
    }
  }
  return found
}

const isBefore = ({ window, partition }: DiagramMessage, at: readonly number[]): boolean =>
  window.last[0] < at[partition]!

test('in place: a snapshot of each stream and scale, and a daemon goes on with the very updates that followed', async () => {
  const { world } = await worldOf()
  const before = await world.results()
  const at = [60, 45]
  const said = await run(world, '0:60,1:45')
  expect(said.err()).toContain('partition 0: ')
  expect([...(await world.committed()).values()]).toEqual(at)
  const snapshots = byScale((await world.results()).values)
  expect(await world.life()).toBeNull()
  const after = byScale((await world.results()).values)
  let followed = 0
  for (const [name, messages] of byScale(before.values)) {
    const [snapshot, ...others] = snapshots.get(name)!.slice(messages.length)
    const rest = after.get(name)!.slice(messages.length + (snapshot ? 1 : 0))
    expect(others).toEqual([])
    // An update is due by a point later than its window where the slide is a duration: its sequence tells.
    const updates = messages.filter(({ type }) => type === 'update')
    const reached = snapshot?.sequence ?? 0
    expect(rest).toEqual(messages.filter(({ sequence }) => sequence > reached))
    expect(updates.filter((update) => isBefore(update, at)).length - reached).toBeLessThanOrEqual(1)
    if (!snapshot) continue
    const replica = new DiagramReplica()
    for (const message of messages)
      if (message.sequence <= reached && message.type === 'update') replica.apply(message)
    const found = new DiagramReplica()
    found.apply(snapshot)
    expect(found.pairs()).toEqual(replica.pairs())
    expect(snapshot.window).toEqual(updates[reached - 1]!.window)
    followed += 1
  }
  expect(followed).toBeGreaterThan(6)
})

test('a restore that goes on from a state leaves one to go on from in its place', async () => {
  const { world } = await worldOf()
  await run(world, '0:60,1:45')
  await run(world, '0:80,1:60')
  for (const [partition, position] of [80, 60].entries())
    expect(await world.state(partition)).toMatchObject({ reason: null, state: { position } })
})

test('into another topic: the same snapshots, and nothing of the group changes', async () => {
  const { world } = await worldOf()
  const before = await world.results()
  const committed = [...(await world.committed()).values()]
  const state = await world.stateRecords()
  await run(world, '0:60,1:45', { outputTopic: 'then' })
  expect(await world.results()).toEqual(before)
  expect(await world.stateRecords()).toEqual(state)
  expect([...(await world.committed()).values()]).toEqual(committed)
  const then: string[] = []
  for (let partition = 0; partition < 4; partition++) {
    for await (const records of world.mesh.readPartition('then', partition)) {
      for (const { value } of records) then.push(Buffer.from(value!).toString())
    }
  }
  await run(world, '0:60,1:45')
  const inPlace: string[] = []
  for (const [stream, values] of (await world.results()).values) {
    for (const value of values.slice(before.values.get(stream)!.length)) inPlace.push(value)
  }
  expect(then.sort()).toEqual(inPlace.sort())
})

test('a dry run says what would be done and does nothing', async () => {
  const { world } = await worldOf()
  const before = await world.results()
  const said = await run(world, '0:60', { dryRun: true })
  expect(said.out()).toMatch(
    /^partition 0: windows as of offset 60, of 0 to \d+ retained; the \d+ records from there on/
  )
  expect(said.out()).toContain(`offsets and state of the group "${GROUP}"`)
  expect(said.out()).not.toContain('partition 1')
  expect(await world.results()).toEqual(before)
})

test('a timestamp is that of the log', async () => {
  const { world } = await worldOf()
  const to = atMs(100) + 500
  const said = await run(world, new Date(to).toISOString(), { dryRun: true })
  for (const partition of [0, 1]) {
    let before = 0
    for await (const records of world.mesh.readPartition(TOPIC, partition))
      before += records.filter(({ timestamp }) => timestamp < to).length
    const { high } = await world.mesh.bounds(TOPIC, partition)
    expect(before).toBeGreaterThan(0)
    expect(before).toBeLessThan(high)
    expect(said.out()).toContain(
      `partition ${partition}: windows as of offset ${before}, of 0 to ${high} retained`
    )
  }
})

test.each([
  ['nonsense', 'expected an ISO 8601 timestamp'],
  ['9999999', 'retains offsets 0 to'],
  ['7:0', 'has partitions 0 to 1']
])('--to %s is refused', async (to, message) => {
  const { world } = await worldOf()
  const error: unknown = await run(world, to).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'USAGE' })
  expect((error as Error).message).toContain(message)
})

test('it does not join under the name of the daemon, whose place it would take', async () => {
  const { world } = await worldOf()
  const path = file()
  writeFileSync(path, readFileSync(path, 'utf8').replace('groupId:', 'instanceId: daemon-0, groupId:'))
  const names: unknown[] = []
  const connect = (config: Config): Promise<EventMesh> => {
    names.push(config.kafka)
    return Promise.resolve(world.mesh)
  }
  await restore({ config: path, to: '10', dryRun: true }, listening().terminal, connect)
  expect(names).toEqual([expect.objectContaining({ groupId: GROUP, instanceId: undefined })])
})

test('while another member is in the group it is refused', async () => {
  const { world } = await worldOf()
  const member = await world.mesh.subscribe(TOPIC, { groupId: GROUP })
  await expect(run(world, '10')).rejects.toThrow()
  await member.close()
})

test('at least once, where the group does not take the offsets: an error, however well the results went out', async () => {
  const { world } = await worldOf()
  const before = await world.committed()
  const subscribe: EventMesh['subscribe'] = async (topic, options) => {
    const source = await world.mesh.subscribe(topic, options)
    source.commit = () => Promise.resolve(new Set<number>()) // As when a daemon of the group takes its partitions.
    return source
  }
  const restoring = run(world, '0:60,1:45', { delivery: 'at-least-once', instead: { subscribe } })
  await expect(restoring).rejects.toMatchObject({ code: 'BROKER' })
  expect(await world.committed()).toEqual(before)
  await run(world, '0:60,1:45', { delivery: 'at-least-once' })
  expect([...(await world.committed()).values()]).toEqual([60, 45])
})

test('a log that is not what the state speaks of: STATE_LOST, with what to do', async () => {
  const { world } = await worldOf()
  await world.forgeState((record) => ({ ...record, next: record.next + 1 }))
  const end = (await world.mesh.bounds(TOPIC, 0)).high
  const error: unknown = await run(world, `0:${end}`).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'STATE_LOST' })
  expect((error as Error).message).toMatch(/is not the log its state speaks of: .*rebuild-from-earliest/)
})

test('without the beginning of the log and a state of then, state.onLoss decides', async () => {
  const { world } = await worldOf()
  world.mesh.trim(TOPIC, 0, 20)
  await expect(run(world, '0:60')).rejects.toMatchObject({ code: 'STATE_LOST' })
  await run(world, '0:60', { onLoss: 'rebuild-from-earliest' })
  expect((await world.committed()).get(0)).toBe(60)
})
