import { EmbeddedBroker } from '../../lib/mesh/embedded-broker.js'
import { describeMesh } from '../support/mesh-conformance.js'

describeMesh('the embedded broker', async () => {
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
