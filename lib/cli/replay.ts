/** `replay`: the pipeline from a CSV file to a file of updates. The same bytes on every run, with any number of workers. */
import { openCsv } from '../adapters/csv-file.js'
import { createDecoder } from '../adapters/decoder.js'
import { configForFile } from '../adapters/file-records.js'
import { fileSource } from '../adapters/file-source.js'
import { loadConfig } from '../config/load.js'
import { requireMemory } from '../config/memory.js'
import { TdaError } from '../errors.js'
import { Pipeline } from '../pipeline/pipeline.js'
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
  const loaded = await loadConfig(options.config, 'file')
  requireMemory(loaded)
  const file = await openCsv(path, terminal.stdin)
  const { workers } = options
  const config = {
    ...configForFile(loaded, file),
    ...(workers === undefined ? {} : { pipeline: { ...loaded.pipeline, workers } })
  }
  const decoder = createDecoder(config) // before the output is touched: it finds columns that are not there
  const outputs: OutputFile[] = []
  const bar = progressBar(terminal, 'replaying', file.bytes)
  const started = performance.now()
  try {
    const open = async (target: string): Promise<OutputFile> => {
      const output = await openOutput(target, terminal)
      outputs.push(output)
      return output
    }
    const out = await open(options.out)
    const letters = options.deadLetters === undefined ? null : await open(options.deadLetters)
    const sink = new NdjsonSink(out.write, letters?.write ?? null)
    const source = fileSource(file, () => bar.update(file.bytesRead()))
    const pipeline = new Pipeline({ config, source, decoder, sink })
    await pipeline.run()
    bar.stop()
    const { records, points, updates } = pipeline.totals
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    const summary = `streaming-tda: ${records} rows, ${points} points, ${updates} messages in ${seconds} s\n`
    await write(terminal.stderr, rejectedText(records, sink.rejected) + summary)
  } finally {
    bar.stop()
    for (const output of outputs) await output.close()
  }
  return EXIT.done
}
