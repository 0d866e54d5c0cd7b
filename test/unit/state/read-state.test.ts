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
  markOf,
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

const points = {
  values: Float64Array.of(1, 2, 3),
  timestamps: null,
  offsets: Float64Array.of(0, 1, 2),
  indices: Uint32Array.of(0, 0, 0)
}

/** A stream whose points are stored, as a member of this term writes it. */
function streamValue(term: number, replaces = 0, refused: number[] = []): Buffer {
  const place = { position: 3, next: 3, first: 0, replay: null, truncated: false, since: 1, checkpoint: 1 }
  return encodeStream({ term, stream: 'a', ...place, replaces, scales: { s: engine }, refused })
}

const chunk = record(chunkKey('a', 0), encodeChunk(1, 0, points))
const stream = (value: Buffer): MeshRecord => record(streamKey('a'), value)
/** The head of a checkpoint, and the stream as it wrote it. */
function head(term: number, value: Buffer): MeshRecord {
  const common = { term, epoch: 1, checkpoint: 1, position: 3, truncated: false }
  return record(PARTITION_KEY, encodePartition({ ...common, streams: 1, marks: markOf(value), config }))
}

/** A state of one stream. */
function state(): MeshRecord[] {
  const value = streamValue(TERM)
  return [chunk, stream(value), head(TERM, value)]
}

async function* logOf(records: MeshRecord[]): AsyncGenerator<readonly MeshRecord[]> {
  yield await Promise.resolve(records)
}

const readLog = (...log: MeshRecord[]): Promise<ReadState> => readState(logOf(log), config, ['s'])
const read = (...late: MeshRecord[]): Promise<ReadState> => readLog(...state(), ...late)

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

test('a stream that a former owner wrote late is not taken for the one that compaction removed', async () => {
  const [former, own] = [streamValue(TERM - 1), streamValue(TERM)]
  // The owner wrote the stream, the former owner wrote it again, then came another checkpoint of the owner.
  const { state, reason } = await readLog(chunk, stream(former), head(TERM, own))
  expect(state).toBeNull()
  expect(reason).toMatch(/^some of its streams were written over, by a former owner/)
  expect(streamsOf(await readLog(chunk, stream(own), stream(former), head(TERM, own)))).toEqual([['a', 3]])
})

test('a checkpoint that came again, and was cut off then, is whole', async () => {
  expect(streamsOf(await read(stream(streamValue(TERM))))).toEqual([['a', 3]])
})

test('a stream of a checkpoint that was cut off stands for the one it took the place of', async () => {
  const own = streamValue(TERM)
  const later = streamValue(TERM + 1, markOf(own), [2, 3, 4])
  const cutOff = await readLog(chunk, stream(own), head(TERM, own), stream(later))
  expect(streamsOf(cutOff)).toEqual([['a', 3]])
  // What the next one takes the place of, whether or not a record speaks of the stream until then.
  expect(cutOff.state?.streams[0]).toMatchObject({ mark: markOf(own), cutOff: true })
  expect(cutOff.state?.refused).toEqual(new Set([3, 4])) // By those that are at the position of the head, too.
  expect((await readLog(chunk, head(TERM, own), stream(streamValue(TERM + 1)))).state).toBeNull()
})
