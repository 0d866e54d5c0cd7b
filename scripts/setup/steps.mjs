/** The steps every user needs: packages from the lock file, the native addon, the compiled TypeScript. */
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { SetupError, npmCommand, root, runLogged } from './shell.mjs'
import { fingerprint } from './stamp.mjs'

const readJson = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'))
const versionOf = (name) => readJson(`node_modules/${name}/package.json`).version

/** `npm ci` with install scripts off: what has to be built is built by the steps below, where a failure can be explained. */
export async function installModules(report) {
  if (modulesMatchLock()) return
  const [npm, first] = npmCommand()
  const args = ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund']
  await report.step('node modules', () =>
    runLogged(npm, [...first, ...args], { title: 'npm ci', log: 'npm-ci.log' })
  )
  if (!modulesMatchLock()) {
    throw new SetupError(
      'npm ci ended well, yet node_modules is not what package-lock.json says. Which npm is this?'
    )
  }
}

/**
 * npm writes node_modules/.package-lock.json at the very end of an install: what is missing there was not installed.
 * What is optional for others (packages for another system and what they need) may be absent, our own may not.
 */
function modulesMatchLock() {
  let installed
  try {
    installed = readJson('node_modules/.package-lock.json').packages
  } catch {
    return false
  }
  const { '': ours, ...locked } = readJson('package-lock.json').packages
  const asked = new Set(Object.keys(ours.optionalDependencies).map((name) => `node_modules/${name}`))
  return Object.entries(locked).every(([path, wanted]) => {
    const found = installed[path]
    return found === undefined
      ? wanted.optional === true && !asked.has(path)
      : found.version === wanted.version
  })
}

/** The addon, by cmake-js. What a broken-off or moved build left is configured anew. */
export async function buildAddon(report, stamp, requireCompiler) {
  const binary = join(root, 'build', 'Release', 'streaming_tda.node')
  const facts = [process.platform, process.arch, versionOf('cmake-js'), versionOf('node-addon-api')]
  const wanted = fingerprint(['CMakeLists.txt', 'native', 'binding'], facts)
  await stamp.unless(
    'addon',
    wanted,
    () => existsSync(binary),
    async () => {
      await requireCompiler()
      forgetBrokenCache()
      const compile = [
        'node_modules/cmake-js/bin/cmake-js',
        'build',
        '--parallel',
        String(availableParallelism())
      ]
      await report.step('native addon', () =>
        runLogged(process.execPath, compile, { title: 'cmake-js build', log: 'addon.log' })
      )
      if (!existsSync(binary)) throw new SetupError(`cmake-js ended well but left no ${binary}.`)
    }
  )
}

/**
 * A cache that names another place (the checkout was moved or copied), or one without the build files that a completed
 * configuration leaves, makes every later build fail; without it cmake-js configures anew.
 */
function forgetBrokenCache() {
  const build = join(root, 'build')
  const cache = join(build, 'CMakeCache.txt')
  if (!existsSync(cache)) return
  const home = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1]
  const complete = ['build.ninja', 'Makefile'].some((name) => existsSync(join(build, name)))
  if (home === root && complete) return
  rmSync(cache)
  rmSync(join(build, 'CMakeFiles'), { recursive: true, force: true })
}

/** lib, benchmarks and test to dist; what has no source any more goes, or old tests would go on running. */
export async function buildTypeScript(report, stamp) {
  const sources = ['lib', 'benchmarks', 'test']
  const wanted = fingerprint(['tsconfig.json', 'package-lock.json', ...sources])
  const entry = join(root, 'dist', 'lib')
  await stamp.unless(
    'typescript',
    wanted,
    () => existsSync(entry),
    async () => {
      const compile = ['node_modules/typescript/bin/tsc', '-p', '.']
      await report.step('TypeScript', () =>
        runLogged(process.execPath, compile, { title: 'tsc', log: 'tsc.log' })
      )
      for (const folder of sources) pruneCompiled(folder)
    }
  )
}

function pruneCompiled(folder) {
  const compiled = join(root, 'dist', folder)
  if (!existsSync(compiled)) return
  for (const name of readdirSync(compiled, { recursive: true })) {
    const source = /^(.*?)\.(js|js\.map|d\.ts)$/.exec(name)?.[1]
    if (source !== undefined && !existsSync(join(root, folder, `${source}.ts`))) rmSync(join(compiled, name))
  }
}
