#!/usr/bin/env node
/**
 * Runs programs in VRL, the language of Vector's `remap`, for the test of deploy/vector/vector.yaml.
 *
 *   node scripts/vrl.mjs run    stdin:  {"program": TEXT, "events": [OBJECT, ...]}
 *                               stdout: [OBJECT, ...], each event as the program leaves it
 *
 * VRL 0.15, as Vector has it, comes in the Python package pyvrl; at the first use it goes into a virtual environment under
 * .cache/vrl/ (5 s). Where that cannot be had (wheels are there for Python 3.10 to 3.12 on Linux) it says so and exits
 * with 3, so that a caller can skip loudly. A program that does not compile, or fails: exit code 1.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CannotHave, lastLine } from './errors.mjs'
import { root } from './setup/shell.mjs'

const PACKAGE = 'pyvrl==0.0.2'
const environment = join(root, '.cache', 'vrl')
const python = join(environment, 'bin', 'python')
const INSTALL_MS_MAX = 60_000
const RUN_MS_MAX = 60_000

/** A last line `.` answers the event, which is what Vector passes on. Times leave as texts. */
const RUN = `
import json, sys
import pyvrl
given = json.load(sys.stdin)
try:
    transform = pyvrl.Transform(given["program"] + "\\n.")
    answers = [transform.remap(event) for event in given["events"]]
except ValueError as error:
    sys.exit(str(error))
json.dump(answers, sys.stdout, default=lambda time: time.isoformat())
`

function install() {
  if (spawnSync(python, ['-c', 'import pyvrl']).status === 0) return
  mkdirSync(environment, { recursive: true })
  must('python3', ['-m', 'venv', '--clear', environment])
  const quick = ['--timeout', '10', '--retries', '1', '--disable-pip-version-check']
  must(python, ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:', ...quick, PACKAGE])
}

function must(command, args) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: INSTALL_MS_MAX })
  if (status !== 0)
    throw new CannotHave(`${command} ${args.slice(0, 2).join(' ')}: ${error?.message ?? lastLine(stderr)}`)
}

function run() {
  const input = readFileSync(0)
  install()
  const { status, stdout, stderr, error } = spawnSync(python, ['-c', RUN], { input, timeout: RUN_MS_MAX })
  process.stdout.write(stdout ?? '')
  process.stderr.write(error ? `${error.message}\n` : stderr)
  process.exitCode = status === 0 ? 0 : 1
}

try {
  if (process.argv.slice(2).join(' ') === 'run') run()
  else {
    process.stderr.write('usage: vrl.mjs run < {"program": TEXT, "events": [OBJECT, ...]}\n')
    process.exitCode = 2
  }
} catch (error) {
  if (!(error instanceof CannotHave)) throw error
  process.stderr.write(
    `no VRL: ${error.message} (needs python3 with venv, Debian: apt-get install python3-venv)\n`
  )
  process.exitCode = 3
}
