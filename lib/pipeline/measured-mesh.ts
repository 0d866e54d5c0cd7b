/**
 * A mesh whose writing is measured by topic: how long records take until they are acknowledged or committed, and which
 * attempts fail. Once for a call, whatever it carries. A transaction is one attempt at each of the topics it writes to.
 */
import { brokerCode } from '../mesh/broker-guard.js'
import type { EventMesh } from '../mesh/event-mesh.js'
import { TdaError } from '../errors.js'
import type { DeliveryMetrics } from '../observability/pipeline-metrics.js'

/** What a delivery needs of a mesh. */
export type WritingMesh = Pick<EventMesh, 'capabilities' | 'publish' | 'transactions'>

export function measuredMesh(
  mesh: WritingMesh,
  metrics: Pick<DeliveryMetrics, 'topicLatency' | 'topicFailed'>
): WritingMesh {
  /** `attempt` answers whether it came to anything. */
  const measured = async <T>(topics: readonly string[], attempt: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now()
    try {
      const answer = await attempt()
      const seconds = (performance.now() - startedMs) / 1000
      if (answer !== false) for (const topic of topics) metrics.topicLatency(topic, seconds)
      return answer
    } catch (error) {
      const code = error instanceof TdaError ? brokerCode(error) : 'INTERNAL'
      for (const topic of topics) metrics.topicFailed(topic, code)
      throw error
    }
  }
  return {
    capabilities: mesh.capabilities,
    publish: (topic, records) => measured([topic], () => mesh.publish(topic, records)),
    async transactions(subscription, report) {
      const opened = await mesh.transactions(subscription, report)
      return {
        commit: (transaction) => {
          const topics = new Set(transaction.records.map(({ topic }) => topic))
          return measured([...topics], () => opened.commit(transaction))
        },
        close: () => opened.close()
      }
    }
  }
}
