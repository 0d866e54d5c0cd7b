/** `diagram --filtration rips`: the persistence of a whole point cloud or distance matrix in a file, in any dimension. */
import { readMatrix, readPoints } from '../adapters/number-table.js'
import { openText, type TextFile } from '../adapters/text-lines.js'
import type { DiagramSnapshot, PersistencePair, PointNumber } from '../diagram.js'
import { TdaError } from '../errors.js'
import type { Metric } from '../native.js'
import type { CocycleTerm, RipsDiagram } from '../scales/rips-diagram.js'
import type { RipsInput } from '../scales/rips-input.js'
import { ripsPersistence, type RipsProgress } from '../scales/rips-persistence.js'
import { EXIT, type ExitCode } from './exit-codes.js'
import { rejectedText } from './rejected-text.js'
import { stopOnSignal } from './stop-signal.js'
import { progressBar, tableText, write, type Progress, type Terminal } from './terminal.js'

export interface RipsDiagramOptions {
  readonly maxDimension: number
  readonly modulus: number
  readonly threshold?: number
  readonly threads: number
  readonly representatives: boolean
  /** MiB. */
  readonly memory: number
  readonly distanceMatrix: boolean
  /** Of points. */
  readonly metric: Metric
  /** Coordinates; otherwise every numeric column that is no time. */
  readonly columns?: readonly string[]
  /** Only the newest so many points; otherwise all. */
  readonly last?: number
  readonly json: boolean
}

/** The diagram with the options it depends on; points are named by row. */
interface RipsSnapshot extends DiagramSnapshot {
  readonly rips: {
    readonly maxDimension: number
    readonly modulus: number
    /** `null` for a distance matrix. */
    readonly metric: Metric | null
    /** `null`: none. */
    readonly threshold: number | null
    readonly thresholdUsed: number
  }
  readonly pairs: readonly RipsPair[]
}
/** With `representatives`: coefficient and rows of each term. */
type RipsPair = PersistencePair & { readonly representative?: readonly (readonly [number, number[]])[] }

interface Cloud {
  readonly input: RipsInput
  readonly count: number
  /** Row of each point. */
  readonly rowOf: (point: number) => number
  readonly what: string
}

const MIB = 1 << 20
/** Pairs in the table; `--json` has all. */
const ROWS_SHOWN = 20

/** Prints a table of the longest pairs, or with `json` the whole diagram as one JSON object. */
export async function ripsDiagram(
  path: string,
  options: RipsDiagramOptions,
  terminal: Terminal
): Promise<ExitCode> {
  const file = await openText(path, terminal.stdin)
  const cloud = await readCloud(file, options, terminal)
  if (cloud.count === 0) throw new TdaError('FILE', `${file.path} has no points`)
  const diagram = await compute(cloud, options, terminal)
  const text = options.json
    ? `${JSON.stringify(snapshot(file.name, cloud, diagram, options))}\n`
    : report(file.name, cloud, diagram)
  await write(terminal.stdout, text)
  return EXIT.done
}

async function readCloud(file: TextFile, options: RipsDiagramOptions, terminal: Terminal): Promise<Cloud> {
  const bar = progressBar(terminal, 'reading', file.bytes)
  const progress = (): void => bar.update(file.bytesRead())
  try {
    if (!options.distanceMatrix) return await readPointCloud(file, options, terminal, progress)
    const { kind, numbers } = await readMatrix(file, progress)
    const [input, count] =
      kind === 'full'
        ? [{ distances: numbers }, Math.sqrt(numbers.length)]
        : [{ lowerDistances: numbers }, (1 + Math.sqrt(1 + 8 * numbers.length)) / 2]
    return { input, count, rowOf: (point) => point, what: `${kind} distance matrix` }
  } finally {
    bar.stop()
  }
}

async function readPointCloud(
  file: TextFile,
  options: RipsDiagramOptions,
  terminal: Terminal,
  progress: () => void
): Promise<Cloud> {
  const { metric, columns: wanted, last = Infinity } = options
  const { columns, count, values, rows, rowsRead, rejected } = await readPoints(file, wanted, progress)
  await write(terminal.stderr, rejectedText(rowsRead, rejected))
  const first = Math.max(0, count - last)
  return {
    input: { points: values.subarray(first * columns.length), dimension: columns.length, metric },
    count: count - first,
    rowOf: (point) => rows[first + point]!,
    what: `columns ${columns.join(', ')}, ${metric}`
  }
}

async function compute(cloud: Cloud, options: RipsDiagramOptions, terminal: Terminal): Promise<RipsDiagram> {
  const stop = stopOnSignal(() => process.exit(EXIT.impossible))
  const bar = new DimensionBar(terminal)
  try {
    return await ripsPersistence(cloud.input, {
      maxDimension: options.maxDimension,
      modulus: options.modulus,
      threads: options.threads,
      representatives: options.representatives,
      memoryMaxBytes: options.memory * MIB,
      ...(options.threshold === undefined ? {} : { threshold: options.threshold }),
      signal: stop.signal,
      onProgress: (progress) => bar.update(progress)
    })
  } finally {
    bar.stop()
    stop.dispose()
  }
}

/** A bar for each dimension, once its columns are counted. */
class DimensionBar {
  readonly #terminal: Terminal
  #bar: Progress | undefined
  #dimension = -1

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  update({ dimension, columns, columnsDone }: RipsProgress): void {
    if (columns === 0) return
    if (dimension !== this.#dimension) {
      this.stop()
      this.#bar = progressBar(this.#terminal, `reducing dimension ${dimension}`, columns)
      this.#dimension = dimension
    }
    this.#bar?.update(columnsDone)
  }

  stop(): void {
    this.#bar?.stop()
  }
}

function snapshot(
  stream: string,
  { count, rowOf }: Cloud,
  diagram: RipsDiagram,
  options: RipsDiagramOptions
): RipsSnapshot {
  const { maxDimension, modulus, threshold, last, representatives, distanceMatrix } = options
  const at = (point: number): PointNumber => [rowOf(point), 0]
  const pairs = Array.from({ length: diagram.length }, (_, k): RipsPair => {
    const birthPoints = diagram.birthSimplex(k).map(at)
    const death = diagram.death(k)
    const pair = {
      id: `${diagram.dimension(k)}:${birthPoints.map((point) => point.join('.')).join('-')}`,
      dimension: diagram.dimension(k),
      birth: diagram.birth(k),
      death: death === Infinity ? null : death,
      birthPoints,
      deathPoints: diagram.deathSimplex(k).map(at)
    }
    return representatives ? { ...pair, representative: diagram.representative(k).map(term) } : pair
  })
  function term({ coefficient, vertices }: CocycleTerm): [number, number[]] {
    return [coefficient, vertices.map(rowOf)]
  }
  const { thresholdUsed } = diagram
  const metric = distanceMatrix ? null : options.metric
  return {
    type: 'snapshot',
    stream,
    scale: last === undefined ? 'all' : `last-${last}`,
    sequence: 1,
    partition: 0,
    window: {
      points: count,
      full: last === undefined || count === last,
      first: at(0),
      last: at(count - 1),
      firstTimestamp: null,
      lastTimestamp: null
    },
    rips: { maxDimension, modulus, metric, threshold: threshold ?? null, thresholdUsed },
    pairs,
    features: { pairs: pairs.length }
  }
}

function report(stream: string, { count, rowOf, what }: Cloud, diagram: RipsDiagram): string {
  const length = (pair: number): number => diagram.death(pair) - diagram.birth(pair)
  const all = Array.from({ length: diagram.length }, (_, pair) => pair)
  // Higher dimensions first: of n points, nearly all pairs are in dimension 0.
  const longest = all
    .sort((a, b) => diagram.dimension(b) - diagram.dimension(a) || compare(length(b), length(a)))
    .slice(0, ROWS_SHOWN)
  const rows = longest.map((pair) => {
    const death = diagram.death(pair)
    return [
      diagram.dimension(pair),
      shown(diagram.birth(pair)),
      death === Infinity ? 'never' : shown(death),
      death === Infinity ? 'infinite' : shown(length(pair)),
      diagram.birthSimplex(pair).map(rowOf).join(' '),
      diagram.deathSimplex(pair).map(rowOf).join(' ')
    ]
  })
  const table = tableText(['dimension', 'birth', 'death', 'persistence', 'birth rows', 'death rows'], rows)
  const counts = new Map<number, number>()
  for (const pair of all) counts.set(diagram.dimension(pair), (counts.get(diagram.dimension(pair)) ?? 0) + 1)
  const perDimension = [...counts]
    .sort(([a], [b]) => a - b)
    .map(([dimension, pairs]) => `H${dimension} ${pairs}`)
  const title = `${stream}, ${what}: ${diagram.length} pairs (${perDimension.join(', ')}) in ${count} points`
  const rest =
    diagram.length > longest.length
      ? [`${diagram.length - longest.length} more pairs are not shown; --json has all`]
      : []
  return [title, table, ...rest, ''].join('\n')
}

/** Distances are 32-bit floats: 7 digits. */
function shown(length: number): number {
  return Number(length.toPrecision(7))
}

/** Of numbers that may both be infinite. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b
}
