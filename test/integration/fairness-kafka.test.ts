/**
 * Fairness between partitions on a real broker: KAFKA_BROKERS=$(node scripts/kafka.mjs up) npm test -- fairness. librdkafka hands
 * records over in the order in which they were fetched, and a fetch asks for all partitions alike: what lies before a record
 * that comes now is what is in the client's queue, never the backlog of another partition.
 */
import { expect, test } from '@jest/globals'
import { KafkaEventMesh } from '../../lib/mesh/kafka-mesh.js'

const brokers = process.env['KAFKA_BROKERS']
const LOADED = 0
const TRICKLE = 1
const BACKLOG = 60_000
const RECORD_BYTES = 1_000
/** `queued.max.messages.kbytes` of ours, and librdkafka's `max.partition.fetch.bytes`: one fetch under way, one that just came. */
const QUEUE_BYTES = 16 * 1024 * 1024
const FETCH_BYTES = 1024 * 1024
const BETWEEN_MAX = (QUEUE_BYTES + 2 * FETCH_BYTES) / RECORD_BYTES
const BATCH = 500
const TRICKLED = 3

if (brokers === undefined) {
  test.skip('fairness on a real broker: skipped, because KAFKA_BROKERS names none', () => {})
} else {
  test.each([true, false])(
    'a partition with few records is not starved by one with a backlog (columnar: %s)',
    async (columnar) => {
      const mesh = await KafkaEventMesh.connect({
        brokers: brokers.split(','),
        compression: 'none',
        columnar
      })
      const topic = `fairness-${Date.now()}`
      await mesh.createStream(topic, 2)
      const value = 'x'.repeat(RECORD_BYTES)
      for (let sent = 0; sent < BACKLOG; sent += BATCH) {
        const records = Array.from({ length: BATCH }, () => ({ key: null, partition: LOADED, value }))
        await mesh.publish(topic, records)
      }
      const reader = await mesh.subscribe(topic, { groupId: topic })
      const stop = new AbortController()
      const between: number[] = []
      let loaded = 0
      let sentAt: number | null = null
      for await (const event of reader.events({ recordsMax: BATCH, lingerMs: 0, signal: stop.signal })) {
        if (event.kind === 'revoked') event.done()
        if (event.kind !== 'records') continue
        for (const { partition } of event.records) {
          if (partition === LOADED) loaded += 1
          else {
            between.push(loaded - sentAt!)
            sentAt = null
          }
        }
        if (between.length === TRICKLED || loaded === BACKLOG) stop.abort()
        else if (sentAt === null && loaded > 0) {
          sentAt = loaded
          await mesh.publish(topic, [{ key: null, partition: TRICKLE, value: 'now' }])
        }
      }
      await reader.close()
      await mesh.close()
      // The first came while most of the backlog was still to be read, or nothing would have been tried.
      expect(between.length).toBeGreaterThan(0)
      expect(Math.max(...between)).toBeLessThan(BETWEEN_MAX)
      expect(between[0]).toBeLessThan(BACKLOG / 2)
    }
  )
}
