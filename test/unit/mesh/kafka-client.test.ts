import { expect, test } from '@jest/globals'
import { callWithin, queryBounds } from '../../../lib/mesh/kafka-client.js'

test('a call that comes back in time: its answer or its error', async () => {
  await callWithin(60_000, 'ask', (done) => setImmediate(done, null))
  const refused = callWithin(60_000, 'ask', (done) => setImmediate(done, new Error('no')))
  await expect(refused).rejects.toThrow('no')
})

test('a call that does not come back: an error that no retry repeats', async () => {
  const late = callWithin(1, 'send offsets', () => {})
  await expect(late).rejects.toMatchObject({
    code: 'BROKER',
    retriable: false,
    message: expect.stringMatching(/^send offsets: .* within 1 ms; restart/)
  })
})

test('a client with an old view of a topic looks again before the error is told', async () => {
  let looks = 0
  const client = {
    queryWatermarkOffsets: (
      ...[, partition, , done]: Parameters<Parameters<typeof queryBounds>[0]['queryWatermarkOffsets']>
    ) =>
      looks === 0
        ? done(
            Object.assign(new Error('Local: Unknown partition'), { code: -190 }) as never,
            undefined as never
          )
        : done(null, { lowOffset: partition, highOffset: 7 }),
    getMetadata: (_: unknown, done: (error: null) => void) => {
      looks += 1
      done(null)
    }
  }
  const first = queryBounds(client, 'points', 2, 1_000)
  await expect(first).rejects.toMatchObject({ code: 'BROKER', retriable: true })
  expect(await queryBounds(client, 'points', 2, 1_000)).toEqual({ low: 2, high: 7 })
  expect(looks).toBe(1)
})
