import { expect, test } from '@jest/globals'
import { TdaError } from '../../../lib/errors.js'
import { nextState, type PipelineSignal, type PipelineState } from '../../../lib/pipeline/lifecycle.js'

const cause = new TdaError('BROKER', 'gone')
const starting: PipelineState = { kind: 'starting' }
const restoring: PipelineState = { kind: 'restoring', partitions: [0, 2] }
const running: PipelineState = { kind: 'running' }
const draining: PipelineState = { kind: 'draining', deadlineMs: 5 }
const stopped: PipelineState = { kind: 'stopped' }
const failed: PipelineState = { kind: 'failed', cause }

const plain: PipelineSignal = { kind: 'assigned', restoring: [] }
const behind: PipelineSignal = { kind: 'assigned', restoring: [2, 3] }
const restored: PipelineSignal = { kind: 'restored', partition: 2 }
const stop: PipelineSignal = { kind: 'stop', deadlineMs: 5 }
const drained: PipelineSignal = { kind: 'drained' }
const error: PipelineSignal = { kind: 'error', cause }

const edges: [PipelineState, PipelineSignal, PipelineState][] = [
  [starting, plain, running],
  [starting, behind, { kind: 'restoring', partitions: [2, 3] }],
  [starting, restored, starting],
  [starting, stop, draining],
  [starting, drained, starting],
  [starting, error, failed],
  [restoring, plain, restoring],
  [restoring, behind, { kind: 'restoring', partitions: [0, 2, 3] }],
  [restoring, restored, { kind: 'restoring', partitions: [0] }],
  [{ kind: 'restoring', partitions: [2] }, restored, running],
  [restoring, stop, draining],
  [restoring, drained, restoring],
  [restoring, error, failed],
  [running, plain, running],
  [running, behind, { kind: 'restoring', partitions: [2, 3] }],
  [running, restored, running],
  [running, stop, draining],
  [running, drained, running],
  [running, error, failed],
  [draining, plain, draining],
  [draining, behind, draining],
  [draining, restored, draining],
  [draining, { kind: 'stop', deadlineMs: 9 }, draining],
  [draining, drained, stopped],
  [draining, error, failed],
  ...[plain, behind, restored, stop, drained, error].flatMap(
    (signal): [PipelineState, PipelineSignal, PipelineState][] => [
      [stopped, signal, stopped],
      [failed, signal, failed]
    ]
  )
]

test.each(edges)('exhaustive: %j after %j is %j', (state, signal, expected) => {
  expect(nextState(state, signal)).toEqual(expected)
})
