/**
 * A run of chaos: real brokers, real daemons, a seeded schedule of faults, and a verdict. `scripts/chaos.mjs` starts it.
 * Exit code 0: every promise was kept; 1: one was not; 2: wrong usage; 3: no brokers or proxies can be had.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '../support/run-command.js'
import { ChaosCluster, NotAvailable } from './cluster.js'
import { Daemons } from './daemons.js'
import { fullSpool } from './full-spool.js'
import { memoryPressure } from './memory-pressure.js'
import { FAULT_KINDS, type FaultKind } from './plan.js'
import { reportText } from './report.js'
import { runChaos } from './run.js'
import type { Delivery } from './verdict.js'

const PRESSURE = 'memory-pressure'
const SPOOL = 'full-spool'
const USAGE = `usage: npm run chaos -- [--seed N] [--minutes M] [--short] [--delivery exactly-once|at-least-once]
                        [--daemons N] [--rate RECORDS_PER_SECOND] [--only KIND,...] [--keep]
                        [--program PATH_OF_ANOTHER_CLI]
kinds: ${[...FAULT_KINDS, PRESSURE, SPOOL].join(', ')}`

interface Options {
  readonly seed: number
  readonly minutes: number
  readonly short: boolean
  readonly delivery: Delivery
  readonly daemons: number
  readonly rate: number
  /** Faults of the schedule; `undefined`: all, none: no schedule. */
  readonly only: readonly FaultKind[] | undefined
  /** Whether memory pressure comes after the schedule. */
  readonly pressure: boolean
  /** Whether a full spool comes after that. */
  readonly spool: boolean
  readonly program: string
  /** Leaves brokers and proxies running. */
  readonly keep: boolean
}

/** `null`: wrong usage. */
function optionsOf(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      minutes: { type: 'string', default: '10' },
      short: { type: 'boolean', default: false },
      delivery: { type: 'string', default: 'exactly-once' },
      daemons: { type: 'string', default: '3' },
      rate: { type: 'string', default: '300' },
      only: { type: 'string' },
      program: { type: 'string', default: join(root, 'dist/lib/cli/main.js') },
      keep: { type: 'boolean', default: false }
    }
  })
  const only = values.only?.split(',')
  const [seed, minutes, daemons, rate] = [values.seed, values.minutes, values.daemons, values.rate].map(
    Number
  )
  const valid =
    Number.isInteger(seed) &&
    minutes! > 0 &&
    [1, 2, 3, 4, 5, 6].includes(daemons!) &&
    rate! > 0 &&
    ['exactly-once', 'at-least-once'].includes(values.delivery) &&
    (only ?? []).every(
      (kind) => kind === PRESSURE || kind === SPOOL || (FAULT_KINDS as readonly string[]).includes(kind)
    )
  if (!valid) return null
  const delivery = values.delivery as Delivery
  const { short, keep, program } = values
  const kinds = only?.filter((kind) => kind !== PRESSURE && kind !== SPOOL) as FaultKind[] | undefined
  const pressure = only?.includes(PRESSURE) ?? true
  const spool = only?.includes(SPOOL) ?? true
  return {
    seed: seed!,
    minutes: minutes!,
    daemons: daemons!,
    rate: rate!,
    delivery,
    short,
    keep,
    program,
    only: kinds,
    pressure,
    spool
  }
}

async function main(): Promise<number> {
  let options: Options | null
  try {
    options = optionsOf(process.argv.slice(2))
  } catch {
    options = null
  }
  if (options === null) {
    process.stderr.write(`${USAGE}\n`)
    return 2
  }
  const say = (text: string): void =>
    void process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`)
  let cluster: ChaosCluster
  try {
    say(`seed ${options.seed}: starting three brokers`)
    cluster = await ChaosCluster.up('chaos')
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        Daemons.killAll()
        void cluster.down().finally(() => process.exit(1))
      })
    }
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
    process.stderr.write(`CHAOS SKIPPED: ${error.message}\n`)
    return 3
  }
  try {
    const result = options.only?.length === 0 ? null : await runChaos(cluster, options, say)
    const pressure = options.pressure ? await memoryPressure(cluster, options, say) : null
    const spool = options.spool ? await fullSpool(cluster, options, say) : null
    process.stdout.write(`\n${reportText(result, pressure, spool)}\n`)
    const violations = [
      ...(result?.violations ?? []),
      ...(pressure?.violations ?? []),
      ...(spool?.violations ?? [])
    ]
    for (const violation of violations) process.stdout.write(`VIOLATED: ${violation}\n`)
    if (violations.length > 0)
      say(
        `the same schedule again: npm run chaos -- ${process.argv.slice(2).join(' ')} --seed ${options.seed}`
      )
    return violations.length === 0 ? 0 : 1
  } finally {
    if (!options.keep) await cluster.down()
  }
}

process.exitCode = await main()
