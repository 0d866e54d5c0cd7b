/**
 * The producer of `bench pipeline`, a process of its own: what is measured must not share its event loop. It publishes
 * one JSON point per record, round robin over the streams, and stays at most `aheadMax` records before what the parent
 * says is finished, because the embedded broker drops what exceeds its 5 MiB a partition.
 */
import { once } from 'node:events'
import { EMBEDDED_PARTITIONS } from '../lib/mesh/embedded-broker.js'
import type { OutgoingRecord } from '../lib/mesh/event-mesh.js'
import { KafkaEventMesh } from '../lib/mesh/kafka-mesh.js'
import {
  pipelineValues,
  streamOf,
  type FromProducer,
  type ProducerTask,
  type ToProducer
} from './pipeline-records.js'

const BATCH = 1000
const BATCHES_IN_FLIGHT = 4

async function produce(): Promise<void> {
  const inbox = new Inbox()
  const connect = await inbox.take('connect')
  const mesh = await KafkaEventMesh.connect({
    brokers: connect.brokers,
    autoCreatedPartitions: EMBEDDED_PARTITIONS
  })
  process.send?.('ready' satisfies FromProducer)
  const values = Array.from(pipelineValues(), (value) => `{"value":${value}}`)
  const published = new Map<string, number>()
  for (;;) {
    const task = await inbox.take('task', 'end')
    if (task.kind === 'end') break
    const first = published.get(task.topic) ?? 0
    published.set(task.topic, first + task.records)
    await publish(mesh, task, first, values, inbox)
  }
  await mesh.close()
  process.disconnect()
}

async function publish(
  mesh: KafkaEventMesh,
  { topic, streams, records, aheadMax }: ProducerTask,
  first: number,
  values: readonly string[],
  inbox: Inbox
): Promise<void> {
  const inFlight: Promise<void>[] = []
  for (let n = first; n < first + records;) {
    while (n + BATCH > inbox.finished(topic) + aheadMax) await inbox.changed()
    const end = Math.min(n + BATCH, first + records)
    const batch: OutgoingRecord[] = []
    for (; n < end; n++) batch.push({ key: streamOf(n, streams), value: values[n % values.length]! })
    if (inFlight.length >= BATCHES_IN_FLIGHT) await inFlight.shift()
    inFlight.push(mesh.publish(topic, batch))
  }
  await Promise.all(inFlight)
}

/** Messages of the parent: counts are remembered, the rest waits in a queue that only the parent's pace fills. */
class Inbox {
  readonly #finished = new Map<string, number>()
  readonly #queue: Exclude<ToProducer, { kind: 'finished' }>[] = []

  constructor() {
    process.on('message', (message: ToProducer) => {
      if (message.kind === 'finished') this.#finished.set(message.topic, message.records)
      else this.#queue.push(message)
    })
    process.on('disconnect', () => process.exit())
  }

  finished(topic: string): number {
    return this.#finished.get(topic) ?? 0
  }

  async changed(): Promise<void> {
    await once(process, 'message')
  }

  async take<Kind extends 'connect' | 'task' | 'end'>(
    ...kinds: Kind[]
  ): Promise<Extract<ToProducer, { kind: Kind }>> {
    for (;;) {
      const message = this.#queue.shift()
      if (message === undefined) await this.changed()
      else if (kinds.includes(message.kind as Kind)) return message as Extract<ToProducer, { kind: Kind }>
      else throw new Error(`the producer got "${message.kind}" and expected ${kinds.join(' or ')}`)
    }
  }
}

await produce()
