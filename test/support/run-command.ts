/** Runs a program of this checkout to its end, as a person would, and says what it printed. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The root of the checkout; this file runs from dist/test/support. */
export const root = fileURLToPath(new URL('../../..', import.meta.url))

export interface CommandResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** For programs, below the limit of a test: what the program said so far is then shown. */
export const PROGRAM_MS_MAX = 240_000

/** Kills the program after `limitMs`: a test must never wait for ever. The code is then null. */
export function runCommand(
  program: string,
  args: readonly string[],
  { env = process.env, cwd = root, limitMs = PROGRAM_MS_MAX, input = '' } = {}
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, timeout: limitMs, killSignal: 'SIGKILL' })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
    child.stdin.on('error', () => {}) // It may have ended without reading; what it said tells.
    child.stdin.end(input)
  })
}
