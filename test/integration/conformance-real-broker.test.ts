/** The same conformance over a real Kafka, where there is one: KAFKA_BROKERS=$(node scripts/kafka.mjs up) npm test. */
import { test } from '@jest/globals'
import type { EventMesh, Transaction } from '../../lib/mesh/event-mesh.js'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'
import { describeMesh } from '../support/mesh-conformance.js'

const brokers = process.env['KAFKA_BROKERS']

if (brokers === undefined) {
  test.skip('a real broker: skipped, because KAFKA_BROKERS names none', () => {})
} else {
  for (const columnar of [true, false]) {
    describeMesh(`a real broker, read ${columnar ? 'in columns' : 'by node-rdkafka'}`, async () => {
      const mesh = await KafkaEventMesh.connect({ brokers: brokers.split(','), columnar })
      return { mesh: fresh(mesh, `conformance-${Date.now()}-`), close: () => mesh.close() }
    })
  }
}

/** A real broker keeps what former runs left: topics and groups get a name of this run. */
function fresh(mesh: EventMesh, prefix: string): EventMesh {
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
      return { commit: (transaction) => commit(named(transaction)), close }
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
