/**
 * node-rdkafka, the optional Kafka client: compiled from source with its own librdkafka, which takes minutes and system
 * headers. When it cannot be built, the reason is said once, remembered, and everything else goes on without it.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { SetupError, answer, innerEnvironment, npmCommand, root, runLogged } from './shell.mjs'
import { fingerprint } from './stamp.mjs'
import { canInstall, howToInstall, install, missing } from './system.mjs'

const directory = join(root, 'node_modules', 'node-rdkafka')
const binary = join(directory, 'build', 'Release', 'node-librdkafka.node')

export async function buildKafkaClient(report, stamp, { retry }) {
  if (!existsSync(directory)) {
    report.note(
      'node-rdkafka is not installed: the in-process mesh is used. To have it: node scripts/setup.mjs'
    )
    return
  }
  const version = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')).version
  const wanted = `${version} ${process.platform}-${process.arch} abi ${process.versions.modules}`
  const known = stamp.get('kafka')
  if (known?.wanted === wanted && known.failed === undefined && existsSync(binary)) return
  if (existsSync(binary) && loads()) {
    stamp.set('kafka', { wanted })
    return
  }
  const absent = await systemPackages(report, known?.wanted === wanted && !retry)
  const repeats =
    known?.wanted === wanted && known.failed !== undefined && String(known.absent) === String(absent)
  if (repeats && !retry) {
    report.note(`Still without node-rdkafka (${firstLine(known.failed)}): the in-process mesh is used.`)
    report.note('To try again: node scripts/setup.mjs --retry-kafka')
    return
  }
  stamp.set('kafka', undefined)
  try {
    if (absent.length > 0) throw new SetupError(howToInstall(absent))
    await report.step('Kafka client node-rdkafka', compile, { expect: 'once, about 3 minutes' })
    stamp.set('kafka', { wanted })
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    stamp.set('kafka', { wanted, failed: error.message, absent })
    report.note(`node-rdkafka could not be built: ${error.message}`)
    report.note('Everything else works, with the in-process mesh instead of Kafka. Once the cause is gone,')
    report.note('`node scripts/setup.mjs --retry-kafka` tries again.')
  }
}

/**
 * The optional addon that reads in columns (binding/kafka/), against the librdkafka that node-rdkafka was built with.
 * Without it node-rdkafka reads by itself, at several times the cost.
 */
export async function buildKafkaReader(report, stamp) {
  const reader = join(root, 'build', 'Release', 'streaming_tda_kafka.node')
  if (!existsSync(binary) || process.platform === 'win32') return
  const wanted = fingerprint(['CMakeLists.txt', 'binding/kafka'], [stamp.get('kafka')?.wanted])
  const cmakeJs = 'node_modules/cmake-js/bin/cmake-js'
  const compile = async () => {
    for (const args of [['configure'], ['build', '--target', 'streaming_tda_kafka']]) {
      await runLogged(process.execPath, [cmakeJs, ...args], {
        title: `cmake-js ${args[0]}`,
        log: 'kafka-reader.log'
      })
    }
  }
  try {
    await stamp.unless(
      'kafkaReader',
      wanted,
      () => existsSync(reader),
      () => report.step('columnar Kafka reader', compile)
    )
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    report.note(
      `The columnar Kafka reader could not be built (${firstLine(error.message)}): node-rdkafka reads.`
    )
  }
}

/** Installs what it can; returns what the build cannot do without and still lacks. */
async function systemPackages(report, alreadyTried) {
  const lacking = missing('kafka', 'kafkaExtras')
  if (lacking.length > 0 && canInstall() && !alreadyTried) {
    const work = () => install(lacking).catch(() => undefined)
    await report.step(`system packages: ${lacking.join(', ')}`, work)
  }
  return missing('kafka')
}

async function compile() {
  const [npm, first] = npmCommand()
  // JOBS and MAKEFLAGS: its makefile is not safe to run in parallel (config.h is used before it is made).
  const env = innerEnvironment({ ...headersBesideNode(), JOBS: '1', MAKEFLAGS: '' })
  const args = ['rebuild', 'node-rdkafka', '--foreground-scripts']
  await runLogged(npm, [...first, ...args], {
    title: 'npm rebuild node-rdkafka',
    log: 'node-rdkafka.log',
    env
  })
  if (!loads()) {
    throw new SetupError('npm rebuild ended well but the module does not load; were its install scripts run?')
  }
}

/** In a process of its own: a half-built or foreign binary may crash it. */
function loads() {
  return answer(process.execPath, ['-e', `require(${JSON.stringify(directory)})`]) !== undefined
}

/** node-gyp would download Node's headers; where they lie beside the binary (a distribution's or an unpacked Node) it need not. */
function headersBesideNode() {
  const prefix = dirname(dirname(process.execPath))
  const header = join(prefix, 'include', 'node', 'node_version.h')
  if (!existsSync(header)) return {}
  const text = readFileSync(header, 'utf8')
  const number = (name) => new RegExp(`#define NODE_${name}_VERSION (\\d+)`).exec(text)?.[1]
  const version = ['MAJOR', 'MINOR', 'PATCH'].map(number).join('.')
  return version === process.versions.node ? { npm_package_config_node_gyp_nodedir: prefix } : {}
}

const firstLine = (text) => text.split('\n', 1)[0]
