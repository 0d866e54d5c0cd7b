/** `doctor` at a real Kafka: KAFKA_BROKERS=$(node scripts/kafka.mjs up) npm test -- doctor-kafka. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Finding } from '../../lib/cli/doctor/finding.js'
import { runProgram } from '../../lib/cli/program.js'
import { LIMITS } from '../../lib/cli/top/conditions.js'
import { groupOffsets } from '../../lib/mesh/group-offsets.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import { deleteTopics } from '../../lib/mesh/kafka-topics.js'
import { fakeTerminal } from '../support/fake-terminal.js'
import { Reader } from '../support/mesh-conformance.js'

const brokers = process.env['KAFKA_BROKERS']

if (brokers === undefined) {
  test.skip('doctor at a real broker: skipped, because KAFKA_BROKERS names none', () => {})
} else {
  const list = brokers.split(',')
  const name = `doctor-${Date.now()}`
  const topics = {
    points: `${name}-points`,
    out: `${name}-out`,
    letters: `${name}-letters`,
    state: `${name}-state`
  }
  let mesh: KafkaEventMesh
  let folder = ''
  beforeAll(async () => {
    mesh = await KafkaEventMesh.connect({ brokers: list })
    folder = await mkdtemp(join(tmpdir(), 'tda-doctor-'))
  })
  afterAll(async () => {
    await mesh.close()
    await deleteTopics(list, Object.values(topics))
    await rm(folder, { recursive: true })
  })

  async function look(): Promise<{ code: number; found: Finding[] }> {
    const path = join(folder, 'tda.yaml')
    const config = {
      kafka: { brokers: list, groupId: name },
      input: { topic: topics.points, partitions: 2, channels: ['x'] },
      output: { topic: topics.out, deadLetterTopic: topics.letters, stateTopic: topics.state, partitions: 1 },
      scales: [{ name: 'short', window: 64, slide: 8, filtration: 'sublevel' }],
      http: { port: 0 }
    }
    await writeFile(path, JSON.stringify(config))
    const terminal = fakeTerminal()
    const code = await runProgram(['doctor', '--config', path, '--json'], terminal)
    const found = terminal
      .out()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Finding)
    return { code, found }
  }

  /** Of one check: status and text, in order. */
  const of = (found: readonly Finding[], check: string): string[] =>
    found.filter((one) => one.check === check).map(({ status, text }) => `${status}: ${text}`)

  const committed = (): Promise<ReadonlyMap<number, number | null>> =>
    groupOffsets({ brokers, settings: {}, groupId: name, topic: topics.points, partitions: 2 })

  async function commit(next: ReadonlyMap<number, number>): Promise<void> {
    const member = new Reader(await mesh.subscribe(topics.points, { groupId: name }))
    await member.nextOf('assigned')
    await member.records(1) // It holds them once it reads.
    expect(await member.subscription.commit(next)).toEqual(new Set(next.keys()))
    await member.close()
  }

  test('topics that are missing, a group that is even, one that is behind, a state topic that is too narrow', async () => {
    const missing = await look()
    expect(of(missing.found, 'topics')).toHaveLength(4)
    for (const line of of(missing.found, 'topics'))
      expect(line).toMatch(/^note: "doctor-.*" is not there; the daemon/)
    expect(of(missing.found, 'lag')).toEqual([])
    expect(missing.code).toBe(0)

    await mesh.createStream(topics.points, 2)
    await mesh.createStream(topics.state, 2, { 'cleanup.policy': 'compact' })
    await mesh.createStream(topics.out, 1)
    await mesh.createStream(topics.letters, 1)
    expect([...(await committed())]).toEqual([
      [0, null],
      [1, null]
    ])
    const publish = (count: number, partition: number): Promise<void> =>
      mesh.publish(
        topics.points,
        Array.from({ length: count }, () => ({ key: 'k', value: '{"x":1}', partition }))
      )
    await publish(30, 0)
    await publish(10, 1)
    await commit(
      new Map([
        [0, 30],
        [1, 7]
      ])
    )
    expect([...(await committed())].sort()).toEqual([
      [0, 30],
      [1, 7]
    ])
    const healthy = await look()
    expect(healthy.found.filter(({ status }) => status === 'wrong')).toEqual([])
    expect(healthy.code).toBe(0)
    expect(of(healthy.found, 'brokers').at(-1)).toMatch(/^ok: a cluster of \d+: \d+ at \S+:\d+/)
    expect(of(healthy.found, 'topics').slice(0, 3)).toEqual([
      `ok: "${topics.points}" has 2 partitions`,
      `ok: "${topics.out}" has 1 partitions`,
      `ok: "${topics.letters}" has 1 partitions`
    ])
    expect(of(healthy.found, 'topics')[3]).toContain(`ok: "${topics.state}" has 2 partitions`)
    expect(of(healthy.found, 'lag')).toEqual([
      `ok: group "${name}" at "${topics.points}" is 3 records behind`
    ])
    expect(of(healthy.found, 'clock')[0]).toMatch(/^ok: /)

    const more = LIMITS.lagRecords + 1
    await publish(more, 0)
    const lagging = await look()
    expect(lagging.code).toBe(1)
    expect(of(lagging.found, 'lag')).toEqual([
      `wrong: group "${name}" at "${topics.points}" is ${more + 3} records behind`
    ])
    expect(lagging.found.find(({ check }) => check === 'lag')).toMatchObject({ chapter: 'TdaLagGrowing' })

    await deleteTopics(list, [topics.state])
    while ((await mesh.partitions(topics.state)) > 0) await new Promise((resolve) => setTimeout(resolve, 100))
    await mesh.createStream(topics.state, 1)
    while ((await mesh.partitions(topics.state)) === 0)
      await new Promise((resolve) => setTimeout(resolve, 100))
    const narrow = await look()
    expect(of(narrow.found, 'topics')[3]).toBe(
      `wrong: "${topics.state}" has 1 partitions, "${topics.points}" has 2`
    )
  })
}
