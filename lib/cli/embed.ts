/** `embed`: which delay embedding the series of a file asks for, the curves, and the lines of a scale to use it. */
import { Document } from 'yaml'
import { readPoints } from '../adapters/number-table.js'
import { openText } from '../adapters/text-lines.js'
import { TdaError } from '../errors.js'
import { suggestEmbedding, type EmbeddingSuggestion } from '../scales/embedding.js'
import { EXIT, type ExitCode } from './exit-codes.js'
import { rejectedText } from './rejected-text.js'
import { progressBar, tableText, write, type Terminal } from './terminal.js'

export interface EmbedOptions {
  readonly column?: string
  readonly delay?: number
  readonly delayMax?: number
  readonly dimensionMax?: number
  readonly json: boolean
}

/** Points of a window in the scale that is suggested: some turns of the series, and well below a millisecond a slide. */
const WINDOW = 1000
const BAR_WIDTH = 40
const ROWS_MAX = 40

/** Prints the suggestion, its curves and a scale for the configuration, or with `json` one object. */
export async function embed(path: string, options: EmbedOptions, terminal: Terminal): Promise<ExitCode> {
  const file = await openText(path, terminal.stdin)
  const bar = progressBar(terminal, 'reading', file.bytes)
  const { column, ...rest } = options
  const wanted = column === undefined ? undefined : [column]
  const table = await readPoints(file, wanted, () => bar.update(file.bytesRead())).finally(() => bar.stop())
  await write(terminal.stderr, rejectedText(table.rowsRead, table.rejected))
  if (table.columns.length > 1) {
    const names = table.columns.join(', ')
    throw new TdaError(
      'USAGE',
      `${file.path} has several numeric columns (${names}); name one with --column NAME`
    )
  }
  const [channel] = table.columns
  const found = suggestEmbedding(table.values, rest)
  const text = options.json
    ? `${JSON.stringify({ column: channel, points: table.count, ...found, mutualInformation: [...found.mutualInformation] })}\n`
    : report(`${file.name}, column ${channel}, ${table.count} points`, channel!, found)
  await write(terminal.stdout, text)
  return EXIT.done
}

const DELAY_RULES: Readonly<Record<EmbeddingSuggestion['delayRule'], string>> = {
  'first-minimum': 'the first minimum of the mutual information',
  'one-over-e':
    'where the mutual information falls below 1/e, as it has no minimum; try a larger --delay-max',
  none: 'the mutual information has no minimum and does not fall; try a larger --delay-max',
  given: 'as given'
}

function report(title: string, channel: string, found: EmbeddingSuggestion): string {
  const { delay, delayRule, dimension, dimensionRule, caoDimension, dimensions } = found
  const share = dimensions[dimension - 1]!.falseNeighbours
  const why =
    dimensionRule === 'false-neighbours'
      ? 'the fewest coordinates with less than 1 % false nearest neighbours'
      : `no dimension has less than 1 % false nearest neighbours (noise?); this one has the least, ${percent(share)}`
  const cao = caoDimension === null ? "Cao's E1 does not settle" : `Cao's E1 settles at ${caoDimension}`
  const table = tableText(
    ['coordinates', 'false neighbours', 'E1', 'E2'],
    dimensions.map(({ dimension: d, falseNeighbours, e1, e2 }) => [
      d,
      percent(falseNeighbours),
      e1.toFixed(3),
      e2.toFixed(3)
    ])
  )
  return [
    title,
    `delay      ${delay}  (${DELAY_RULES[delayRule]})`,
    `dimension  ${dimension}  (${why}; ${cao})`,
    '',
    'mutual information in bits by delay',
    curve(found.mutualInformation, delay),
    '',
    table,
    '',
    'as a scale of a configuration:',
    scaleLines(channel, delay, dimension)
  ].join('\n')
}

/** One line a delay, as long as it says most; every few delays where they are many. */
function curve(bits: Float64Array, chosen: number): string {
  const step = Math.ceil(bits.length / ROWS_MAX)
  const shown = [...bits.keys()].filter((delay) => delay % step === 0 || delay === chosen)
  const largest = Math.max(...bits, Number.MIN_VALUE)
  const width = String(bits.length - 1).length
  return shown
    .map((delay) => {
      const bar = '#'.repeat(Math.round((BAR_WIDTH * bits[delay]!) / largest))
      const line = `${String(delay).padStart(width)}  ${bits[delay]!.toFixed(3)}  ${bar}`
      return `${line.trimEnd()}${delay === chosen ? '  <- delay' : ''}`
    })
    .join('\n')
}

function scaleLines(channel: string, delay: number, dimension: number): string {
  const name = `embedding-${WINDOW}`
  const scale = { name, window: WINDOW, filtration: 'rips', channel, embedding: { dimension, delay } }
  return new Document({ scales: [scale] }).toString()
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
