/**
 * Exactly once over a real Kafka: KAFKA_BROKERS=$(node scripts/kafka.mjs up) npm test -- exactly-once. Daemons are killed
 * (SIGKILL) in the middle of a stream; who reads committed records finds the undisturbed run's bytes, each once.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { validateConfig } from '../../lib/config/load.js'
import type { MeshRecord } from '../../lib/mesh/event-mesh.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import { countRecords, readWhole, undisturbedRun } from '../support/kafka-world.js'
import { seeded, type MemorySink } from '../support/pipeline-world.js'
import { root } from '../support/run-command.js'
import { WatchedProcess } from '../support/watched-process.js'

const brokers = process.env['KAFKA_BROKERS']
const PARTITIONS = 3
const STREAMS = 5

interface Run {
  readonly name: string
  readonly seed: number
  readonly kills: number
  readonly kafka: object
}

if (brokers === undefined) {
  test.skip('exactly once on a real broker: skipped, because KAFKA_BROKERS names none', () => {})
} else {
  test.each<Run>([
    { name: 'static members', seed: 1, kills: 5, kafka: { instanceId: 'daemon-1' } },
    {
      name: 'dynamic members',
      seed: 2,
      kills: 2,
      kafka: { librdkafka: { 'session.timeout.ms': 6000, 'heartbeat.interval.ms': 500 } }
    }
  ])(
    'simulation: kill -9 in mid-stream leaves no gap, no repeat and no other byte ($name)',
    async (run) => {
      const world = await World.open(brokers, run)
      try {
        const producing = world.produceUntilDone()
        const random = seeded(run.seed)
        for (let kill = 0; kill < run.kills; kill++) {
          const daemon = world.start()
          await world.untilSeen(world.seen + 50 + Math.floor(random() * 800), daemon)
          daemon.kill('SIGKILL')
          expect(await daemon.ended).toBeNull()
        }
        world.stopProducing()
        await producing
        const whole = await world.undisturbed()
        const last = world.start()
        await world.untilSeen(whole.published, last)
        last.kill('SIGTERM')
        expect(await last.ended).toBe(0)

        const published = await world.read(world.output)
        const values = new Map<string, string[]>()
        for (const { key, value } of published) {
          const stream = String(key)
          values.set(stream, [...(values.get(stream) ?? []), String(value)])
        }
        expect([...values.keys()].sort()).toEqual([...whole.values.keys()].sort())
        for (const [stream, expected] of whole.values) {
          expect(`${stream}: ${values.get(stream)!.length}`).toBe(`${stream}: ${expected.length}`)
          expect(values.get(stream)!.join('\n') === expected.join('\n')).toBe(true)
        }
        const letters = (await world.read(world.letters)).map((letter) => String(letter.value))
        expect(letters.sort()).toEqual(whole.rejected.map(({ record }) => String(record.value)).sort())
        expect(letters.length).toBeGreaterThan(0)
      } finally {
        await world.close()
      }
    },
    900_000
  )
}

const neverEnds = (): Promise<never> => new Promise(() => {})

class World {
  readonly output: string
  readonly letters: string
  readonly #mesh: KafkaEventMesh
  readonly #input: string
  readonly #config: object
  readonly #folder: string
  readonly #random: () => number
  readonly #daemons: WatchedProcess[] = []
  readonly #watching = new AbortController()
  #producing = true
  #seen = 0
  #changed: () => void = () => undefined
  /** Rejects when reading the results fails. */
  #failed: Promise<never> = new Promise(() => {})

  static async open(brokers: string, run: Run): Promise<World> {
    const mesh = await KafkaEventMesh.connect({ brokers: brokers.split(',') })
    const prefix = `eo-${Date.now()}-${run.seed}`
    const folder = await mkdtemp(join(tmpdir(), 'tda-exactly-once-'))
    const world = new World(mesh, brokers, prefix, folder, run)
    for (const topic of [world.#input, world.output, world.letters]) {
      await mesh.createStream(topic, PARTITIONS)
    }
    await writeFile(join(folder, 'config.yaml'), JSON.stringify(world.#config))
    const more = (records: number): void => {
      world.#seen += records
      world.#changed()
    }
    world.#failed = countRecords(mesh, world.output, world.#watching.signal, more).then(neverEnds)
    world.#failed.catch(() => {})
    return world
  }

  private constructor(mesh: KafkaEventMesh, brokers: string, prefix: string, folder: string, run: Run) {
    this.#mesh = mesh
    this.#folder = folder
    this.#random = seeded(run.seed)
    this.#input = `${prefix}-points`
    this.output = `${prefix}-diagrams`
    this.letters = `${prefix}-letters`
    this.#config = {
      kafka: { brokers: brokers.split(','), groupId: prefix, ...run.kafka },
      input: { topic: this.#input, partitions: PARTITIONS, channels: ['x'] },
      output: {
        topic: this.output,
        deadLetterTopic: this.letters,
        stateTopic: `${prefix}-state`,
        partitions: PARTITIONS
      },
      scales: [
        { name: 'short', window: 16, slide: 2, filtration: 'sublevel' },
        { name: 'long', window: 256, slide: 7, filtration: 'superlevel' }
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

  start(): WatchedProcess {
    const main = join(root, 'dist/lib/cli/main.js')
    const args = [main, 'run', '--config', join(this.#folder, 'config.yaml')]
    const daemon = new WatchedProcess(spawn(process.execPath, args))
    this.#daemons.push(daemon)
    return daemon
  }

  /** Rejects when the daemon ends before. */
  async untilSeen(count: number, daemon: WatchedProcess): Promise<void> {
    const ended = daemon.ended.then((code) => {
      throw new Error(`the daemon ended with ${code}:\n${daemon.output}`)
    })
    ended.catch(() => {})
    while (this.#seen < count) {
      await Promise.race([new Promise<void>((resolve) => (this.#changed = resolve)), ended, this.#failed])
    }
  }

  /** About 2 500 records a second, one in fifty of them broken, so that every kill is in mid-stream. */
  async produceUntilDone(): Promise<void> {
    while (this.#producing) {
      const records = Array.from({ length: 50 }, () => ({
        key: `stream-${Math.floor(this.#random() * STREAMS)}`,
        value: this.#random() < 0.02 ? '{"x":' : `{"x":${Math.floor(this.#random() * 50)}}`
      }))
      await this.#mesh.publish(this.#input, records)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  stopProducing(): void {
    this.#producing = false
  }

  /** What a run without any kill puts out for the same log. */
  undisturbed(): Promise<MemorySink> {
    return undisturbedRun(this.#mesh, validateConfig(this.#config), PARTITIONS)
  }

  read(topic: string): Promise<MeshRecord[]> {
    return readWhole(this.#mesh, topic, PARTITIONS)
  }

  async close(): Promise<void> {
    this.#producing = false
    this.#watching.abort()
    for (const daemon of this.#daemons) daemon.kill('SIGKILL')
    await Promise.all(this.#daemons.map(({ ended }) => ended))
    await this.#mesh.close()
    await rm(this.#folder, { recursive: true })
  }
}
