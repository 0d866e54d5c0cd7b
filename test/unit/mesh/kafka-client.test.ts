import { expect, test } from '@jest/globals'
import { callWithin } from '../../../lib/mesh/kafka-client.js'

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
