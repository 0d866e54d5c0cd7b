/** A running program whose output can be waited for, without polling. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process'

export class WatchedProcess {
  /** The exit code; `null` when a signal ended it. */
  readonly ended: Promise<number | null>
  readonly #child: ChildProcessWithoutNullStreams
  #output = ''
  #over = false
  #changed: () => void = () => undefined

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text
        this.#changed()
      })
    }
    this.ended = new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code) => {
        this.#over = true
        this.#changed()
        resolve(code)
      })
    })
  }

  /** All it has printed so far. */
  get output(): string {
    return this.#output
  }

  /** Resolves when the output matches; rejects when the program ends before. */
  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#output)) {
      if (this.#over)
        throw new Error(`the program ended before it printed ${String(pattern)}:\n${this.#output}`)
      await new Promise<void>((resolve) => (this.#changed = resolve))
    }
  }

  /** Writes to its standard input; on a terminal, presses keys. */
  press(keys: string): void {
    this.#child.stdin.write(keys)
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }
}
