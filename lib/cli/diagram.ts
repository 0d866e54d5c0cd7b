/** `diagram`: the persistence diagram of one column of a file, from the engine. */
import { withCsv, type CsvFile } from '../adapters/csv-file.js'
import { createDecoder, type RejectReason } from '../adapters/decoder.js'
import { configForFile, fileRecords } from '../adapters/file-records.js'
import { chooseColumn } from '../adapters/numeric-column.js'
import { validateConfig } from '../config/load.js'
import type { DiagramSnapshot, PersistencePair } from '../diagram.js'
import { TdaError } from '../errors.js'
import { SERIES_LAYOUT, type NativeAddon } from '../native.js'
import { pairsOf } from '../publishers/diagram-rows.js'
import { EXIT, type ExitCode } from './exit-codes.js'
import { rejectedText } from './rejected-text.js'
import { progressBar, tableText, write, type Terminal } from './terminal.js'

export interface DiagramOptions {
  readonly filtration: 'sublevel' | 'superlevel'
  readonly column?: string
  /** Only the newest so many points; otherwise all. */
  readonly last?: number
  readonly json: boolean
}

/** Most points without `--last`: about 6 GiB in the engine at worst. */
const POINTS_MAX = 1 << 26
/** Pairs in the table; `--json` has all. */
const ROWS_SHOWN = 20

interface Read {
  readonly diagram: DiagramSnapshot
  readonly rows: number
  readonly rejected: ReadonlyMap<RejectReason, number>
}

/** Prints a table of the longest pairs, or with `json` the whole diagram as one `DiagramSnapshot`. */
export async function diagram(
  path: string,
  options: DiagramOptions,
  terminal: Terminal,
  addon: NativeAddon
): Promise<ExitCode> {
  const { column, ...read } = await withCsv(path, terminal.stdin, async (opened) => {
    const { file, column } = await chooseColumn(opened, options.column)
    const bar = progressBar(terminal, 'reading', file.bytes)
    try {
      return { column, ...(await compute(file, column, options, addon, () => bar.update(file.bytesRead()))) }
    } finally {
      bar.stop()
    }
  })
  await write(terminal.stderr, rejectedText(read.rows, read.rejected))
  await write(
    terminal.stdout,
    options.json ? `${JSON.stringify(read.diagram)}\n` : report(read.diagram, column, options)
  )
  return EXIT.done
}

async function compute(
  file: CsvFile,
  column: string,
  options: DiagramOptions,
  addon: NativeAddon,
  progress: () => void
): Promise<Read> {
  const { filtration } = options
  const count = options.last ?? POINTS_MAX
  const config = validateConfig({
    input: { channels: [column] },
    scales: [{ name: 'all', window: count, filtration }]
  })
  const decoder = createDecoder(configForFile(config, file))
  const { recordsMax } = config.pipeline
  const rejected = new Map<RejectReason, number>()
  let rows = 0
  let points = 0
  const stream = addon.streamCreate({
    dimension: 1,
    capacity: count + recordsMax,
    timestamps: false,
    logPositions: true
  })
  try {
    const engine = addon.engineCreate(stream, {
      filtration,
      channel: 0,
      window: { count },
      slide: { byHand: true },
      snapshotEvery: 0
    })
    try {
      for await (const records of fileRecords(file, recordsMax)) {
        const batch = decoder.decode(records)
        rows += records.length
        for (const { reason } of batch.rejected) rejected.set(reason, (rejected.get(reason) ?? 0) + 1)
        for (const { values, offsets, indices } of batch.streams)
          points = addon.streamAppend(stream, values, null, offsets, indices)
        if (options.last === undefined && points > POINTS_MAX) {
          throw new TdaError(
            'CAPACITY_EXCEEDED',
            `${file.path} has more than ${POINTS_MAX} points; choose the newest with --last N`
          )
        }
        addon.engineUpdate(engine, points, Math.max(0, points - count))
        progress()
      }
      if (points === 0) throw new TdaError('FILE', `${file.path} has no points`)
      const { first } = addon.engineState(engine)
      const { offsets, indices } = addon.streamRead(stream, first, points)
      const pairs = pairsOf(addon.engineDiagram(engine), SERIES_LAYOUT)
      const at = (point: number): [number, number] => [offsets![point]!, indices![point]!]
      const size = points - first
      const diagram: DiagramSnapshot = {
        type: 'snapshot',
        stream: file.name,
        scale: options.last === undefined ? 'all' : `last-${count}`,
        sequence: 1,
        partition: 0,
        window: {
          points: size,
          full: options.last === undefined || size === count,
          first: at(0),
          last: at(size - 1),
          firstTimestamp: null,
          lastTimestamp: null
        },
        pairs,
        features: { pairs: pairs.length }
      }
      return { diagram, rows, rejected }
    } finally {
      addon.engineRelease(engine)
    }
  } finally {
    addon.streamRelease(stream)
  }
}

function report(
  { stream, window, pairs }: DiagramSnapshot,
  column: string,
  { filtration }: DiagramOptions
): string {
  const length = ({ birth, death }: PersistencePair): number =>
    death === null ? Infinity : Math.abs(death - birth)
  const longest = [...pairs].sort((a, b) => length(b) - length(a)).slice(0, ROWS_SHOWN)
  const rows = longest.map((pair) => {
    const { birth, death, birthPoints, deathPoints } = pair
    return [
      birth,
      death ?? 'never',
      death === null ? 'infinite' : length(pair),
      birthPoints[0]![0],
      deathPoints[0]?.[0] ?? ''
    ]
  })
  const table = tableText(['birth', 'death', 'persistence', 'birth row', 'death row'], rows)
  const title = `${stream}, column ${column}, ${filtration}: ${pairs.length} pairs in ${window.points} points (rows ${window.first[0]} to ${window.last[0]})`
  const rest =
    pairs.length > longest.length
      ? [`${pairs.length - longest.length} shorter pairs are not shown; --json has all`]
      : []
  return [title, table, ...rest, ''].join('\n')
}
