#!/usr/bin/env node
/**
 * Everything that has to hold, after scripts/setup.mjs has compiled it (which checks the types):
 *
 *   lint -> native tests -> jest with V8 coverage -> coverage of lib/ above its threshold (.c8rc.json)
 *
 *   node scripts/test.mjs                    all of it
 *   node scripts/test.mjs --coverage         jest and the coverage threshold only
 *   node scripts/test.mjs <jest arguments>   jest only, for example a path or -t 'name'
 *
 * The first two have a real Kafka where one can be had (KAFKA_BROKERS, else scripts/kafka.mjs, taken down at the end); where
 * not, they say why, and the suites that need one are skipped.
 *
 * Coverage is V8's own, through NODE_V8_COVERAGE, so that worker threads and child processes count. The last line is
 * the total of all tests and checks: "N passed, N failed, N skipped"; before it a line "FAILED ..." for each that failed.
 * Exit code 1 when anything failed.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { root } from './setup/shell.mjs'

const resultPath = join(root, 'build', 'jest-results.json')
const rawCoverage = join(root, 'coverage', 'tmp')
const noTests = { passed: 0, failed: 0, skipped: 0 }
/** A line each, for the end, where nobody has to look for them. */
const failures = []

/** What is still open after the last test keeps jest alive, and writing coverage takes its time: it gets so long, then it is ended and has failed. */
const EXIT_PATIENCE_MS = 120_000

/**
 * Runs node with `args`; what it prints is shown and returned with the exit code. Once the file `last` is there, the
 * process has to end by itself in time.
 */
function run(args, env = {}, last = undefined) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit']
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text
      process.stdout.write(text)
    })
    const watch = setInterval(() => {
      if (last === undefined || !existsSync(last)) return
      clearInterval(watch)
      setTimeout(() => child.kill('SIGKILL'), EXIT_PATIENCE_MS).unref()
    }, 1000)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearInterval(watch)
      if (signal !== null) process.stdout.write(`${args.join(' ')}: ended by ${signal}\n`)
      resolve({ code, output })
    })
  })
}

const kafka = (command) =>
  spawnSync(process.execPath, ['scripts/kafka.mjs', command, '--name', 'tests'], {
    cwd: root,
    encoding: 'utf8'
  })

/** For the suites on a real broker. Answers how to give it back. */
function takeBroker() {
  if (process.env.KAFKA_BROKERS) return () => {}
  const { status, stdout, stderr } = kafka('up')
  if (status === 0) {
    process.env.KAFKA_BROKERS = stdout.trim()
    process.stdout.write(`\n== a real Kafka at ${process.env.KAFKA_BROKERS}\n`)
    return () => kafka('down')
  }
  process.stdout.write(`\n== NO REAL KAFKA, its suites are skipped: ${stderr.trim()}\n`)
  return () => {}
}

const count = (text, pattern) =>
  [...text.matchAll(pattern)].reduce((sum, match) => sum + Number(match[1] ?? 1), 0)

async function lint() {
  const { code, output } = await run(['scripts/lint.mjs'])
  const failed = count(output, /^failed \S+$/gm)
  for (const [, name] of output.matchAll(/^failed (\S+)$/gm)) failures.push(`lint: ${name}`)
  return {
    passed: count(output, /^passed \S+$/gm),
    failed: code !== 0 && failed === 0 ? 1 : failed,
    skipped: count(output, /^skipped /gm)
  }
}

async function native() {
  const { code, output } = await run(['scripts/test-native.mjs', '--plain'])
  const passed = count(output, /\[ {2}PASSED {2}\] (\d+) tests?\./g)
  const failed = count(output, /\[ {2}FAILED {2}\] (\d+) tests?,/g)
  for (const [, name] of output.matchAll(/^\[ {2}FAILED {2}\] (\S+\.\S+)$/gm))
    failures.push(`native: ${name}`)
  return { passed, failed: failed === 0 && (code !== 0 || passed === 0) ? 1 : failed, skipped: 0 }
}

/** In band: one process that ends by itself, so that no worker is killed before it has written its coverage. */
async function jest(extra, env) {
  rmSync(resultPath, { force: true })
  mkdirSync(join(root, 'build'), { recursive: true })
  const node = [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js'
  ]
  const args = [...node, '--runInBand', '--json', `--outputFile=${resultPath}`, ...extra]
  const { code } = await run(args, env, resultPath)
  if (!existsSync(resultPath)) return { ...noTests, failed: 1 }
  const result = JSON.parse(readFileSync(resultPath, 'utf8'))
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites
  failures.push(...failedTests(result))
  return {
    passed: result.numPassedTests,
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: result.numPendingTests + result.numTodoTests
  }
}

/** Where each failed test is, what it is called and the first line of what it says. */
function failedTests({ testResults }) {
  const firstLine = (text) =>
    stripVTControlCharacters(text ?? '')
      .trim()
      .split('\n')[0]
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(join(root, 'dist'), name)
    const failed = assertionResults.filter((test) => test.status === 'failed')
    if (failed.length === 0) return status === 'failed' ? [`${file}: ${firstLine(message)}`] : []
    return failed.map((test) => `${file}: ${test.fullName}: ${firstLine(test.failureMessages[0])}`)
  })
}

async function jestWithCoverage() {
  rmSync(rawCoverage, { recursive: true, force: true })
  const tests = await jest([], { NODE_V8_COVERAGE: rawCoverage })
  const excluded = typeOnlyModules().map((path) => `--exclude=${path}`)
  const { code } = await run(['node_modules/c8/bin/c8.js', 'report', '--check-coverage', ...excluded])
  const covered = code === 0
  if (!covered) failures.push('coverage of lib/ is below its threshold')
  return { ...tests, passed: tests.passed + (covered ? 1 : 0), failed: tests.failed + (covered ? 0 : 1) }
}

/** Modules that compile to nothing: nobody can load them at run time, so they would count as not covered. */
function typeOnlyModules() {
  return readdirSync(join(root, 'dist', 'lib'), { recursive: true })
    .filter((name) => name.endsWith('.js'))
    .map((name) => join('dist', 'lib', name))
    .filter((path) => {
      const code = readFileSync(join(root, path), 'utf8').replace(/\/\*[^]*?\*\/|^\/\/.*$/gm, '')
      return code.trim() === 'export {};'
    })
}

const given = process.argv.slice(2)
const all = [
  ['lint', lint],
  ['native tests', native],
  ['tests and coverage of lib/', jestWithCoverage]
]
let stages = all
if (given[0] === '--coverage') stages = all.slice(2)
else if (given.length > 0) stages = [['tests', () => jest(given, {})]]

const total = { ...noTests }
const giveBroker = given.length === 0 || given[0] === '--coverage' ? takeBroker() : () => {}
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143]
]) {
  process.once(signal, () => {
    giveBroker()
    process.exit(code)
  })
}
try {
  for (const [title, stage] of stages) {
    process.stdout.write(`\n== ${title}\n`)
    const started = Date.now()
    const counts = await stage()
    for (const kind of Object.keys(total)) total[kind] += counts[kind]
    process.stdout.write(`== ${title}: ${line(counts)} in ${Math.round((Date.now() - started) / 1000)} s\n`)
  }
} finally {
  giveBroker()
}
if (failures.length > 0) process.stdout.write(`\n${failures.map((one) => `FAILED ${one}\n`).join('')}`)
process.stdout.write(`\n${line(total)}\n`)
if (total.failed > 0 || total.passed === 0) process.exitCode = 1

function line({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
