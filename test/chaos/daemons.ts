/**
 * The daemons under test: child processes of the command line with a real configuration file, restarted by a supervisor
 * as a process manager would when they end by themselves.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createWriteStream, existsSync, writeFileSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const RESTART_MS = 1_000
/** Debian's and Fedora's places of libfaketime: with it the wall clock of a daemon can be moved. */
const FAKETIME = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib64/faketime/libfaketimeMT.so.1'
].find((path) => existsSync(path))

export const canMoveClocks = FAKETIME !== undefined

interface Slot {
  readonly name: string
  readonly log: WriteStream
  readonly clock: string
  child: ChildProcess | null
  wanted: boolean
  ended: Promise<void>
  url: string | null
  /** Errors and warnings it has logged since it began, newest last. */
  said: string[]
}

/** Children of all instances, so that a harness that is stopped leaves none behind. */
const children = new Set<ChildProcess>()
let over = false

export class Daemons {
  /** Ends that nobody asked for: `name: code, last words`. */
  readonly unexpected: string[] = []
  readonly #configFile: string
  readonly #folder: string
  readonly #program: string
  readonly #slots = new Map<string, Slot>()

  /** `program`: the command line, of this checkout or of another build. */
  constructor(configFile: string, folder: string, program: string) {
    this.#configFile = configFile
    this.#folder = folder
    this.#program = program
  }

  static killAll(): void {
    over = true
    for (const child of children) child.kill('SIGKILL')
  }

  get names(): string[] {
    return [...this.#slots.keys()]
  }

  start(name: string): void {
    const slot = this.#slots.get(name) ?? this.#newSlot(name)
    slot.wanted = true
    if (slot.child === null) this.#spawn(slot)
  }

  /** kill -9, and nobody starts it again until `start`. */
  async kill(name: string): Promise<void> {
    await this.#end(name, 'SIGKILL')
  }

  /** The orderly way: SIGTERM, a drain, the end. */
  async stop(name: string): Promise<void> {
    await this.#end(name, 'SIGTERM')
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.names.map((name) => this.stop(name)))
  }

  pause(name: string): void {
    this.#slots.get(name)?.child?.kill('SIGSTOP')
  }

  resume(name: string): void {
    this.#slots.get(name)?.child?.kill('SIGCONT')
  }

  /** Moves the wall clock of a daemon by so many seconds. Without libfaketime nothing moves. */
  moveClock(name: string, seconds: number): void {
    const slot = this.#slots.get(name)
    if (slot) writeFileSync(slot.clock, `${seconds < 0 ? '' : '+'}${seconds}`)
  }

  /** Warnings and errors it has logged since it began. */
  said(name: string): readonly string[] {
    return this.#slots.get(name)?.said ?? []
  }

  /** The value of a metric of a daemon, summed over labels; `null` while it does not answer. */
  async metric(name: string, metric: string): Promise<number | null> {
    const url = this.#slots.get(name)?.url
    if (!url) return null
    const text = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) })
      .then((response) => response.text())
      .catch(() => null)
    if (text === null) return null
    const lines = text
      .split('\n')
      .filter((line) => line.startsWith(`${metric} `) || line.startsWith(`${metric}{`))
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
  }

  #newSlot(name: string): Slot {
    const slot: Slot = {
      name,
      log: createWriteStream(join(this.#folder, `${name}.log`)),
      clock: join(this.#folder, `${name}.clock`),
      child: null,
      wanted: true,
      ended: Promise.resolve(),
      url: null,
      said: []
    }
    writeFileSync(slot.clock, '+0')
    this.#slots.set(name, slot)
    return slot
  }

  #spawn(slot: Slot): void {
    const faketime = FAKETIME && {
      LD_PRELOAD: FAKETIME,
      FAKETIME_TIMESTAMP_FILE: slot.clock,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1'
    }
    const args = [this.#program, 'run', '--config', this.#configFile]
    const env = { ...process.env, NODE_V8_COVERAGE: '', ...faketime }
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
    slot.child = child
    children.add(child)
    slot.url = null
    slot.said = []
    createInterface({ input: child.stderr }).on('line', (line) => this.#line(slot, line))
    slot.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        children.delete(child)
        slot.child = null
        slot.url = null
        const drained = !slot.wanted && code === 0
        const killed = !slot.wanted && signal !== null // SIGTERM: before it could listen to it
        if (!drained && !killed)
          this.unexpected.push(`${slot.name}: ${signal ?? code}, ${slot.said.at(-1) ?? 'silent'}`)
        if (slot.wanted)
          setTimeout(() => !over && slot.wanted && slot.child === null && this.#spawn(slot), RESTART_MS)
        resolve()
      })
    })
  }

  #line(slot: Slot, line: string): void {
    slot.log.write(`${line}\n`)
    let entry: { msg?: string; level?: number; url?: string }
    try {
      entry = JSON.parse(line) as typeof entry
    } catch {
      slot.said.push(line)
      return
    }
    if (entry.url !== undefined) slot.url = entry.url
    if ((entry.level ?? 0) >= 40) slot.said.push(entry.msg ?? '')
  }

  async #end(name: string, signal: NodeJS.Signals): Promise<void> {
    const slot = this.#slots.get(name)
    if (!slot) return
    slot.wanted = false
    slot.child?.kill('SIGCONT')
    slot.child?.kill(signal)
    await slot.ended
  }
}
