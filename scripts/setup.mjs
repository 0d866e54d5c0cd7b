#!/usr/bin/env node
/**
 * Brings a fresh clone to the point where everything runs, and does nothing when it is there already:
 *
 *   system packages -> node modules -> native addon -> TypeScript -> Kafka client -> its columnar reader
 *
 *   node scripts/setup.mjs [--tests] [--retry-kafka]
 *
 * Node built-ins only: it runs before any install. The Kafka client, with its reader, is the one part that may fail: the rest then works
 * with the in-process mesh. Exit codes: 0 ready, 3 something is missing or did not build (said on stderr).
 */
import { buildAddon, buildTypeScript, installModules } from './setup/steps.mjs'
import { buildKafkaClient, buildKafkaReader } from './setup/kafka.mjs'
import { Report } from './setup/report.mjs'
import { SetupError } from './setup/shell.mjs'
import { Stamp, withLock } from './setup/stamp.mjs'
import { canInstall, checkNode, howToInstall, install, missing } from './setup/system.mjs'

async function setUp({ tests, retryKafka }) {
  checkNode()
  const report = new Report()
  const onWait = () => report.note('Another set-up of this checkout is running; waiting for it.')
  await withLock(
    async () => {
      const stamp = new Stamp()
      if (tests) await requireSystem(report, 'addon', 'tests')
      await installModules(report)
      await buildAddon(report, stamp, () => requireSystem(report, 'addon'))
      await buildTypeScript(report, stamp)
      await buildKafkaClient(report, stamp, { retry: retryKafka })
      await buildKafkaReader(report, stamp)
    },
    { onWait }
  )
}

/** Makes sure that these things are on the machine; asked only when a step is about to need them. */
async function requireSystem(report, ...parts) {
  let absent = missing(...parts)
  if (absent.length > 0 && canInstall()) {
    await report.step(`system packages: ${absent.join(', ')}`, () => install(absent))
    absent = missing(...parts)
  }
  if (absent.length > 0) throw new SetupError(howToInstall(absent))
}

// Ends through `exit`, so that the lock is given back and running compilers are stopped.
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1]
]) {
  process.once(signal, () => process.exit(128 + number))
}

const known = new Set(['--tests', '--retry-kafka'])
const unknown = process.argv.slice(2).find((argument) => !known.has(argument))
if (unknown !== undefined) {
  process.stderr.write(`setup: unknown option ${unknown}; known: ${[...known].join(', ')}\n`)
  process.exit(2)
}
try {
  const given = new Set(process.argv)
  await setUp({ tests: given.has('--tests'), retryKafka: given.has('--retry-kafka') })
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  process.stderr.write(`Set-up cannot go on: ${error.message}\n`)
  process.exit(3)
}
