import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { describeMesh } from '../support/mesh-conformance.js'

/** Small, so that a compacted log fills. */
const BYTES_MAX = 8 * 1024 * 1024

const CAPABILITIES = {
  transactions: true,
  createTopics: true,
  offsetsForTimes: true,
  compaction: true,
  groups: false
}

describeMesh('the in-process mesh', CAPABILITIES, () => {
  const mesh = new InProcessEventMesh({ bytesMax: BYTES_MAX })
  return Promise.resolve({ mesh, close: () => mesh.close() })
})
