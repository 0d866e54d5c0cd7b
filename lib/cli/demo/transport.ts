/** What carries the demo's records: the embedded broker where node-rdkafka works, else the in-process mesh. */
import { TdaError } from '../../errors.js'
import { EMBEDDED_PARTITIONS, EmbeddedBroker } from '../../mesh/embedded-broker.js'
import type { EventMesh } from '../../mesh/event-mesh.js'
import { InProcessEventMesh } from '../../mesh/in-process-mesh.js'

export interface Transport {
  readonly mesh: EventMesh
  /** `host:port` of each broker; empty without one. */
  readonly brokers: readonly string[]
  readonly partitions: number
  /** What it is and is not, and why it is not the embedded broker where it is not. One line each. */
  readonly description: readonly string[]
  close(): Promise<void>
}

export async function openTransport(wanted: 'embedded' | 'in-process'): Promise<Transport> {
  if (wanted === 'in-process') return inProcess([])
  try {
    const broker = await EmbeddedBroker.start()
    const mesh = await broker.connect()
    const { brokers, description } = broker
    const close = async (): Promise<void> => {
      await mesh.close()
      await broker.close()
    }
    return { mesh, brokers, partitions: EMBEDDED_PARTITIONS, description: [description], close }
  } catch (error) {
    if (!(error instanceof TdaError && error.code === 'KAFKA_UNAVAILABLE')) throw error
    return inProcess([`No embedded broker: ${error.message}`])
  }
}

function inProcess(why: readonly string[]): Transport {
  const mesh = new InProcessEventMesh({ partitions: EMBEDDED_PARTITIONS })
  const close = (): Promise<void> => mesh.close()
  return {
    mesh,
    brokers: [],
    partitions: EMBEDDED_PARTITIONS,
    description: [...why, mesh.description],
    close
  }
}
