/**
 * The life of a pipeline, a written state machine:
 *
 *     starting --assigned--> restoring --restored--> running
 *        |                     ^  |                  |  |
 *        |                     |  +------stop------+ |  |
 *        |                     +---assigned--------|-+  |
 *        +-----stop-----------------------------> draining --drained--> stopped
 *     any of them but stopped --error--> failed
 *
 * Source: the state machine of undici's client, with the code that its documentation lacks.
 */
import type { TdaError } from '../errors.js'

/** Where a pipeline is in its life. */
export type PipelineState =
  /** Nothing assigned yet. */
  | { readonly kind: 'starting' }
  /** Windows are being rebuilt from records before the committed offsets; nothing is published for them. */
  | { readonly kind: 'restoring'; readonly partitions: readonly number[] }
  | { readonly kind: 'running' }
  /** Fetching has stopped; what is in flight is finished, published and committed until the deadline. */
  | { readonly kind: 'draining'; readonly deadlineMs: number }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly cause: TdaError }

export type PipelineSignal =
  /** Partitions arrived; those listed are not restored yet. */
  | { readonly kind: 'assigned'; readonly restoring: readonly number[] }
  /** A partition has been read up to its committed offset, or was given up. */
  | { readonly kind: 'restored'; readonly partition: number }
  | { readonly kind: 'stop'; readonly deadlineMs: number }
  | { readonly kind: 'drained' }
  | { readonly kind: 'error'; readonly cause: TdaError }

/** Pure. A signal that means nothing in a state leaves it as it is. */
export function nextState(state: PipelineState, signal: PipelineSignal): PipelineState {
  if (state.kind === 'stopped' || state.kind === 'failed') return state
  switch (signal.kind) {
    case 'error':
      return { kind: 'failed', cause: signal.cause }
    case 'drained':
      return state.kind === 'draining' ? { kind: 'stopped' } : state
    case 'stop':
      return state.kind === 'draining' ? state : { kind: 'draining', deadlineMs: signal.deadlineMs }
    case 'assigned': {
      if (state.kind === 'draining') return state
      const waiting = state.kind === 'restoring' ? state.partitions : []
      return restoringOrRunning([...new Set([...waiting, ...signal.restoring])])
    }
    case 'restored':
      if (state.kind !== 'restoring') return state
      return restoringOrRunning(state.partitions.filter((partition) => partition !== signal.partition))
  }
}

function restoringOrRunning(partitions: readonly number[]): PipelineState {
  return partitions.length > 0 ? { kind: 'restoring', partitions } : { kind: 'running' }
}
