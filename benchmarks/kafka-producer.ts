/**
 * The producer of `bench kafka`, a process of its own and open loop: record n is due at n / rate, is sent then whatever
 * became of the others, and carries that time as its timestamp, so that waiting here counts as latency, too. It asks for
 * no delivery reports: one object a record would cost more than all the rest. Its parent ends it.
 */
import {
  brokerError,
  connectClient,
  errorNumber,
  loadKafka,
  RD_KAFKA,
  type LibrdKafkaError
} from '../lib/mesh/kafka-client.js'
import { type ProducerTask, type Sent, type ToProducer } from './kafka-case.js'
import { receive, report } from './kafka-process.js'
import { pipelineValues, streamOf } from './pipeline-records.js'

const TELL_MS = 100
const TICK_MS = 1
const CONNECT_MS = 10_000
const FLUSH_MS = 30_000
const POLL_MS = 50

async function serve(): Promise<void> {
  const task = await receive<ProducerTask>()
  const { Producer } = await loadKafka()
  const producer = new Producer(
    {
      'metadata.broker.list': task.brokers.join(','),
      'linger.ms': task.lingerMs,
      // No `dr_cb`, not even `false`: the client would keep every record until its report was asked for.
      'queue.buffering.max.messages': 1_000_000
    },
    {}
  )
  await connectClient(producer, task.brokers.join(','), CONNECT_MS)
  producer.setPollInterval(POLL_MS) // A record that was acknowledged leaves the client's queue when it is polled.
  const values = recordValues(task.pointsPerRecord)
  const keys = Array.from({ length: task.streams }, (_, stream) => streamOf(stream, task.streams))
  const topic = task.topic
  /** Of the client's own queue being full: the record is tried again in the next tick. */
  const send = (n: number, dueMs: number): boolean => {
    try {
      producer.produce(topic, null, values[n % values.length]!, keys[n % keys.length], Math.floor(dueMs))
      return true
    } catch (error) {
      if (errorNumber(error) === RD_KAFKA.QUEUE_FULL) return false
      throw error
    }
  }
  report({ kind: 'ready' })
  let next = 0
  for (;;) {
    const { records } = await receive<ToProducer>()
    next = await sendAll(send, next, next + records, task.rate)
    await new Promise<void>((resolve, reject) => {
      producer.flush(FLUSH_MS, (error: LibrdKafkaError | null) => {
        if (!error) resolve()
        else reject(brokerError(`publish to "${topic}"`, error))
      })
    })
    tell(next, 0, true)
  }
}

/** Sends records `first` to `end`, each when it is due. */
async function sendAll(
  send: (n: number, dueMs: number) => boolean,
  first: number,
  end: number,
  rate: number
): Promise<number> {
  const startMs = Date.now()
  let lateMs = 0
  let n = first
  let tellAtMs = startMs
  while (n < end) {
    const nowMs = Date.now()
    const due = Math.min(end, first + Math.floor(((nowMs - startMs) * rate) / 1000) + 1)
    let dueMs = nowMs
    for (; n < due; n++) {
      dueMs = startMs + ((n - first) * 1000) / rate
      if (!send(n, dueMs)) break
    }
    lateMs = Math.max(lateMs, nowMs - dueMs)
    if (nowMs >= tellAtMs) {
      tell(n, lateMs, false)
      lateMs = 0
      tellAtMs = nowMs + TELL_MS
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS))
  }
  return n
}

function tell(records: number, lateMs: number, done: boolean): void {
  const { user, system } = process.cpuUsage()
  report({ kind: 'sent', records, lateMs, done, cpuMs: (user + system) / 1000 } satisfies Sent)
}

/** Record `n` carries value `n` as JSON, or the points from `n * pointsPerRecord` on as float64. */
function recordValues(pointsPerRecord: number): Buffer[] {
  const values = pipelineValues()
  if (pointsPerRecord === 1) return Array.from(values, (value) => Buffer.from(`{"value":${value}}`))
  // As many records as there are different ones: they begin at multiples of their length, going round.
  const twice = new Float64Array(2 * values.length)
  twice.set(values)
  twice.set(values, values.length)
  const records: Buffer[] = []
  for (let n = 0; n === 0 || (n * pointsPerRecord) % values.length !== 0; n++) {
    const from = (n * pointsPerRecord) % values.length
    records.push(Buffer.from(twice.slice(from, from + pointsPerRecord).buffer))
  }
  return records
}

await serve()
