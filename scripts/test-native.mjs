// Builds and runs the native core's own tests (GoogleTest).
//
//   node scripts/test-native.mjs [--plain] [--asan] [--tsan] [--coverage] [--clang] [--filter PATTERN]
//
// Without a choice: --asan (AddressSanitizer + UndefinedBehaviorSanitizer), then --tsan (ThreadSanitizer). --coverage
// prints line coverage of native/ by gcov. Each has its own folder below build/. Needs CMake, a C++20 compiler and
// GoogleTest (Debian: libgtest-dev). Exit code 0 when all tests pass. Node built-ins only.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const jobs = String(Math.min(4, availableParallelism()))

const builds = {
  plain: { cmake: ['-DCMAKE_BUILD_TYPE=Release'] },
  asan: {
    cmake: ['-DCMAKE_BUILD_TYPE=RelWithDebInfo', '-DTDA_SANITIZE=address,undefined'],
    environment: { UBSAN_OPTIONS: 'print_stacktrace=1' }
  },
  tsan: {
    cmake: ['-DCMAKE_BUILD_TYPE=RelWithDebInfo', '-DTDA_SANITIZE=thread'],
    environment: { TSAN_OPTIONS: 'halt_on_error=1' }
  },
  coverage: { cmake: ['-DCMAKE_BUILD_TYPE=Debug', '-DTDA_COVERAGE=ON'] }
}

function run(command, args, environment = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...environment }
  })
  if (error?.code === 'ENOENT') {
    throw new Error(
      `${command} is not installed; the native tests need CMake, a C++20 compiler and GoogleTest`
    )
  }
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed (exit code ${status})`)
}

function buildAndRun(name, { clang, filter }) {
  const { cmake, environment } = builds[name]
  const folder = join(root, 'build', `native-${name}${clang ? '-clang' : ''}`)
  const compiler = clang ? ['-DCMAKE_CXX_COMPILER=clang++'] : []
  console.log(`native tests: ${name}${clang ? ' (clang)' : ''} in ${folder}`)
  run('cmake', ['-S', root, '-B', folder, '-DTDA_TESTS=ON', ...compiler, ...cmake])
  run('cmake', ['--build', folder, '--parallel', jobs])
  for (const tests of ['tda_tests', 'tda_failure_tests']) {
    run(
      join(folder, tests),
      filter === undefined ? ['--gtest_brief=1'] : [`--gtest_filter=${filter}`],
      environment
    )
  }
  if (name === 'coverage') reportCoverage(folder)
}

// gcov describes each object file as JSON: files with lines with counts. A header is seen by many objects, so the
// counts of a line are added up.
function reportCoverage(folder) {
  const objects = join(folder, 'CMakeFiles')
  const notes = readdirSync(objects, { recursive: true }).filter((file) => file.endsWith('.gcda'))
  const counts = new Map()
  for (const note of notes) {
    const { stdout, status } = spawnSync('gcov', ['--json-format', '--stdout', join(objects, note)], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 2 ** 28
    })
    if (status !== 0) throw new Error('gcov failed; coverage needs gcc')
    for (const { file, lines } of JSON.parse(stdout).files) {
      const path = relative(root, resolve(folder, file)).replaceAll(sep, '/')
      if (!path.startsWith('native/')) continue
      const ofFile = counts.get(path) ?? new Map()
      counts.set(path, ofFile)
      for (const { line_number, count } of lines)
        ofFile.set(line_number, (ofFile.get(line_number) ?? 0) + count)
    }
  }
  let covered = 0
  let total = 0
  for (const [path, lines] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (lines.size === 0) continue
    const missed = [...lines].filter(([, count]) => count === 0).map(([line]) => line)
    covered += lines.size - missed.length
    total += lines.size
    const percent = (100 - (100 * missed.length) / lines.size).toFixed(1).padStart(5)
    console.log(`${percent} %  ${path}${missed.length > 0 ? `  not covered: ${missed.join(' ')}` : ''}`)
  }
  console.log(`${((100 * covered) / total).toFixed(1).padStart(5)} %  of ${total} lines in native/`)
}

try {
  const { values } = parseArgs({
    options: {
      plain: { type: 'boolean' },
      asan: { type: 'boolean' },
      tsan: { type: 'boolean' },
      coverage: { type: 'boolean' },
      clang: { type: 'boolean' },
      filter: { type: 'string' }
    }
  })
  const chosen = Object.keys(builds).filter((name) => values[name])
  for (const name of chosen.length > 0 ? chosen : ['asan', 'tsan']) buildAndRun(name, values)
} catch (error) {
  console.error(`test-native: ${error.message}`)
  process.exit(1)
}
