import { expect, test } from '@jest/globals'
import { EventEmitter } from 'node:events'
import { TdaError } from '../../../lib/errors.js'
import { callWithin, logClient, patiently, queryBounds } from '../../../lib/mesh/kafka-client.js'

test('a call that comes back in time: its answer or its error', async () => {
  await callWithin(60_000, 'ask', (done) => setImmediate(done, null))
  const refused = callWithin(60_000, 'ask', (done) => setImmediate(done, new Error('no')))
  await expect(refused).rejects.toThrow('no')
})

test('asking again: until there is an answer, only where it may help, and not for ever', async () => {
  let asked = 0
  const away = new TdaError('BROKER', 'no coordinator yet', { retriable: true })
  const later = (answers: number) => (): Promise<string> =>
    ++asked > answers ? Promise.resolve('here') : Promise.reject(away)
  expect([await patiently(60_000, later(2)), asked]).toEqual(['here', 3])
  const refused = new TdaError('BROKER', 'not authorised')
  await expect(patiently(60_000, () => Promise.reject(refused))).rejects.toBe(refused)
  await expect(patiently(1, later(Infinity))).rejects.toBe(away)
})

test('a call that does not come back: an error that no retry repeats', async () => {
  const late = callWithin(1, 'send offsets', () => {})
  await expect(late).rejects.toMatchObject({
    code: 'BROKER',
    retriable: false,
    message: expect.stringMatching(/^send offsets: .* within 1 ms; restart/)
  })
})

test('what librdkafka reports is logged, and its errors are counted by client and number', () => {
  const lines: string[] = []
  const say =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push(`${level} ${JSON.stringify(fields)} ${message}`)
  const counted: string[] = []
  const client = new EventEmitter()
  logClient(
    client,
    'consumer',
    { debug: say('debug'), info: say('info'), warn: say('warn') },
    { clientFailed: (role, code) => void counted.push(`${role} ${code}`), topicFailed() {} }
  )
  client.emit('event.error', { code: -195, message: 'connection lost' })
  client.emit('event.log', { severity: 6, fac: 'GETPID', message: 'producer id' })
  client.emit('event.log', { severity: 4, fac: 'FAIL', message: 'refused' })
  client.emit('event.log', { severity: 7, fac: 'FETCH', message: 'more' })
  expect(counted).toEqual(['consumer -195'])
  expect(lines).toEqual([
    'warn {"client":"consumer","librdkafka":-195} connection lost',
    'info {"client":"consumer","facility":"GETPID"} producer id',
    'warn {"client":"consumer","facility":"FAIL"} refused',
    'debug {"client":"consumer","facility":"FETCH"} more'
  ])
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
