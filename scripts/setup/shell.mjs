/**
 * Runs the programs that set-up needs: output to a log file, one line on the terminal, and an environment free of what
 * the npm that started us has put into it for itself.
 */
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
/** Not under build/, which `cmake-js clean` empties. */
export const logDirectory = join(root, '.cache', 'logs')

/** What went wrong in words for the person at the terminal; set-up prints it without a stack and exits 3. */
export class SetupError extends Error {}

/**
 * Options given to *this* npm command (`npm start --silent`, `npm test --omit=optional`) reach its scripts as
 * npm_config_*. They must not decide how our own npm installs; where to install from (registry, cache, proxy) must.
 */
const OF_THE_OUTER_COMMAND =
  /^npm_(lifecycle_.*|package_.*|command$|config_(local_prefix|global_prefix|prefix|global|location|json|silent|loglevel|workspaces?|include_workspace_root|omit|include|production|only|also|dry_run|package_lock|package_lock_only|ignore_scripts|foreground_scripts)$)/i

export function innerEnvironment(extra = {}) {
  const kept = Object.entries(process.env).filter(([name]) => !OF_THE_OUTER_COMMAND.test(name))
  return { ...Object.fromEntries(kept), ...extra }
}

/** The npm that runs us, else the one on PATH: [program, first arguments]. */
export function npmCommand() {
  const running = process.env.npm_execpath
  if (running && basename(running) === 'npm-cli.js') return [process.execPath, [running]]
  return process.platform === 'win32' ? ['npm.cmd', []] : ['npm', []]
}

/** Standard output of a short program, or undefined when it is absent or fails. */
export function answer(program, args, input) {
  const result = spawnSync(program, args, { input, encoding: 'utf8', cwd: root, timeout: 60_000 })
  return result.status === 0 ? result.stdout : undefined
}

/**
 * Runs to the end with everything it says in `log`; rejects with a SetupError that names the log and shows its tail.
 * `title` is the command as people would type it.
 */
export function runLogged(program, args, { title, log, append = false, env = innerEnvironment() }) {
  mkdirSync(logDirectory, { recursive: true })
  const path = join(logDirectory, log)
  const file = openSync(path, append ? 'a' : 'w')
  return new Promise((resolve, reject) => {
    const shell = process.platform === 'win32' && program.endsWith('.cmd')
    const child = spawn(program, args, { cwd: root, env, shell, stdio: ['ignore', file, file] })
    closeSync(file)
    const failed = (what) => reject(new SetupError(`${title}: ${what}\n${tail(path)}\nFull log: ${path}`))
    child.on('error', (error) => failed(error.message))
    // A set-up that is stopped takes what it started with it, so that the next one does not work beside it.
    const stop = () => child.kill()
    process.once('exit', stop)
    child.on('exit', (code, signal) => {
      process.off('exit', stop)
      if (code === 0) resolve()
      else failed(signal ?? `exit code ${code}`)
    })
  })
}

/** The last lines of a log; the first line that looks like the reason comes along when it lies further up. */
export function tail(path, lines = 12) {
  const all = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('npm warn Unknown'))
  const last = all.slice(-lines)
  const reason = all.find((line) => /(^|[\s:])(fatal )?error: |No rule to make/i.test(line))
  const shown = reason === undefined || last.includes(reason) ? last : [reason, '...', ...last]
  return shown.map((line) => `    ${line}`).join('\n')
}
