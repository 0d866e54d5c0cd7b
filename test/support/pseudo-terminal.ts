/** Programs on a pseudo-terminal, by util-linux' `script`, which every Linux has. */
import { spawn, spawnSync } from 'node:child_process'
import { PROGRAM_MS_MAX, root } from './run-command.js'
import { WatchedProcess } from './watched-process.js'

export const CTRL_C = '\x03'

export function hasPseudoTerminals(): boolean {
  const { stdout } = spawnSync('script', ['--version'], { encoding: 'utf8' })
  return typeof stdout === 'string' && stdout.includes('util-linux')
}

/** Runs a shell command on a terminal of 80 x 24; it ends after `limitMs` at the latest, by losing its terminal. */
export function runOnTerminal(
  command: string,
  { env = process.env, limitMs = PROGRAM_MS_MAX } = {}
): WatchedProcess {
  const child = spawn('script', ['-qefc', `stty cols 80 rows 24; ${command}`, '/dev/null'], {
    cwd: root,
    env: { ...env, TERM: 'xterm' },
    timeout: limitMs,
    killSignal: 'SIGKILL'
  })
  return new WatchedProcess(child)
}
