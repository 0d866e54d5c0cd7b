/** `diagram`: the persistence diagram of one column of a file, from the engine. */
import { withCsv, type CsvFile } from '../adapters/csv-file.js'
import { createDecoder, type RejectReason } from '../adapters/decoder.js'
import { configForFile, fileRecords } from '../adapters/file-records.js'
import { chooseColumn } from '../adapters/numeric-column.js'
import { validateConfig } from '../config/load.js'
import type { DiagramSnapshot, PersistencePair } from '../diagram.js'
import { TdaError } from '../errors.js'
import type { NativeAddon } from '../native.js'
import { EXIT, type ExitCode } from './exit-codes.js'
import { DIAGRAM_POINTS_MAX } from './limits.js'
import { NewestPoints } from './newest-points.js'
import { rejectedText } from './rejected-text.js'
import { progressBar, tableText, write, type Terminal } from './terminal.js'

export interface DiagramOptions {
  readonly filtration: 'sublevel' | 'superlevel'
  readonly column?: string
  /** Only the newest so many points; otherwise all. */
  readonly last?: number
  readonly json: boolean
}

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
  { filtration, last }: DiagramOptions,
  addon: NativeAddon,
  progress: () => void
): Promise<Read> {
  const count = last ?? DIAGRAM_POINTS_MAX
  const scale = { name: 'all', window: count, filtration }
  const config = validateConfig({ input: { channels: [column] }, scales: [scale] })
  const decoder = createDecoder(configForFile(config, file))
  const batchMax = config.pipeline.recordsMax
  const newest = new NewestPoints(addon, { filtration, count, batchMax })
  const rejected = new Map<RejectReason, number>()
  let rows = 0
  try {
    for await (const records of fileRecords(file, batchMax)) {
      const batch = decoder.decode(records)
      rows += records.length
      for (const { reason } of batch.rejected) rejected.set(reason, (rejected.get(reason) ?? 0) + 1)
      for (const points of batch.streams) newest.take(points)
      if (last === undefined && newest.points > count) {
        const advice = 'choose the newest with --last N'
        throw new TdaError('CAPACITY_EXCEEDED', `${file.path} has more than ${count} points; ${advice}`)
      }
      progress()
    }
    if (newest.points === 0) throw new TdaError('FILE', `${file.path} has no points`)
    const snapshot = newest.snapshot(file.name, last === undefined ? 'all' : `last-${last}`)
    const full = last === undefined || snapshot.window.full
    return { diagram: { ...snapshot, window: { ...snapshot.window, full } }, rows, rejected }
  } finally {
    newest.close()
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
