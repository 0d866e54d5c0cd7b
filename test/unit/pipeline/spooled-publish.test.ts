import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { TdaError } from '../../../lib/errors.js'
import type { OutgoingRecord } from '../../../lib/mesh/event-mesh.js'
import { tooLargeError } from '../../../lib/mesh/too-large.js'
import { noMetrics } from '../../../lib/observability/pipeline-metrics.js'
import { Spool } from '../../../lib/pipeline/spool.js'
import { SpooledPublish } from '../../../lib/pipeline/spooled-publish.js'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tda-spooled-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

/** Brokers that can be away, and remember what they took. */
class Brokers {
  readonly taken: string[] = []
  #away = false
  #back: () => void = () => {}
  #coming: Promise<void> = Promise.resolve()

  leave(): void {
    this.#away = true
    this.#coming = new Promise((resolve) => (this.#back = resolve))
  }

  comeBack(): void {
    this.#away = false
    this.#back()
  }

  readonly attempt = (topic: string, records: readonly OutgoingRecord[]): Promise<void> => {
    if (this.#away) return Promise.reject(new TdaError('BROKER', 'away', { retriable: true }))
    const long = records.filter(({ value }) => (value?.length ?? 0) > 100)
    for (const record of records)
      if (!long.includes(record)) this.taken.push(`${topic} ${String(record.value)}`)
    return long.length > 0 ? Promise.reject(tooLargeError(topic, new Set(long))) : Promise.resolve()
  }

  readonly publish = async (topic: string, records: readonly OutgoingRecord[]): Promise<void> => {
    await this.#coming
    await this.attempt(topic, records)
  }
}

async function over(
  brokers: Brokers,
  bytesMax: number,
  lines: string[] = [],
  omitted: unknown[] = []
): Promise<SpooledPublish> {
  const note = (_: object, text: string): void => void lines.push(text)
  return new SpooledPublish({
    spool: await Spool.open({ directory, bytesMax }),
    attempt: brokers.attempt,
    publish: brokers.publish,
    instead: (topic, { key }) => ({ topic: `${topic}-letters`, record: { key, value: null } }),
    omitted: (topic, records) => void omitted.push([topic, [...records].map(({ key }) => key)]),
    metrics: noMetrics,
    logger: { info: note, warn: note, error: note }
  })
}

const send = (to: SpooledPublish, value: string): Promise<void> => to.publish('t', [{ key: 'k', value }])
const MIB = 1 << 20

test('what brokers do not take waits on disk and goes out in order, before what comes later', async () => {
  const brokers = new Brokers()
  const lines: string[] = []
  const publish = await over(brokers, MIB, lines)
  await send(publish, '1')
  brokers.leave()
  for (const value of ['2', '3', '4']) await send(publish, value)
  expect(brokers.taken).toEqual(['t 1'])
  brokers.comeBack()
  await send(publish, '5')
  await publish.settled()
  await send(publish, '6')
  expect(brokers.taken).toEqual([1, 2, 3, 4, 5, 6].map((n) => `t ${n}`))
  expect(lines).toEqual(['results wait in the spool: away', 'the spool is empty again'])
  await publish.close()
})

test('results that waited for room go out when the spool was emptied before them', async () => {
  const brokers = new Brokers()
  const publish = await over(brokers, 180) // The fourth fits only when all others are out.
  brokers.leave()
  for (const value of ['1', '2', '3']) await send(publish, value)
  let handed = false
  const waiting = send(publish, '4'.repeat(50)).then(() => (handed = true))
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(handed).toBe(false)
  brokers.comeBack()
  await waiting
  await publish.settled()
  await send(publish, '5')
  expect(brokers.taken).toEqual(['1', '2', '3', '4'.repeat(50), '5'].map((value) => `t ${value}`))
  await publish.close()
})

test('a new process sends what the former left, first', async () => {
  const brokers = new Brokers()
  const before = await over(brokers, MIB)
  brokers.leave()
  for (const value of ['1', '2']) await send(before, value)
  const closing = before.close() // It was waiting for brokers.
  brokers.comeBack()
  await closing
  expect(brokers.taken).toEqual(['t 1']) // The one that was under way.
  const after = await over(brokers, MIB)
  await send(after, '3')
  await after.settled()
  expect(brokers.taken).toEqual(['t 1', 't 2', 't 3'])
  await after.close()
})

test('an end of the spool that a crash tore is told', async () => {
  await writeFile(join(directory, 'segment-00000001.spool'), 'torn')
  const lines: string[] = []
  await (await over(new Brokers(), MIB, lines)).close()
  expect(lines).toEqual([expect.stringMatching(/^the end of the spool cannot be read and is cut off/)])
})

test('a full spool makes publishing wait, says so once, and goes on', async () => {
  const brokers = new Brokers()
  const lines: string[] = []
  const publish = await over(brokers, 200, lines)
  brokers.leave()
  await send(publish, '1')
  await send(publish, '2')
  let done = false
  const third = (async () => {
    for (const value of ['3', '4', '5', '6']) await send(publish, value)
    done = true
  })()
  while (!lines.includes('the spool or its disk is full; the input waits')) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(done).toBe(false)
  brokers.comeBack()
  await third
  await publish.settled()
  expect(brokers.taken).toEqual([1, 2, 3, 4, 5, 6].map((n) => `t ${n}`))
  expect(lines).toContain('the spool has room again')
  await publish.close()
})

test('records too long for their topic do not stop the ones behind them', async () => {
  const brokers = new Brokers()
  const omitted: unknown[] = []
  const publish = await over(brokers, MIB, [], omitted)
  brokers.leave()
  await send(publish, 'x'.repeat(200))
  await send(publish, '2')
  expect(omitted).toEqual([])
  brokers.comeBack()
  await publish.settled()
  expect(omitted).toEqual([['t', ['k']]])
  expect(brokers.taken).toEqual(['t-letters null', 't 2'])
  await expect(send(publish, 'x'.repeat(200))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
  await publish.close()
})

test('what an empty spool has no room for waits for brokers, behind what is in it', async () => {
  const brokers = new Brokers()
  const lines: string[] = []
  const publish = await over(brokers, 150, lines)
  const wide = ['2', '3', '4', '5', '6'].map((value) => ({ key: 'k'.repeat(30), value }))
  brokers.leave()
  await send(publish, '1')
  let done = false
  const waiting = publish.publish('t', wide).then(() => (done = true))
  while (!lines.includes('the spool or its disk is full; the input waits')) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect([done, brokers.taken]).toEqual([false, []])
  brokers.comeBack()
  await waiting
  expect(brokers.taken).toEqual([1, 2, 3, 4, 5, 6].map((n) => `t ${n}`))
  // The same with nothing in the spool.
  brokers.leave()
  const alone = publish.publish('t', wide)
  while (!lines.at(-1)!.includes('find no room in an empty spool')) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  brokers.comeBack()
  await alone
  expect(brokers.taken.slice(6)).toEqual([2, 3, 4, 5, 6].map((n) => `t ${n}`))
  await publish.settled()
  await publish.close()
})
