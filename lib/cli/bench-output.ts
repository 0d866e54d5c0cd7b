/** How the suites of `bench` print what they found. */
import type { Command } from 'commander'
import { BenchmarkMismatch, jsonLine, textLine, type BenchmarkResult } from '../../benchmarks/report.js'

/** Adds --json. */
export const withJson = (command: Command): Command =>
  command.option('--json', 'one JSON object a line on standard output, and nothing else', false)

/** Each as it comes. A mismatch is said on standard error and sets exit code 1. */
export async function printResults(
  json: boolean,
  results: AsyncIterable<BenchmarkResult> | Iterable<BenchmarkResult>
): Promise<void> {
  try {
    for await (const result of results)
      process.stdout.write(`${json ? jsonLine(result) : textLine(result)}\n`)
  } catch (error) {
    if (!(error instanceof BenchmarkMismatch)) throw error
    process.stderr.write(`streaming-tda: wrong result, nothing was timed: ${error.message}\n`)
    process.exitCode = 1
  }
}
