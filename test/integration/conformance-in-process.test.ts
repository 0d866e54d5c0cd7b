import { InProcessEventMesh } from '../../lib/mesh/in-process-mesh.js'
import { describeMesh } from '../support/mesh-conformance.js'

describeMesh('the in-process mesh', () => {
  const mesh = new InProcessEventMesh()
  return Promise.resolve({ mesh, close: () => mesh.close() })
})
