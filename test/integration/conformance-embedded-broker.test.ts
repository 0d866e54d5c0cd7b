import { EmbeddedBroker } from '../../lib/mesh/embedded-broker.js'
import { describeMesh } from '../support/mesh-conformance.js'

const CAPABILITIES = {
  transactions: false,
  createTopics: false,
  offsetsForTimes: false,
  compaction: false,
  groups: true
}

describeMesh('the embedded broker', CAPABILITIES, async () => {
  const broker = await EmbeddedBroker.start()
  const mesh = await broker.connect()
  return {
    mesh,
    close: async () => {
      await mesh.close()
      await broker.close()
    }
  }
})
