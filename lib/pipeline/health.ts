/** What `/healthz` and `/readyz` say of a pipeline. */
import type { Health } from '../observability/http-server.js'
import type { PipelineState } from './lifecycle.js'

/**
 * What a state of the pipeline means to whoever supervises the process. `brokersDown`: why no broker can be reached, or
 * null; a restart does not help against it. `restoreText`: how far a restore is, where one is under way.
 */
export function healthOf(
  state: PipelineState,
  brokersDown: string | null = null,
  restoreText: string | null = null
): Health {
  const working = state.kind === 'starting' || state.kind === 'restoring' || state.kind === 'running'
  if (brokersDown !== null && working) return { live: true, ready: false, reason: brokersDown }
  switch (state.kind) {
    case 'starting':
      return { live: true, ready: false, reason: 'starting: waiting for partitions' }
    case 'restoring':
      return {
        live: true,
        ready: false,
        reason: `restoring: ${restoreText ?? `rebuilding windows of partitions ${state.partitions.join(', ')}`}`
      }
    case 'running':
      return { live: true, ready: true, reason: 'running' }
    case 'draining':
      return { live: true, ready: false, reason: 'draining: finishing what is in flight' }
    case 'stopped':
      return { live: true, ready: false, reason: 'stopped' }
    case 'failed':
      return { live: false, ready: false, reason: `failed: ${state.cause.code}: ${state.cause.message}` }
  }
}
