/** A process of `bench kafka` from both sides: the parent's handle, and how the child receives and reports. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** In the child: the next message of the parent. The process ends with its parent. */
export async function receive<Message>(): Promise<Message> {
  if (process.listenerCount('disconnect') === 0) process.once('disconnect', () => process.exit())
  const [message] = (await once(process, 'message')) as [Message]
  return message
}

/** In the child: tells the parent, where there still is one. */
export function report(message: object): void {
  if (process.connected) process.send?.(message)
}

/** In the parent: a child that tells how far it is. */
export class Worker<State extends { readonly kind: string }> {
  /** What it said last. */
  state: State | undefined
  /** Rejects when the process ends before it was asked to. */
  readonly lost: Promise<never>
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #watchers = new Set<() => void>()
  #isReady = false
  #ending = false

  constructor(file: string, task: object) {
    this.#child = fork(fileURLToPath(new URL(file, import.meta.url)))
    this.#exited = once(this.#child, 'exit')
    this.lost = new Promise((_, reject) => {
      this.#child.once('exit', (code, signal) => {
        if (!this.#ending) reject(new Error(`${file} ended early: ${signal ?? `exit code ${code}`}`))
      })
    })
    this.lost.catch(() => undefined) // Whoever waits races against it.
    this.#child.on('message', (message: State | { readonly kind: 'ready' }) => {
      if (message.kind === 'ready') this.#isReady = true
      else this.state = message as State
      for (const watcher of this.#watchers) watcher()
    })
    this.send(task)
  }

  send(message: object): void {
    if (this.#child.connected) this.#child.send(message)
  }

  ready(): Promise<void> {
    return this.until(() => this.#isReady)
  }

  /** Resolves when the condition holds after a message; rejects when the process is lost. */
  async until(condition: () => boolean): Promise<void> {
    let watcher = (): void => undefined
    const met = new Promise<void>((resolve) => {
      watcher = () => {
        if (condition()) resolve()
      }
      this.#watchers.add(watcher)
      watcher()
    })
    try {
      await Promise.race([met, this.lost])
    } finally {
      this.#watchers.delete(watcher)
    }
  }

  /** Sends `last` and waits for the end of the process. */
  async end(last: object): Promise<void> {
    this.#ending = true
    this.send(last)
    await this.#exited
  }

  kill(): void {
    this.#ending = true
    this.#child.kill('SIGKILL')
  }
}
