/** Programs on a pseudo-terminal, by util-linux' `script`, which every Linux has. */
import { spawn, spawnSync } from 'node:child_process'
import { PROGRAM_MS_MAX, root } from './run-command.js'
import { WatchedProcess } from './watched-process.js'

export const CTRL_C = '\x03'

export function hasPseudoTerminals(): boolean {
  const { stdout } = spawnSync('script', ['--version'], { encoding: 'utf8' })
  return typeof stdout === 'string' && stdout.includes('util-linux')
}

/**
 * Runs a program with its arguments on a terminal of 80 x 24; it ends after `limitMs` at the latest, by losing its
 * terminal. It takes the place of the shell that sets the terminal: a shell that stays hears Ctrl-C too, and what it then
 * answers instead of the program's exit code differs between shells.
 */
export function runOnTerminal(
  command: string,
  { env = process.env, limitMs = PROGRAM_MS_MAX } = {}
): WatchedProcess {
  const child = spawn('script', ['-qefc', `stty cols 80 rows 24; exec ${command}`, '/dev/null'], {
    cwd: root,
    env: { ...env, SHELL: '/bin/sh', TERM: 'xterm' },
    timeout: limitMs,
    killSignal: 'SIGKILL'
  })
  return new WatchedProcess(child)
}
