/** What the brokers say: reachable, topics, how far the group is, and whether their clock is ours. */
import { connect } from 'node:net'
import type { Config } from '../../config/schema.js'
import type { BrokerAddress } from '../../mesh/kafka-inspector.js'
import type { EventMesh, MeshRecord } from '../../mesh/event-mesh.js'
import { LIMITS } from '../top/conditions.js'
import { note, ok, wrong, type Finding } from './finding.js'

const CONNECT_MS = 3_000
/** Of a record that seems to come from the future: more than clocks kept by NTP differ. */
const CLOCK_MS_MAX = 2_000

/** The part of a mesh that is asked. */
export type AskedMesh = Pick<EventMesh, 'partitions' | 'bounds' | 'readPartition' | 'capabilities'>

/** Each address by itself: a client only needs one, and says nothing of the others. */
export async function checkBrokers(brokers: readonly string[], patienceMs = CONNECT_MS): Promise<Finding[]> {
  return Promise.all(
    brokers.map(async (broker) => {
      const reason = await unreachable(broker, patienceMs)
      if (reason === null) return ok('brokers', `${broker} accepts connections`)
      return wrong(
        'brokers',
        `${broker} cannot be reached: ${reason}`,
        'correct kafka.brokers, or look at the broker, name resolution and firewalls between'
      )
    })
  )
}

function unreachable(broker: string, patienceMs: number): Promise<string | null> {
  const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(broker.replace(/^\w+:\/\//, '')) ?? []
  if (host === '') return Promise.resolve('no host:port')
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), timeout: patienceMs })
    const settle = (reason: string | null): void => {
      socket.destroy()
      resolve(reason)
    }
    socket.once('connect', () => settle(null))
    socket.once('timeout', () => settle(`no answer within ${patienceMs / 1000} s`))
    socket.once('error', ({ code, message }: NodeJS.ErrnoException) => settle(code ?? message))
  })
}

export async function checkTopics(
  mesh: AskedMesh,
  { input, output }: Pick<Config, 'input' | 'output'>
): Promise<Finding[]> {
  const wanted = [
    { topic: input.topic, partitions: input.partitions },
    { topic: output.topic, partitions: output.partitions },
    { topic: output.deadLetterTopic, partitions: output.partitions }
  ]
  return Promise.all(
    wanted.map(async ({ topic, partitions }) => {
      const there = await mesh.partitions(topic)
      if (there > 0) return ok('topics', `"${topic}" has ${there} partitions`)
      const made = `"${topic}" is not there; the daemon makes it, with ${partitions} partitions`
      return note('topics', mesh.capabilities.createTopics ? made : `"${topic}" is not there yet`)
    })
  )
}

/** How the cluster presents itself: clients go on at the addresses it tells them, so these must be reachable as well. */
export async function checkCluster(
  configured: readonly string[],
  brokers: readonly BrokerAddress[],
  patienceMs = CONNECT_MS
): Promise<Finding[]> {
  const names = brokers.map(({ id, address }) => `${id} at ${address}`).join(', ')
  const cluster = ok('brokers', `a cluster of ${brokers.length}: ${names}`)
  const told = brokers.map(({ address }) => address).filter((address) => !configured.includes(address))
  const findings = await Promise.all(
    told.map(async (address) => {
      const reason = await unreachable(address, patienceMs)
      if (reason === null) return []
      const text = `the cluster sends its clients to ${address}, which cannot be reached: ${reason}`
      return [wrong('brokers', text, 'correct advertised.listeners of that broker, or the network between')]
    })
  )
  return [cluster, ...findings.flat()]
}

/** Every partition of the input keeps its state in the same partition of the state topic. */
export async function checkStateTopic(
  mesh: AskedMesh,
  { input, output }: Pick<Config, 'input' | 'output'>
): Promise<Finding> {
  const topic = output.stateTopic
  const [there, ofInput] = await Promise.all([mesh.partitions(topic), mesh.partitions(input.topic)])
  const wanted = ofInput || input.partitions
  if (there === 0) {
    return note(
      'topics',
      `"${topic}" is not there; the daemon makes it, compacted, with ${wanted} partitions`
    )
  }
  const text = `"${topic}" has ${there} partitions, "${input.topic}" has ${wanted}`
  if (there < wanted) {
    const command = `kafka-topics --alter --topic ${topic} --partitions ${wanted}`
    return wrong('topics', text, `add the missing ones (${command}); the daemon does not start without`)
  }
  return ok('topics', `${text}; that it is compacted only kafka-configs can tell (cleanup.policy=compact)`)
}

/** `committed`: what the group has committed, by partition. */
export async function checkLag(
  mesh: AskedMesh,
  topic: string,
  groupId: string,
  committed: ReadonlyMap<number, number | null>
): Promise<Finding> {
  let behind = 0
  let lost = 0
  let unread = 0
  for (const [partition, next] of committed) {
    const { low, high } = await mesh.bounds(topic, partition)
    behind += high - Math.max(low, next ?? low)
    if (next === null) unread += 1
    else lost += Math.max(0, low - next)
  }
  const group = `group "${groupId}" at "${topic}"`
  if (lost > 0) {
    return wrong(
      'lag',
      `${group}: retention removed ${lost} records before they were read`,
      'let the topic keep records for longer than the group may be away'
    )
  }
  const never = unread > 0 ? ` (${unread} of ${committed.size} partitions were never read)` : ''
  const text = `${group} is ${behind} records behind${never}`
  if (behind <= LIMITS.lagRecords) return ok('lag', text)
  return wrong(
    'lag',
    text,
    'start a daemon, or another one; "streaming-tda top" shows whether it is catching up'
  )
}

/** Whether the newest records are from the future: then this clock is behind, or that of a producer ahead. */
export async function checkClock(mesh: AskedMesh, topic: string, nowMs = Date.now()): Promise<Finding> {
  let newest: MeshRecord | undefined
  const partitions = await mesh.partitions(topic)
  for (let partition = 0; partition < partitions; partition++) {
    const { low, high } = await mesh.bounds(topic, partition)
    if (high === low) continue
    for await (const records of mesh.readPartition(topic, partition, { from: high - 1 })) {
      for (const record of records) if (record.timestamp > (newest?.timestamp ?? -Infinity)) newest = record
    }
  }
  if (newest === undefined) return note('clock', `"${topic}" has no record to compare the clock with`)
  const aheadMs = newest.timestamp - nowMs
  if (aheadMs <= CLOCK_MS_MAX) return ok('clock', `the newest record of "${topic}" is not from the future`)
  return wrong(
    'clock',
    `the newest record of "${topic}" is ${(aheadMs / 1000).toFixed(1)} s in the future`,
    'synchronise the clocks (NTP) of this machine and of the producers'
  )
}
