/** `bench rips` and `bench batch`: the suites over point clouds. */
import { Option, type Command } from 'commander'
import { CLOUDS, type CloudName } from '../../benchmarks/clouds.js'
import { TdaError } from '../errors.js'
import { printResults, withJson } from './bench-output.js'
import { wholeNumber } from './parse-number.js'

interface CloudOptions {
  readonly window: number
  readonly dimension: number
  readonly maxDimension: number
  readonly cloud?: CloudName
  readonly peers: boolean
  readonly python: string
  readonly json: boolean
}

interface RipsOptions extends CloudOptions {
  readonly slides: number
  readonly peersWindows: number
  readonly dump?: string
}

interface BatchOptions extends CloudOptions {
  readonly threads: number
  readonly repetitions: number
}

/** Adds the two suites. They are loaded when they run. */
export function registerCloudSuites(bench: Command): void {
  withCloud(bench.command('rips'))
    .description(
      'A full Rips window slides by one point: what leaves, what enters, what changes in its diagram.'
    )
    .option('--slides <number>', 'slides to time', wholeNumber(1, 10_000_000), 1000)
    .option('--peers-windows <number>', 'windows the peers compute', wholeNumber(1, 10_000), 5)
    .option('--dump <file>', 'write the points of the run, one a line; with --cloud')
    .action(async ({ json, cloud, peers, python, peersWindows, ...options }: RipsOptions) => {
      if (options.dump !== undefined && cloud === undefined)
        throw new TdaError('USAGE', '--dump needs --cloud: the points of one run')
      const { benchmarkRips } = await import('../../benchmarks/rips.js')
      const maxDimension = options.maxDimension === 0 ? 0 : 1
      await printResults(
        json,
        benchmarkRips({
          ...options,
          maxDimension,
          ...(cloud ? { clouds: [cloud] } : {}),
          ...(peers ? { peers: { windows: peersWindows, python } } : {})
        })
      )
    })

  withCloud(bench.command('batch'))
    .description('Persistence of one whole window, from points to pairs.')
    .option('--threads <number>', 'threads, of giotto-ph too', wholeNumber(1, 256), 1)
    .option('--repetitions <number>', 'timed repetitions', wholeNumber(1, 1000), 5)
    .action(async ({ json, cloud, peers, python, ...options }: BatchOptions) => {
      const { benchmarkBatch } = await import('../../benchmarks/batch.js')
      const maxDimension = options.maxDimension === 0 ? 0 : 1
      await printResults(
        json,
        benchmarkBatch({
          ...options,
          maxDimension,
          ...(cloud ? { clouds: [cloud] } : {}),
          ...(peers ? { peers: { python } } : {})
        })
      )
    })
}

const withCloud = (command: Command): Command =>
  withJson(command)
    .option('--window <points>', 'points in the window', wholeNumber(1, 32_768), 1000)
    .option('--dimension <number>', 'coordinates of a point', wholeNumber(1, 4096), 3)
    .option('--max-dimension <number>', '0: components only, 1: loops too', wholeNumber(0, 1), 1)
    .addOption(new Option('--cloud <name>', 'only this one').choices(CLOUDS))
    .option('--peers', 'measure Ripser and giotto-ph on the same windows, where they are installed', false)
    .option('--python <program>', 'the Python that has the peers', 'python3')
