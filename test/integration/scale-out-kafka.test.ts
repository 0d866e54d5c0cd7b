/**
 * Scaling out over a real Kafka: KAFKA_BROKERS=$(node scripts/kafka.mjs up) npm test -- scale-out. Daemons of one group share the
 * partitions of a topic while one is added, one killed (SIGKILL) and one paused (SIGSTOP) for longer than its session; who reads
 * committed records finds the undisturbed run's bytes, each once.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { validateConfig } from '../../lib/config/load.js'
import type { MeshRecord } from '../../lib/mesh/event-mesh.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import { countRecords, readWhole, undisturbedRun } from '../support/kafka-world.js'
import { seeded, type MemorySink } from '../support/pipeline-world.js'
import { root } from '../support/run-command.js'
import { WatchedProcess } from '../support/watched-process.js'

const brokers = process.env['KAFKA_BROKERS']
const PARTITIONS = 6
const STREAMS = 24
const POLL_MS = 50
const UNTIL_MS_MAX = 180_000

if (brokers === undefined) {
  test.skip('scale-out on a real broker: skipped, because KAFKA_BROKERS names none', () => {})
} else {
  test('simulation: a member that is added, killed or paused changes who does the work, and no byte', async () => {
    const world = await World.open(brokers)
    try {
      const producing = world.produceUntilDone()
      const [first, second] = [world.start(), world.start()]
      await world.until(
        'two share the partitions',
        () => first.held > 0 && second.held > 0 && world.held === PARTITIONS
      )

      const third = world.start()
      await world.until('the one that was added has some', () => third.held > 0 && world.held === PARTITIONS)
      await world.untilMore(500)

      first.signal('SIGKILL')
      await world.until(
        'the killed one has lost its partitions',
        () => second.held + third.held === PARTITIONS
      )
      await world.untilMore(500)

      second.signal('SIGSTOP')
      await world.until('the paused one has lost its partitions', () => third.held === PARTITIONS)
      await world.untilMore(500)
      const assignments = second.assignments
      second.signal('SIGCONT')
      const isBack = (): boolean => second.assignments > assignments && second.held > 0
      await world.until('the resumed one has some again', () => isBack() && world.held === PARTITIONS)
      await world.untilMore(500)

      world.stopProducing()
      await producing
      const whole = await world.undisturbed()
      await world.until('all is out', () => world.seen >= whole.published)
      for (const member of [second, third]) {
        member.signal('SIGTERM')
        expect(await member.ended).toBe(0)
      }
      const values = new Map<string, string[]>()
      for (const { key, value } of await world.read(world.output)) {
        const stream = String(key)
        const ofStream = values.get(stream) ?? []
        ofStream.push(String(value))
        values.set(stream, ofStream)
      }
      expect([...values.keys()].sort()).toEqual([...whole.values.keys()].sort())
      for (const [stream, expected] of whole.values) {
        expect(`${stream}: ${values.get(stream)!.length}`).toBe(`${stream}: ${expected.length}`)
        expect(values.get(stream)!.join('\n') === expected.join('\n')).toBe(true)
      }
    } finally {
      await world.close()
    }
  }, 900_000)
}

/** A daemon, and what its log says of the partitions it holds. */
class Member {
  readonly ended: Promise<number | null>
  readonly #process: WatchedProcess
  #gone = false
  /** It has ended though nobody asked it to. */
  failed = false

  constructor(process: WatchedProcess) {
    this.#process = process
    this.ended = process.ended
    void this.ended.then(() => (this.failed = !this.#gone))
  }

  get output(): string {
    return this.#process.output
  }

  /** Partitions that it was assigned and has not given up; none while it is killed or paused. */
  get held(): number {
    return this.#gone ? 0 : this.#history().held.size
  }

  /** How often it was assigned partitions. */
  get assignments(): number {
    return this.#history().assignments
  }

  signal(signal: NodeJS.Signals): void {
    this.#gone = signal !== 'SIGCONT'
    this.#process.kill(signal)
  }

  #history(): { readonly held: ReadonlySet<number>; readonly assignments: number } {
    const held = new Set<number>()
    let assignments = 0
    const lines = this.output.split('\n').slice(0, -1)
    for (const line of lines.filter((text) => text.startsWith('{'))) {
      const said = JSON.parse(line) as { readonly msg: string; readonly partitions: readonly unknown[] }
      if (said.msg === 'partitions assigned') {
        for (const { partition } of said.partitions as { partition: number }[]) held.add(partition)
        if (said.partitions.length > 0) assignments += 1
      } else if (said.msg === 'partitions revoked') {
        for (const partition of said.partitions as number[]) held.delete(partition)
      }
    }
    return { held, assignments }
  }
}

class World {
  readonly output: string
  readonly #mesh: KafkaEventMesh
  readonly #input: string
  readonly #config: object
  readonly #folder: string
  readonly #random = seeded(3)
  readonly #members: Member[] = []
  readonly #stop = new AbortController()
  /** Of reading the results. */
  #failure: unknown = null
  #producing = true
  #sent = 0
  #seen = 0

  static async open(brokers: string): Promise<World> {
    const mesh = await KafkaEventMesh.connect({ brokers: brokers.split(',') })
    const prefix = `scale-out-${Date.now()}`
    const folder = await mkdtemp(join(tmpdir(), 'tda-scale-out-'))
    const world = new World(mesh, brokers, prefix, folder)
    await mesh.createStream(world.#input, PARTITIONS)
    await mesh.createStream(world.output, PARTITIONS)
    await writeFile(join(folder, 'config.yaml'), JSON.stringify(world.#config))
    const more = (records: number): void => void (world.#seen += records)
    countRecords(mesh, world.output, world.#stop.signal, more).catch(
      (error: unknown) => (world.#failure = error)
    )
    return world
  }

  private constructor(mesh: KafkaEventMesh, brokers: string, prefix: string, folder: string) {
    this.#mesh = mesh
    this.#folder = folder
    this.#input = `${prefix}-points`
    this.output = `${prefix}-diagrams`
    this.#config = {
      kafka: {
        brokers: brokers.split(','),
        groupId: prefix,
        librdkafka: { 'session.timeout.ms': 6000, 'heartbeat.interval.ms': 500 }
      },
      input: { topic: this.#input, partitions: PARTITIONS, channels: ['x'] },
      output: {
        topic: this.output,
        deadLetterTopic: `${prefix}-letters`,
        stateTopic: `${prefix}-state`,
        partitions: PARTITIONS
      },
      scales: [
        { name: 'short', window: 16, slide: 2, filtration: 'sublevel' },
        { name: 'long', window: 128, slide: 7, filtration: 'superlevel' }
      ],
      publish: { snapshotEvery: 20 },
      pipeline: { workers: 1, recordsMax: 200 },
      http: { port: 0 }
    }
  }

  /** Updates that a reader of committed records has seen so far. */
  get seen(): number {
    return this.#seen
  }

  /** Partitions that somebody holds. */
  get held(): number {
    return this.#members.reduce((sum, { held }) => sum + held, 0)
  }

  start(): Member {
    const main = join(root, 'dist/lib/cli/main.js')
    const args = [main, 'run', '--config', join(this.#folder, 'config.yaml')]
    const member = new Member(new WatchedProcess(spawn(process.execPath, args)))
    this.#members.push(member)
    return member
  }

  /** @throws with what the members said. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const deadlineMs = performance.now() + UNTIL_MS_MAX
    while (!holds()) {
      if (this.#failure !== null) throw this.#failure as Error
      if (performance.now() > deadlineMs || this.#members.some(({ failed }) => failed)) {
        throw new Error(`${what}: not so.\n${this.#members.map(({ output }) => output).join('\n\n')}`)
      }
      await delay(POLL_MS)
    }
  }

  async untilMore(updates: number): Promise<void> {
    const wanted = this.#seen + updates
    await this.until(`${updates} more updates`, () => this.#seen >= wanted)
  }

  /** About 1 000 records a second to all partitions, so that everything happens in mid-stream. */
  async produceUntilDone(): Promise<void> {
    while (this.#producing) {
      const records = Array.from({ length: 50 }, () => {
        const stream = this.#sent++ % STREAMS
        return {
          key: `stream-${stream}`,
          partition: stream % PARTITIONS,
          value: `{"x":${Math.floor(this.#random() * 50)}}`
        }
      })
      await this.#mesh.publish(this.#input, records)
      await delay(POLL_MS)
    }
  }

  stopProducing(): void {
    this.#producing = false
  }

  /** What one member that nothing happens to puts out for the same log. */
  undisturbed(): Promise<MemorySink> {
    return undisturbedRun(this.#mesh, validateConfig(this.#config), PARTITIONS)
  }

  read(topic: string): Promise<MeshRecord[]> {
    return readWhole(this.#mesh, topic, PARTITIONS)
  }

  async close(): Promise<void> {
    this.#producing = false
    this.#stop.abort()
    for (const member of this.#members) member.signal('SIGKILL')
    await Promise.all(this.#members.map(({ ended }) => ended))
    await this.#mesh.close()
    await rm(this.#folder, { recursive: true })
  }
}
