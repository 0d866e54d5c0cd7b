/** Benchmark.js as this package uses it: a stated number of samples of one operation each, and every sample kept. */
import Benchmark from 'benchmark'

export interface Samples {
  /** Seconds each sampled operation took. */
  readonly seconds: readonly number[]
}

/**
 * Runs `operation` at least `samples` times, one operation a sample. The operation is stateful (a stream goes on), so
 * nothing is calibrated away by repeating it within a sample. Blocks until done.
 */
export function measure(name: string, samples: number, operation: () => void): Samples {
  const bench = new Benchmark(
    name,
    () => {
      operation()
    },
    settings(samples)
  )
  bench.run({ async: false })
  return result(bench)
}

/** The same for an operation that resolves when it is done. */
export async function measureAsync(
  name: string,
  samples: number,
  operation: () => Promise<void>
): Promise<Samples> {
  let failure: Error | undefined
  const bench = new Benchmark(
    name,
    (deferred: { resolve(): void }) => {
      operation()
        .catch((error: unknown) => {
          failure = error instanceof Error ? error : new Error(String(error))
          bench.abort()
        })
        .finally(() => {
          deferred.resolve()
        })
    },
    { ...settings(samples), defer: true }
  )
  await new Promise((resolve) => {
    bench.on('complete abort', resolve)
    bench.run({ async: true })
  })
  if (failure !== undefined) throw failure
  return result(bench)
}

function settings(samples: number): Benchmark.Options {
  return { initCount: 1, minSamples: samples, minTime: 1e-9, maxTime: 1e-9 }
}

function result(bench: Benchmark): Samples {
  const failure = bench.error as Error | undefined
  if (failure !== undefined) throw failure
  return { seconds: bench.stats.sample }
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
