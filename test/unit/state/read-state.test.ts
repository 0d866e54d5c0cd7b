/** What a former owner writes or removes too late does no harm, as long as the log still has what it took the place of. */
import { expect, test } from '@jest/globals'
import { validateConfig } from '../../../lib/config/load.js'
import type { MeshRecord } from '../../../lib/mesh/event-mesh.js'
import { readState, type ReadState } from '../../../lib/state/read-state.js'
import { stateConfig } from '../../../lib/state/state-config.js'
import {
  chunkKey,
  encodeChunk,
  encodePartition,
  encodeStream,
  PARTITION_KEY,
  streamKey,
  TERM_HEADER
} from '../../../lib/state/state-records.js'

const config = stateConfig(
  validateConfig({ input: { channels: ['x'] }, scales: [{ name: 's', window: 4, filtration: 'sublevel' }] }),
  'g'
)
const TERM = 2
const engine = { first: 0, emitted: 3, sequence: 1 } as never

const record = (key: string, value: Uint8Array | null, term?: number): MeshRecord => ({
  topic: 'state',
  partition: 0,
  offset: 0,
  timestamp: 0,
  key: Buffer.from(key),
  value,
  ...(term === undefined ? {} : { headers: [[TERM_HEADER, String(term)] as const] })
})

/** A state of one stream whose points are stored. */
function state(): MeshRecord[] {
  const points = {
    values: Float64Array.of(1, 2, 3),
    timestamps: null,
    offsets: Float64Array.of(0, 1, 2),
    indices: Uint32Array.of(0, 0, 0)
  }
  const common = { term: TERM, position: 3, truncated: false }
  const stream = { ...common, stream: 'a', next: 3, first: 0, replay: null, since: 1, refused: [] }
  const head = { ...common, epoch: TERM, checkpoint: 1, streams: 1, config }
  return [
    record(chunkKey('a', 0), encodeChunk(TERM, 0, points)),
    record(streamKey('a'), encodeStream({ ...stream, scales: { s: engine } })),
    record(PARTITION_KEY, encodePartition(head))
  ]
}

async function* logOf(records: MeshRecord[]): AsyncGenerator<readonly MeshRecord[]> {
  yield await Promise.resolve(records)
}

const read = (...late: MeshRecord[]): Promise<ReadState> =>
  readState(logOf([...state(), ...late]), config, ['s'])

const streamsOf = ({ state }: ReadState): unknown =>
  state?.streams.map(({ stream, stored }) => [stream, stored[0]?.to])

test.each([chunkKey('a', 0), streamKey('a'), PARTITION_KEY])(
  'the removal of %s by a former owner is left out, that of the owner is not',
  async (key) => {
    const whole = [['a', 3]]
    expect(streamsOf(await read())).toEqual(whole)
    expect(streamsOf(await read(record(key, null, TERM - 1)))).toEqual(whole)
    expect((await read(record(key, null, TERM))).state).toBeNull()
    expect((await read(record(key, null))).state).toBeNull() // As written before removals had a term.
    expect((await read(record('other', null, TERM + 1))).term).toBe(TERM + 1)
  }
)
