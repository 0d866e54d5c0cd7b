/**
 * What set-up has finished, in `.cache/setup.json`: step -> fingerprint of everything the step's result depends on. A
 * step's entry is dropped before the step runs and written after it, so that an interrupted set-up starts where it broke.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SetupError, root } from './shell.mjs'

const directory = join(root, '.cache')
const path = join(directory, 'setup.json')
const lockPath = join(directory, 'setup.lock')

export class Stamp {
  #entries

  constructor() {
    try {
      this.#entries = JSON.parse(readFileSync(path, 'utf8'))
    } catch {
      this.#entries = {}
    }
  }

  get(step) {
    return this.#entries[step]
  }

  set(step, value) {
    this.#entries[step] = value
    mkdirSync(directory, { recursive: true })
    writeFileSync(`${path}.new`, JSON.stringify(this.#entries, null, 1))
    renameSync(`${path}.new`, path)
  }

  /** Runs `work` unless `step` was finished with this fingerprint and `present()` still holds. Tells whether it ran. */
  async unless(step, fingerprint, present, work) {
    if (this.get(step) === fingerprint && present()) return false
    this.set(step, undefined)
    await work()
    this.set(step, fingerprint)
    return true
  }
}

/** Hash of the names and contents of files and whole directories, relative to the root; absent ones count as empty. */
export function fingerprint(paths, ...facts) {
  const hash = createHash('sha256').update(JSON.stringify(facts))
  const add = (relative) => {
    const absolute = join(root, relative)
    const kind = statSync(absolute, { throwIfNoEntry: false })
    if (kind === undefined) return
    if (!kind.isDirectory()) {
      hash.update(`\0${relative}\0${kind.size}\0`).update(readFileSync(absolute))
      return
    }
    for (const name of readdirSync(absolute).sort()) add(`${relative}/${name}`)
  }
  paths.forEach(add)
  return hash.digest('hex').slice(0, 32)
}

/** Two set-ups of one checkout would break each other: the second waits until the first is done or its process gone. */
export async function withLock(work, { waitMs = 15 * 60_000, onWait }) {
  mkdirSync(directory, { recursive: true })
  const deadline = Date.now() + waitMs
  for (let told = false; !tryLock(); told = true) {
    if (!told) onWait()
    if (Date.now() > deadline) {
      throw new SetupError(
        `Another set-up of this checkout holds ${lockPath} for too long; remove it if none runs.`
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  const release = () => rmSync(lockPath, { force: true })
  process.on('exit', release)
  try {
    return await work()
  } finally {
    release()
    process.off('exit', release)
  }
}

function tryLock() {
  try {
    writeFileSync(lockPath, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
  try {
    const holder = Number(readFileSync(lockPath, 'utf8'))
    if (holder > 0) process.kill(holder, 0)
  } catch (error) {
    // The holder died without cleaning up, or let go between our two looks.
    if (error.code === 'ESRCH') rmSync(lockPath, { force: true })
  }
  return false
}
