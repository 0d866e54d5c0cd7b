import { appendFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { Spool } from '../../../lib/pipeline/spool.js'
import { seeded } from '../../support/pipeline-world.js'
import { runCommand } from '../../support/run-command.js'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tda-spool-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const BYTES = 64 * 1024 * 1024
const opened = (bytesMax = BYTES): Promise<Spool> => Spool.open({ directory, bytesMax })

async function drained(spool: Spool): Promise<string[]> {
  const payloads: string[] = []
  for (let payload = await spool.first(); payload !== null; payload = await spool.first()) {
    payloads.push(String(payload))
    await spool.drop()
  }
  return payloads
}

async function fill(spool: Spool, from: number, count: number, bytes = 0): Promise<void> {
  for (let i = from; i < from + count; i++) {
    expect(await spool.append(Buffer.from(`${i}${'.'.repeat(bytes)}`))).toBe(true)
  }
}

test('what goes in comes out in order, once, and leaves nothing on disk', async () => {
  const spool = await opened()
  await fill(spool, 0, 5)
  expect(spool.frames).toBe(5)
  expect(String(await spool.first())).toBe('0')
  expect(String(await spool.first())).toBe('0')
  await spool.drop()
  expect(spool.frames).toBe(4)
  await fill(spool, 5, 2)
  expect(await drained(spool)).toEqual(['1', '2', '3', '4', '5', '6'])
  expect([spool.frames, spool.bytes]).toEqual([0, 0])
  expect(await readdir(directory)).toEqual([])
  await spool.close()
})

test('a crash keeps what was appended; of the segment under way all comes again', async () => {
  const spool = await opened()
  await fill(spool, 0, 3)
  await spool.first()
  await spool.drop()
  await fill(spool, 3, 2)
  const after = await opened() // The first does not know.
  expect(after.frames).toBe(5)
  expect(await drained(after)).toEqual(['0', '1', '2', '3', '4'])
  await spool.close()
  await after.close()
})

test('segments are removed one by one as they are taken', async () => {
  const spool = await opened()
  await fill(spool, 0, 30, 1024 * 1024)
  const files = (await readdir(directory)).length
  expect(files).toBeGreaterThan(2)
  for (let i = 0; i < 12; i++) {
    await spool.first()
    await spool.drop()
  }
  expect((await readdir(directory)).length).toBe(files - 1)
  expect((await drained(spool)).map((text) => parseInt(text, 10))).toEqual(
    Array.from({ length: 18 }, (_, i) => 12 + i)
  )
  await spool.close()
})

test('fuzz_ a file torn at any byte gives the frames before it, and takes more behind them', async () => {
  const random = seeded(7)
  for (let round = 0; round < 60; round++) {
    await rm(directory, { recursive: true })
    const spool = await opened()
    const count = 1 + Math.floor(random() * 6)
    await fill(spool, 0, count, Math.floor(random() * 50))
    await spool.close()
    const path = join(directory, (await readdir(directory))[0]!)
    const { size } = await stat(path)
    const left = Math.ceil((random() * size) / count)
    const zeros = random() < 0.5 ? Math.floor(random() * left) : 0
    await truncate(path, random() < 0.5 ? Math.floor(random() * size) : size - left)
    // A file system may have given a frame its room, but not yet the bytes.
    if ((await stat(path)).size === size - left) await truncate(path, size - left + zeros)
    const after = await opened()
    const whole = after.frames
    expect(whole).toBeLessThan(count)
    await fill(after, 100, 1)
    const payloads = (await drained(after)).map((text) => parseInt(text, 10))
    expect(payloads).toEqual([...Array.from({ length: whole }, (_, i) => i), 100])
    await after.close()
  }
})

test('what was on disk before and cannot be read any more is an error, and stays as it is', async () => {
  const spool = await opened()
  await fill(spool, 0, 3, 20)
  await spool.close()
  const path = join(directory, (await readdir(directory))[0]!)
  const content = await readFile(path)
  content[content.length - 40]! ^= 1 // In the second of three frames.
  await writeFile(path, content)
  const damaged = { code: 'FILE', message: expect.stringMatching(/damaged: .* from byte 29 .*move it away/) }
  await expect(opened()).rejects.toMatchObject(damaged)
  expect(await readFile(path)).toEqual(content)
  await writeFile(join(directory, 'segment-00000002.spool'), '') // Of an older segment nothing is torn, not even its end.
  await truncate(path, content.length - 40)
  await expect(opened()).rejects.toMatchObject(damaged)
})

test('zeros behind the frames, as of a file system that had given room to the next one, are cut off', async () => {
  const spool = await opened()
  await fill(spool, 0, 2)
  await spool.close()
  await appendFile(join(directory, (await readdir(directory))[0]!), Buffer.alloc(100))
  const after = await opened()
  expect([after.frames, after.bytes, after.tornBytes]).toEqual([2, 18, 100])
  await fill(after, 2, 1)
  await after.close()
  const again = await opened() // What was cut off is not the last segment any more.
  expect(await drained(again)).toEqual(['0', '1', '2'])
  await again.close()
})

test('what is damaged while it waits is an error, not what is left of it', async () => {
  const spool = await opened()
  await fill(spool, 0, 3, 20)
  const path = join(directory, (await readdir(directory))[0]!)
  const content = await readFile(path)
  content[content.length - 1]! ^= 1
  await writeFile(path, content)
  await expect(spool.first()).rejects.toMatchObject({
    code: 'FILE',
    message: expect.stringMatching(/damaged/)
  })
  await spool.close()
})

test('a full spool refuses and keeps what it has; room comes with what is taken', async () => {
  const spool = await opened(100)
  expect(await spool.append(Buffer.alloc(40))).toBe(true)
  expect(await spool.append(Buffer.alloc(44))).toBe(true)
  expect(await spool.append(Buffer.alloc(1))).toBe(false)
  expect([spool.frames, spool.bytes]).toEqual([2, 100])
  await spool.first()
  await spool.drop()
  await spool.first()
  await spool.drop()
  expect(await spool.append(Buffer.alloc(1))).toBe(true)
  await spool.close()
})

test('files of others are left alone, and a directory that cannot be is an error', async () => {
  const other = join(directory, 'notes.txt')
  await appendFile(other, 'mine')
  const spool = await opened()
  expect(spool.frames).toBe(0)
  await expect(Spool.open({ directory: join(other, 'below'), bytesMax: BYTES })).rejects.toMatchObject({
    code: 'FILE',
    message: expect.stringContaining('spool.directory')
  })
})

test('a disk that fills up in the middle of a frame refuses it, and what was accepted is all there', async () => {
  // A limit on the size of files does what a full disk does: it takes the beginning of a write, then refuses.
  const program = `
    import { Spool } from '${new URL('../../../lib/pipeline/spool.js', import.meta.url).href}'
    const spool = await Spool.open({ directory: process.argv[1], bytesMax: ${BYTES} })
    let accepted = 0
    while (await spool.append(Buffer.alloc(10_000, accepted % 251))) accepted += 1
    let taken = 0
    for (let frame = await spool.first(); frame !== null; frame = await spool.first()) {
      if (frame.length !== 10_000 || frame.some((byte) => byte !== taken % 251)) throw new Error('another frame')
      taken += 1
      await spool.drop()
    }
    const again = await spool.append(Buffer.alloc(10_000))
    console.log(JSON.stringify({ accepted, taken, again }))`
  const shell = 'ulimit -f 64; exec "$0" --input-type=module --eval "$1" "$2"'
  const { code, stdout, stderr } = await runCommand('/bin/sh', [
    '-c',
    shell,
    process.execPath,
    program,
    directory
  ])
  expect([code, stderr]).toEqual([0, ''])
  const { accepted, taken, again } = JSON.parse(stdout) as { accepted: number; taken: number; again: boolean }
  expect(accepted).toBeGreaterThanOrEqual(3)
  expect(taken).toBe(accepted)
  expect(again).toBe(true)
})
