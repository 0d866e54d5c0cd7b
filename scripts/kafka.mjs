#!/usr/bin/env node
/**
 * A real Apache Kafka (KRaft, no ZooKeeper) on loopback, for development and tests.
 *
 *   node scripts/kafka.mjs up [--brokers 1|3]      prints host:port[,host:port...] on stdout, nothing else
 *   node scripts/kafka.mjs status [--json]         the same while all brokers run (exit code 1 when not); each broker
 *   node scripts/kafka.mjs down                    ends what `up` started, by process id, and removes its data
 *   node scripts/kafka.mjs stop|kill|start N ...   brokers by number: orderly, at once, again on the same ports and data
 *   node scripts/kafka.mjs pause|resume N ...      a broker that hangs: SIGSTOP, SIGCONT
 *
 *   --name NAME                    one of several clusters side by side (default: `default`)
 *   --advertise HOST:PORT,...      a further listener a broker, known to clients under these addresses: those of proxies
 *   --security sasl_ssl|...        a further listener a broker with TLS or SASL; certificate and users in `status --json`
 *   --set KEY=VALUE                a broker setting, any number of them
 *
 * Taken in this order: brokers named by KAFKA_BROKERS as they are (`up` and `status` of the default cluster); a container
 * engine that answers (Docker or Podman on Linux); the published server artifacts, resolved by Maven into .cache/kafka/ and
 * started as plain Java processes with bounded heaps. Where none can be had, `up` says why and exits with 3, so that a
 * caller can skip loudly. Logs are kept in .cache/kafka/logs/.
 */
import { parseArgs } from 'node:util'
import { Cluster } from './kafka/cluster.mjs'
import { CannotHave } from './errors.mjs'
import { PROTOCOLS } from './kafka/security.mjs'

const usage = `usage: kafka.mjs up [--brokers 1|3] [--advertise HOST:PORT,...] [--security ${PROTOCOLS.join('|')}] [--set KEY=VALUE]
       kafka.mjs status [--json] | down | stop|kill|start|pause|resume N [N ...]
       each with [--name NAME]`

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      brokers: { type: 'string', default: '1' },
      name: { type: 'string', default: 'default' },
      advertise: { type: 'string' },
      security: { type: 'string' },
      set: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false }
    }
  })
  const [command, ...numbers] = positionals
  const advertise = values.advertise?.split(',') ?? []
  const brokers = Number(values.brokers)
  const valid =
    [1, 3].includes(brokers) &&
    /^[A-Za-z0-9_-]+$/.test(values.name) &&
    (advertise.length === 0 || advertise.length === brokers) &&
    (values.security === undefined || PROTOCOLS.includes(values.security)) &&
    values.set.every((setting) => setting.includes('=')) &&
    numbers.every((number) => /^[1-3]$/.test(number))
  if (!valid) return fail(usage, 2)

  const given = values.name === 'default' ? process.env.KAFKA_BROKERS : undefined
  const cluster = new Cluster(values.name)
  const ids = numbers.map(Number)
  if (command === 'up' && ids.length === 0) {
    if (given) return print(given)
    return print(await cluster.up({ brokers, advertise, security: values.security, settings: values.set }))
  }
  if (command === 'status' && ids.length === 0) {
    if (given && !values.json) return print(given)
    const state = cluster.status()
    if (values.json) print(JSON.stringify(state ?? null, null, 2))
    else if (state?.running) print(state.bootstrap)
    if (!state?.running) fail(`not all brokers of the cluster "${values.name}" run`, 1)
    return
  }
  if (command === 'down' && ids.length === 0) return await cluster.down()
  if (['stop', 'kill', 'start', 'pause', 'resume'].includes(command) && ids.length > 0) {
    return await cluster[command](ids)
  }
  fail(usage, 2)
}

function print(text) {
  process.stdout.write(`${text}\n`)
}

function fail(message, code) {
  process.stderr.write(`${message}\n`)
  process.exitCode = code
}

main().catch((error) => {
  if (error.code?.startsWith('ERR_PARSE_ARGS')) return fail(`${error.message}\n${usage}`, 2)
  if (!(error instanceof CannotHave)) throw error
  fail(error.message, 3)
})
