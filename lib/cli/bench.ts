/** `streaming-tda bench SUITE`: the benchmarks of docs/benchmarks.md, one line a case, for people or as JSON. */
import { Option, type Command } from 'commander'
import { SERIES_CASES, type SeriesCase } from '../../benchmarks/inputs.js'
import type { WindowCase } from '../../benchmarks/windows.js'
import { registerCloudSuites } from './bench-clouds.js'
import { registerKafkaSuite } from './bench-kafka.js'
import { printResults, withJson } from './bench-output.js'
import { wholeNumber } from './parse-number.js'

const POINTS_MAX = 1e11
const WINDOW_MAX = 2 ** 29

interface SeriesOptions {
  readonly window: number
  readonly points: number
  readonly api: boolean
  readonly case?: SeriesCase
  readonly json: boolean
}

interface WindowsOptions {
  readonly window: number
  readonly points: number
  readonly batch: number
  readonly case?: WindowCase
  readonly json: boolean
}

interface MetricsOptions {
  readonly pairs: number
  readonly records: number
  readonly idle: number
  readonly json: boolean
}

interface TracingOptions {
  readonly pairs: number
  readonly records: number
  readonly json: boolean
}

interface PipelineOptions {
  readonly streams?: number
  readonly records: number
  readonly repetitions: number
  readonly json: boolean
}

/** Adds the command. Suites are loaded when they run. */
export function registerBench(program: Command): void {
  const bench = program
    .command('bench')
    .description(
      'Measure this machine. Results are verified before the clock starts; see docs/benchmarks.md.'
    )

  withJson(bench.command('series'))
    .description('The incremental engine on a full window, an update every 100 points.')
    .option('--window <points>', 'points in the window', wholeNumber(1, WINDOW_MAX), 1_000_000)
    .option('--points <points>', 'points to time, at least', wholeNumber(1, POINTS_MAX), 10_000_000)
    .option('--api', 'through StreamingTdaProcessor in batches of 4096, not native calls of 65 536', false)
    .addOption(new Option('--case <name>', 'only this one').choices(SERIES_CASES))
    .action(async ({ json, case: name, ...options }: SeriesOptions) => {
      const { benchmarkSeries } = await import('../../benchmarks/series.js')
      await printResults(json, benchmarkSeries({ ...options, ...(name ? { cases: [name] } : {}) }))
    })

  withJson(bench.command('windows'))
    .description('Insertion into a full sliding window through the public API, evicted points returned.')
    .option('--window <points>', 'points in the window', wholeNumber(1, WINDOW_MAX), 4096)
    .option('--points <points>', 'points to time, at least', wholeNumber(1, POINTS_MAX), 5_000_000)
    .option('--batch <points>', 'points in one call of case batch', wholeNumber(1, 1_000_000), 4096)
    .addOption(new Option('--case <name>', 'only this one').choices(['single', 'batch']))
    .action(async ({ json, case: name, ...options }: WindowsOptions) => {
      const { benchmarkWindows } = await import('../../benchmarks/windows.js')
      await printResults(json, benchmarkWindows({ ...options, ...(name ? { cases: [name] } : {}) }))
    })

  registerCloudSuites(bench)

  withJson(bench.command('metrics'))
    .description('Processor time of the pipeline without metrics and with them, scraped, in turns.')
    .option('--pairs <number>', 'rounds of the two, each there and back', wholeNumber(2, 10_000), 30)
    .option('--records <number>', 'records in one run', wholeNumber(1000, POINTS_MAX), 1_000_000)
    .option('--idle <ms>', 'how long an idle process is watched at a time', wholeNumber(1, 3_600_000), 500)
    .action(async ({ json, ...options }: MetricsOptions) => {
      const { benchmarkMetrics } = await import('../../benchmarks/metrics.js')
      await printResults(json, benchmarkMetrics(options))
    })

  withJson(bench.command('tracing'))
    .description('Processor time of the pipeline without tracing, with 1 % and with 100 % sampled, in turns.')
    .option('--pairs <number>', 'rounds of the three, each there and back', wholeNumber(2, 10_000), 30)
    .option('--records <number>', 'records in one run', wholeNumber(1000, POINTS_MAX), 250_000)
    .action(async ({ json, ...options }: TracingOptions) => {
      const { benchmarkTracing } = await import('../../benchmarks/tracing.js')
      await printResults(json, benchmarkTracing(options))
    })

  withJson(bench.command('pipeline'))
    .description(
      'Embedded broker to published updates: one JSON point a record, 3 scales, a producer process.'
    )
    .option('--streams <number>', 'streams; default: 4, then 1000', wholeNumber(1, 100_000))
    .option('--records <number>', 'records in one repetition', wholeNumber(1000, POINTS_MAX), 500_000)
    .option('--repetitions <number>', 'timed repetitions', wholeNumber(1, 1000), 3)
    .action(async ({ json, streams, ...options }: PipelineOptions) => {
      const { benchmarkPipeline } = await import('../../benchmarks/pipeline.js')
      await printResults(
        json,
        benchmarkPipeline({ ...options, streams: streams === undefined ? [4, 1000] : [streams] })
      )
    })

  registerKafkaSuite(bench)
}
