/** `streaming-tda diagram FILE`: its options, and which of its two halves they are for. */
import { Option, type Command } from 'commander'
import { TdaError } from '../errors.js'
import { METRICS } from '../native.js'
import type { DiagramOptions } from './diagram.js'
import type { RipsDiagramOptions } from './diagram-rips.js'
import type { ExitCode } from './exit-codes.js'
import { DIAGRAM_POINTS_MAX } from './limits.js'
import { nameList, notNegative, wholeNumber } from './parse-number.js'
import type { Terminal } from './terminal.js'

type DiagramCommand = { readonly filtration: 'rips' } & RipsDiagramOptions
type SeriesCommand = DiagramOptions

const RIPS_ONLY = [
  'columns',
  'metric',
  'distanceMatrix',
  'maxDimension',
  'modulus',
  'threshold',
  'threads',
  'representatives',
  'memory'
]

/** Adds the command. */
export function registerDiagram(
  program: Command,
  terminal: Terminal,
  answer: (code: ExitCode) => void
): void {
  program
    .command('diagram')
    .description('The persistence diagram of a column, a point cloud or a distance matrix in a file.')
    .argument('<file>', 'file of numbers (sublevel, superlevel: CSV with a header), or - for standard input')
    .addOption(
      new Option('--filtration <kind>', 'which filtration')
        .choices(['sublevel', 'superlevel', 'rips'])
        .default('sublevel')
    )
    .option('--column <name>', 'the column; may be left out when only one is numeric and no time')
    .option('--last <points>', 'only the newest so many points', wholeNumber(1, DIAGRAM_POINTS_MAX))
    .option('--json', 'the whole diagram as one JSON object', false)
    .optionsGroup('Options of --filtration rips:')
    .option('--columns <names>', 'coordinates, separated by commas (default: all numeric columns)', nameList)
    .addOption(
      new Option('--metric <name>', 'how distances are formed').choices(METRICS).default('euclidean')
    )
    .option('--distance-matrix', 'the file has distances: all of them, or those below the diagonal', false)
    .option('--max-dimension <d>', 'highest dimension of homology', wholeNumber(0, 16), 1)
    .option('--modulus <prime>', 'coefficients modulo this prime', wholeNumber(2, 32_749), 2)
    .option('--threshold <length>', 'longer edges do not enter (default: none)', notNegative)
    .option('--threads <number>', 'threads; the result is the same for any number', wholeNumber(1, 256), 1)
    .option('--representatives', 'with --json: a cocycle for each pair', false)
    .option('--memory <MiB>', 'give up before more is needed', wholeNumber(1, 2 ** 24), 2048)
    .action(async (file: string, options: DiagramCommand | SeriesCommand, command: Command) => {
      check(command)
      if (options.filtration === 'rips') {
        const { ripsDiagram } = await import('./diagram-rips.js')
        answer(await ripsDiagram(file, options, terminal))
        return
      }
      const [{ diagram }, { nativeAddon }] = await Promise.all([
        import('./diagram.js'),
        import('../native.js')
      ])
      answer(await diagram(file, options, terminal, nativeAddon()))
    })
}

/** @throws {TdaError} USAGE for options that do not go together. */
function check(command: Command): void {
  const given = (name: string): boolean => command.getOptionValueSource(name) === 'cli'
  const refuse = (names: readonly string[], why: string): void => {
    const name = names.find(given)
    if (name === undefined) return
    const option = command.options.find((one) => one.attributeName() === name)!
    throw new TdaError('USAGE', `${option.long} ${why}`)
  }
  const rips = command.getOptionValue('filtration') === 'rips'
  if (!rips) refuse(RIPS_ONLY, 'belongs to --filtration rips')
  else refuse(['column'], 'belongs to sublevel and superlevel; rips takes --columns')
  if (given('distanceMatrix'))
    refuse(['columns', 'metric', 'last'], 'is of points, not of a --distance-matrix')
  if (!given('json')) refuse(['representatives'], 'needs --json')
}
