/** `replay`: the pipeline from a CSV file to a file of updates. The same bytes on every run, with any number of workers. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { withCsv, type CsvFile } from '../adapters/csv-file.js'
import { createDecoder } from '../adapters/decoder.js'
import { configForFile } from '../adapters/file-records.js'
import { fileSource } from '../adapters/file-source.js'
import { loadConfig } from '../config/load.js'
import { requireMemory } from '../config/memory.js'
import type { Config } from '../config/schema.js'
import { TdaError } from '../errors.js'
import { AtLeastOnce } from '../pipeline/at-least-once.js'
import { Pipeline, type PipelineTotals } from '../pipeline/pipeline.js'
import { NdjsonSink } from '../publishers/ndjson-sink.js'
import { EXIT, type ExitCode } from './exit-codes.js'
import { openOutput, type OutputFile } from './output-file.js'
import { rejectedText } from './rejected-text.js'
import { progressBar, write, type Terminal } from './terminal.js'

export interface ReplayOptions {
  readonly config: string
  readonly out: string
  readonly deadLetters?: string
  readonly workers?: number
}

export async function replay(path: string, options: ReplayOptions, terminal: Terminal): Promise<ExitCode> {
  if (options.out === '-' && options.deadLetters === '-') {
    throw new TdaError('USAGE', '--out and --dead-letters cannot both be standard output')
  }
  await requireDistinct({
    '<file>': path,
    '--config': options.config,
    '--out': options.out,
    '--dead-letters': options.deadLetters
  })
  const config = await loadConfig(options.config, 'file')
  requireMemory(config)
  return withCsv(path, terminal.stdin, (file) => replayFile(file, config, options, terminal))
}

/** Opening an output empties it: it must not be a file that is read, by whatever name, nor the other output. */
async function requireDistinct(paths: Readonly<Record<string, string | undefined>>): Promise<void> {
  const seen = new Map<string, string>()
  for (const [name, path] of Object.entries(paths)) {
    if (path === undefined || path === '-') continue
    const found = await stat(path).catch(() => null)
    if (found && !found.isFile()) continue // a device or a pipe takes several writers
    const file = found ? `${found.dev}:${found.ino}` : resolve(path)
    const other = seen.get(file)
    if (other !== undefined) throw new TdaError('USAGE', `${other} and ${name} are the same file, ${path}`)
    seen.set(file, name)
  }
}

async function replayFile(
  file: CsvFile,
  given: Config,
  options: ReplayOptions,
  terminal: Terminal
): Promise<ExitCode> {
  const workers = options.workers ?? given.pipeline.workers
  const config = { ...configForFile(given, file), pipeline: { ...given.pipeline, workers } }
  const decoder = createDecoder(config) // before the output is touched: it finds columns that are not there
  const started = performance.now()
  const bar = progressBar(terminal, 'replaying', file.bytes)
  const outputs: OutputFile[] = []
  const open = async (target: string): Promise<OutputFile> => {
    const output = await openOutput(target, terminal)
    outputs.push(output)
    return output
  }
  try {
    const updates = await open(options.out)
    const letters = options.deadLetters === undefined ? null : await open(options.deadLetters)
    const sink = new NdjsonSink(updates.write, letters?.write ?? null)
    const source = fileSource(file, () => bar.update(file.bytesRead()))
    const pipeline = new Pipeline({ config, source, decoder, delivery: new AtLeastOnce(sink, source) })
    await pipeline.run()
    bar.stop()
    await write(terminal.stderr, summary(pipeline.totals, sink, started))
  } finally {
    bar.stop()
    for (const output of outputs) await output.close()
  }
  return EXIT.done
}

function summary(
  { records, points, updates }: PipelineTotals,
  { rejected }: NdjsonSink,
  started: number
): string {
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const done = `streaming-tda: ${records} rows, ${points} points, ${updates} messages in ${seconds} s\n`
  return rejectedText(records, rejected) + done
}
