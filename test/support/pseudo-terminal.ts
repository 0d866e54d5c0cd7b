/**
 * A program on a pseudo-terminal, by util-linux' `script`: what it prints, keys pressed at it, how it ends. Only where
 * there is such a `script` (every Linux has it).
 */
import { spawn, spawnSync } from 'node:child_process'
import { root } from './run-command.js'

export const CTRL_C = '\x03'

export function hasPseudoTerminals(): boolean {
  return spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux')
}

export interface TerminalRun {
  /** All that was on the screen so far, control sequences included. */
  readonly output: () => string
  /** Resolves when the output matches; rejects when the program ends before. */
  until(pattern: RegExp): Promise<void>
  press(keys: string): void
  /** The exit code, as a shell would see it. */
  readonly ended: Promise<number | null>
}

/** Kills the program after `limitMs`. The terminal is 80 x 24. */
export function runOnTerminal(command: string, { env = process.env, limitMs = 50_000 } = {}): TerminalRun {
  const child = spawn('script', ['-qefc', `stty cols 80 rows 24; ${command}`, '/dev/null'], {
    cwd: root,
    env: { ...env, TERM: 'xterm' },
    timeout: limitMs,
    killSignal: 'SIGKILL'
  })
  let output = ''
  let changed: () => void = () => undefined
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    changed()
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      changed()
      resolve(code)
    })
  })
  let over = false
  void ended.then(() => (over = true))
  return {
    output: () => output,
    async until(pattern) {
      while (!pattern.test(output)) {
        if (over) throw new Error(`the program ended before it printed ${String(pattern)}:\n${output}`)
        await new Promise<void>((resolve) => (changed = resolve))
      }
    },
    press: (keys) => child.stdin.write(keys),
    ended
  }
}
