/** `bench kafka`: the suite that needs a broker. */
import { Option, type Command } from 'commander'
import { KAFKA_CASES, type KafkaCase } from '../../benchmarks/kafka-case.js'
import { TdaError } from '../errors.js'
import { printResults, withJson } from './bench-output.js'
import { wholeNumber } from './parse-number.js'

interface KafkaOptions {
  readonly brokers?: string
  readonly case?: KafkaCase
  readonly rate?: number
  readonly streams: number
  readonly snapshotEvery: number
  readonly seconds: number
  readonly warmup: number
  readonly brokerPid: readonly number[]
  readonly columnar: boolean
  readonly json: boolean
}

/** Adds the suite. It is loaded when it runs. */
export function registerKafkaSuite(bench: Command): void {
  const pid = wholeNumber(1, 2 ** 31)
  withJson(bench.command('kafka'))
    .description(
      'A real broker to published updates at a given rate: one daemon, 3 scales, an open-loop producer.'
    )
    .option('--brokers <list>', 'host:port[,host:port...]; default: KAFKA_BROKERS')
    .addOption(new Option('--case <name>', 'only this one').choices(KAFKA_CASES))
    .option('--rate <records>', 'records a second; default: 100000, 1000, 20000', wholeNumber(1, 10_000_000))
    .option('--streams <number>', 'streams', wholeNumber(1, 100_000), 4)
    .option(
      '--snapshot-every <updates>',
      'updates of a scale between snapshots; 0: none',
      wholeNumber(0, 1e9),
      100
    )
    .option('--seconds <number>', 'how long to measure', wholeNumber(1, 86_400), 60)
    .option('--warmup <number>', 'seconds at the same rate before', wholeNumber(1, 3600), 10)
    .option(
      '--broker-pid <pid>',
      'a process of the broker here; may be repeated',
      (text, pids: readonly number[]) => [...pids, pid(text)],
      []
    )
    .option('--no-columnar', 'read through node-rdkafka alone')
    .action(async ({ json, case: name, brokers, warmup, brokerPid, ...options }: KafkaOptions) => {
      const list = brokers ?? process.env['KAFKA_BROKERS']
      if (list === undefined || list === '') {
        throw new TdaError(
          'BROKER',
          'bench kafka needs a broker: --brokers host:port or KAFKA_BROKERS (in a checkout: node scripts/kafka.mjs up)'
        )
      }
      const { benchmarkKafka } = await import('../../benchmarks/kafka.js')
      await printResults(
        json,
        benchmarkKafka({
          ...options,
          brokers: list.split(','),
          cases: name ? [name] : KAFKA_CASES,
          warmupSeconds: warmup,
          brokerPids: brokerPid
        })
      )
    })
}
