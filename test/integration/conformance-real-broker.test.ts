/** The same conformance over a real Kafka, where there is one: KAFKA_BROKERS=$(node scripts/kafka.mjs up) npm test. */
import { test } from '@jest/globals'
import { BrokerGuard } from '../../lib/mesh/broker-guard.js'
import type { EventMesh, Transaction } from '../../lib/mesh/event-mesh.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import { describeMesh } from '../support/mesh-conformance.js'

const brokers = process.env['KAFKA_BROKERS']

/** The first group and the first transaction of a cluster make topics of its own, which takes seconds where it is busy. */
const CONNECT_MS = 60_000

const CAPABILITIES = {
  transactions: true,
  createTopics: true,
  offsetsForTimes: true,
  compaction: true,
  groups: true
}

if (brokers === undefined) {
  test.skip('a real broker: skipped, because KAFKA_BROKERS names none', () => {})
} else {
  for (const columnar of [true, false]) {
    const name = `a real broker, read ${columnar ? 'in columns' : 'by node-rdkafka'}`
    describeMesh(name, CAPABILITIES, async () => {
      const mesh = await KafkaEventMesh.connect({
        brokers: brokers.split(','),
        columnar,
        connectTimeoutMs: CONNECT_MS
      })
      return { mesh: fresh(mesh, `conformance-${Date.now()}-`), close: () => mesh.close() }
    })
  }
}

/** A real broker keeps what former runs left: topics and groups get a name of this run. */
function fresh(mesh: EventMesh, prefix: string): EventMesh {
  /** A commit that timed out is asked for again, as the daemon does. */
  const guard = new BrokerGuard()
  return {
    description: mesh.description,
    capabilities: mesh.capabilities,
    publish: (topic, records) => mesh.publish(prefix + topic, records),
    subscribe: (topic, { groupId }) => mesh.subscribe(prefix + topic, { groupId: prefix + groupId }),
    transactions: async (subscription) => {
      const { commit, close } = await mesh.transactions(subscription).then((of) => ({
        commit: of.commit.bind(of),
        close: of.close.bind(of)
      }))
      const named = (transaction: Transaction): Transaction => ({
        ...transaction,
        records: transaction.records.map((part) => ({ ...part, topic: prefix + part.topic }))
      })
      return { commit: (transaction) => guard.run(() => commit(named(transaction))), close }
    },
    createStream: (topic, partitions, settings) => mesh.createStream(prefix + topic, partitions, settings),
    partitions: (topic) => mesh.partitions(prefix + topic),
    bounds: (topic, partition) => mesh.bounds(prefix + topic, partition),
    groupOffsets: (topic, groupId) => mesh.groupOffsets(prefix + topic, prefix + groupId),
    readPartition: (topic, partition, options) => mesh.readPartition(prefix + topic, partition, options),
    offsetsAt: (topic, timestampMs) => mesh.offsetsAt(prefix + topic, timestampMs),
    close: () => mesh.close()
  }
}
