// Builds and runs the native core's own tests (GoogleTest).
//
//   node scripts/test-native.mjs [--plain] [--asan] [--tsan] [--coverage] [--clang] [--filter PATTERN]
//
// Without a choice: --asan (AddressSanitizer + UndefinedBehaviorSanitizer), then --tsan (ThreadSanitizer). --coverage
// prints line coverage of native/ by gcov. Each has its own folder below build/. Needs CMake, a C++20 compiler and
// GoogleTest (Debian: libgtest-dev). Exit code 0 when all tests pass. Node built-ins only.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
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

// gcov prints, for each source, "File '<path>'" and "Lines executed:<percent>% of <lines>".
function reportCoverage(folder) {
  const objects = join(folder, 'CMakeFiles', 'tda_core_aborting.dir', 'native')
  const notes = readdirSync(objects, { recursive: true }).filter((file) => file.endsWith('.gcda'))
  const scratch = join(folder, 'gcov')
  rmSync(scratch, { recursive: true, force: true })
  mkdirSync(scratch, { recursive: true })
  const files = notes.map((file) => join(objects, file))
  const { stdout, status } = spawnSync('gcov', ['--relative-only', '--source-prefix', root, ...files], {
    cwd: scratch,
    encoding: 'utf8'
  })
  if (status !== 0) throw new Error('gcov failed; coverage needs gcc')
  const best = new Map()
  for (const [, file, percent, lines] of stdout.matchAll(
    /File '(native\/[^']+)'\nLines executed:([\d.]+)% of (\d+)/g
  )) {
    const covered = (Number(percent) / 100) * Number(lines)
    if (covered >= (best.get(file)?.covered ?? -1)) best.set(file, { covered, lines: Number(lines) })
  }
  let covered = 0
  let lines = 0
  for (const [file, entry] of [...best].sort()) {
    covered += entry.covered
    lines += entry.lines
    console.log(`${((100 * entry.covered) / entry.lines).toFixed(1).padStart(6)} %  ${file}`)
  }
  console.log(`${((100 * covered) / lines).toFixed(1).padStart(6)} %  native/, ${lines} lines`)
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
