/**
 * `install` script of the published package: compiles the addon where no binary that loads comes with it, and beside a
 * built node-rdkafka the optional reader of Kafka's records. In a checkout scripts/setup.mjs does this (it is not part of
 * the package), so that an install there stays an install.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(here)
const require = createRequire(import.meta.url)
const binary = join(root, 'build', 'Release', 'streaming_tda.node')

function loads() {
  try {
    require(binary)
    return true
  } catch {
    return false
  }
}

if (existsSync(join(here, 'setup.mjs'))) {
  process.stdout.write('A checkout of streaming-tda: `npm start` or `npm test` builds what is missing.\n')
} else {
  buildAddon()
  buildKafkaReader()
}

function buildAddon() {
  if (loads()) return
  if (cmakeJs(['build'], 'inherit').status !== 0 || !loads()) {
    process.stderr.write(
      'streaming-tda: the native addon could not be compiled (the reason is above). It needs a C++20 compiler, make\n' +
        'and CMake 3.25 or newer; on Debian or Ubuntu: sudo apt-get install g++ make cmake. Then run: npm rebuild streaming-tda\n'
    )
    process.exit(1)
  }
}

/**
 * The optional addon that reads Kafka's records in columns, against the librdkafka of a built node-rdkafka. npm may run
 * the install scripts of both at once: then node-rdkafka is not there yet. Without it node-rdkafka reads by itself.
 */
function buildKafkaReader() {
  const client = clientDirectory()
  if (client === undefined || process.platform === 'win32' || readerLoads(client)) return
  const library = join(
    client,
    'build',
    'deps',
    `librdkafka.${process.platform === 'darwin' ? 'dylib' : 'so'}`
  )
  if (!existsSync(join(client, 'build', 'Release', 'node-librdkafka.node')) || !existsSync(library)) {
    return withoutReader('node-rdkafka is not built from its sources, or not yet')
  }
  for (const args of [['configure'], ['build', '--target', 'streaming_tda_kafka']]) {
    const { status, stdout, stderr } = cmakeJs(args, 'pipe')
    if (status === 0) continue
    const lines = `${stdout}${stderr}`.split('\n')
    const reason = lines.find((line) => /error[: ]/i.test(line)) ?? `cmake-js ${args[0]}: exit code ${status}`
    return withoutReader(reason.trim())
  }
  if (!readerLoads(client)) withoutReader('it was built and does not load')
}

function cmakeJs(args, stdio) {
  const program = require.resolve('cmake-js/bin/cmake-js')
  const command = [program, ...args, '--directory', root]
  return spawnSync(process.execPath, command, { stdio, cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 })
}

function clientDirectory() {
  try {
    return dirname(require.resolve('node-rdkafka/package.json'))
  } catch {
    return undefined // An optional dependency.
  }
}

/** In a process of its own, after the client whose librdkafka it shares. */
function readerLoads(client) {
  const reader = join(root, 'build', 'Release', 'streaming_tda_kafka.node')
  const load = `require(${JSON.stringify(client)}); require(${JSON.stringify(reader)})`
  return existsSync(reader) && spawnSync(process.execPath, ['-e', load], { timeout: 60_000 }).status === 0
}

function withoutReader(reason) {
  process.stderr.write(
    `streaming-tda: Kafka's records will be read by node-rdkafka, without the faster columnar reader (${reason}); ` +
      'to build it later: npm rebuild streaming-tda\n'
  )
}
