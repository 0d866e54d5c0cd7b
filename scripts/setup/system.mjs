/**
 * What the machine must have: found by asking the compiler, named exactly when absent, installed by apt-get where we
 * are root on Debian or Ubuntu.
 */
import { existsSync } from 'node:fs'
import { SetupError, answer, innerEnvironment, runLogged } from './shell.mjs'

export const NODE_FLOOR = [20, 17]
const CMAKE_FLOOR = [3, 25]

/** Thing -> the Debian package that brings it. */
const PACKAGES = {
  'a C++20 compiler': 'g++',
  'CMake 3.25 or newer': 'cmake',
  make: 'make',
  'Python 3 (for node-gyp)': 'python3',
  'OpenSSL headers': 'libssl-dev',
  'zlib headers': 'zlib1g-dev',
  'zstd headers': 'libzstd-dev',
  'SASL headers': 'libsasl2-dev',
  GoogleTest: 'libgtest-dev'
}

/** For whom each thing is: the addon cannot be without, the Kafka client may be missing, or it only makes it richer. */
const NEEDS = {
  addon: ['a C++20 compiler', 'CMake 3.25 or newer', 'make'],
  kafka: ['a C++20 compiler', 'make', 'Python 3 (for node-gyp)', 'OpenSSL headers', 'zlib headers'],
  kafkaExtras: ['zstd headers', 'SASL headers'],
  tests: ['GoogleTest']
}

const HEADERS = {
  'OpenSSL headers': 'openssl/ssl.h',
  'zlib headers': 'zlib.h',
  'zstd headers': 'zstd.h',
  'SASL headers': 'sasl/sasl.h',
  GoogleTest: 'gtest/gtest.h'
}

export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > NODE_FLOOR[0] || (major === NODE_FLOOR[0] && minor >= NODE_FLOOR[1])) return
  throw new SetupError(
    `Node ${NODE_FLOOR.join('.')} or newer is needed; this is ${process.versions.node} (${process.execPath}).`
  )
}

/** What is absent of the things named in `parts` of NEEDS. */
export function missing(...parts) {
  const wanted = new Set(parts.flatMap((part) => NEEDS[part]))
  const absent = new Set()
  const lacks = (thing) => wanted.has(thing) && absent.add(thing)
  if (wanted.has('make') && answer('make', ['--version']) === undefined) lacks('make')
  if (wanted.has('CMake 3.25 or newer') && !atLeast(answer('cmake', ['--version']), CMAKE_FLOOR)) {
    lacks('CMake 3.25 or newer')
  }
  if (wanted.has('Python 3 (for node-gyp)') && answer('python3', ['--version']) === undefined) {
    lacks('Python 3 (for node-gyp)')
  }
  const includes = compilerSees()
  if (includes === undefined) lacks('a C++20 compiler')
  for (const thing of Object.keys(HEADERS)) if (!includes?.has(thing)) lacks(thing)
  return [...absent]
}

/** Which headers the C++20 compiler finds, in one preprocessor run; undefined without such a compiler. */
function compilerSees() {
  const probe = [
    '#if __cplusplus < 202002L || !__has_include(<concepts>) || !__has_include(<span>) || !__has_include(<bit>)',
    '#error not C++20',
    '#endif',
    ...Object.entries(HEADERS).map(
      ([thing, header]) => `#if __has_include(<${header}>)\nfound "${thing}"\n#endif`
    )
  ].join('\n')
  for (const compiler of [process.env.CXX, 'c++', 'g++', 'clang++'].filter(Boolean)) {
    const text = answer(compiler, ['-std=c++20', '-E', '-x', 'c++', '-'], `${probe}\n`)
    if (text !== undefined) return new Set([...text.matchAll(/^found "(.*)"$/gm)].map((match) => match[1]))
  }
  return undefined
}

function atLeast(text, [major, minor]) {
  const found = /(\d+)\.(\d+)/.exec(text ?? '')
  return (
    found !== null && (Number(found[1]) > major || (Number(found[1]) === major && Number(found[2]) >= minor))
  )
}

export const canInstall = () =>
  process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')

/** Installs the packages of these things. A failed update is no failure: the lists may be fresh enough. */
export async function install(things) {
  const env = innerEnvironment({ DEBIAN_FRONTEND: 'noninteractive' })
  const log = 'apt.log'
  await runLogged('apt-get', ['update'], { title: 'apt-get update', log, env }).catch(() => undefined)
  const args = ['install', '-y', '--no-install-recommends', ...packagesOf(things)]
  await runLogged('apt-get', args, { title: `apt-get ${args.join(' ')}`, log, env, append: true })
}

export const packagesOf = (things) => things.map((thing) => PACKAGES[thing])

/** One line that names what is absent and how to get it. */
export function howToInstall(things) {
  const names = things.join(', ')
  if (process.platform !== 'linux') return `missing: ${names}`
  const old = things.includes('CMake 3.25 or newer')
    ? /\d+\.\d+\S*/.exec(answer('cmake', ['--version']) ?? '')
    : null
  const newer =
    old === null ? '' : ` (CMake ${old[0]} is here; where the distribution has no newer one: cmake.org)`
  return `missing: ${names}; on Debian or Ubuntu: sudo apt-get install ${packagesOf(things).join(' ')}${newer}`
}
