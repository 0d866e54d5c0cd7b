import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { describeMesh } from '../support/mesh-conformance.js'

describeMesh('the in-process mesh', async () => {
  const mesh = new InProcessEventMesh()
  return { mesh, close: () => mesh.close() }
})
