/**
 * Persistence of a whole cloud as one call that leaves the main thread free: the numbers go into native memory, a thread
 * of a small pool computes, and watching or stopping it goes through the handle.
 */
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import { TdaError } from '../errors.js'
import { nativeAddon, type BatchHandle, type NativeBatchResult, type NativeBatchState } from '../native.js'
import { RipsDiagram } from './rips-diagram.js'
import { nativeInput, nativeOptions, type RipsInput, type RipsBatchOptions } from './rips-input.js'
import type { BatchFailure } from './rips-worker.js'

/** How far a computation is. */
export type RipsProgress = Pick<NativeBatchState, 'dimension' | 'columns' | 'columnsDone'>

/** Dimension, field, threshold and threads of a batch computation, and how to watch and to stop it. */
export interface RipsPersistenceOptions extends RipsBatchOptions {
  /** Ends the computation with CANCELLED, within milliseconds once distances are formed. */
  readonly signal?: AbortSignal
  /** Heard five times a second. */
  readonly onProgress?: (progress: RipsProgress) => void
}

const PROGRESS_MS = 200
/** Computations that may wait for a thread; each holds its input. */
const WAITING_MAX = 1024
/** A thread without work ends after this. */
const IDLE_MS = 2_000

/**
 * The exact Vietoris-Rips persistence of a whole cloud, in any dimension over Z/p. A simplex enters at its longest edge
 * (diameter convention). Distances are rounded once to 32-bit floats and compared as stored. No point gives an empty
 * diagram, one point one essential class.
 *
 * Cost: cubic in the simplices at worst; what real clouds take is in benchmarks/RESULTS.md. Threads: as many computations
 * run at once as there are processors, others wait.
 * Method: native/rips/cohomology.h (U. Bauer, Ripser: efficient computation of Vietoris-Rips persistence barcodes, 2021).
 *
 * @returns The diagram; see {@link RipsDiagram}.
 * @throws TdaError INVALID_ARGUMENT for options out of range, a modulus that is no prime, negative distances, a diagonal
 * that is not zero, a matrix that is not square or not symmetric; NON_FINITE_POINT, WRONG_DIMENSION, DISTANCE_OVERFLOW;
 * MEMORY_LIMIT with the estimate; CANCELLED; CAPACITY_EXCEEDED when 1024 computations wait already.
 *
 * @example
 * const square = [0, 0, 1, 0, 1, 1, 0, 1]
 * const diagram = await ripsPersistence({ points: square, dimension: 2 }, { maxDimension: 1 })
 * const loop = diagram.toPairs().find(({ dimension }) => dimension === 1)
 * console.log(loop.birth, loop.death.toFixed(3)) // 1 1.414
 * console.log(loop.deathPoints.length) // 3
 */
export async function ripsPersistence(
  input: RipsInput,
  options: RipsPersistenceOptions = {}
): Promise<RipsDiagram> {
  const { signal, onProgress } = options
  if (signal?.aborted === true) throw new TdaError('CANCELLED', 'ripsPersistence: cancelled by the caller')
  const addon = nativeAddon()
  const batch = addon.batchCreate(nativeInput(input), nativeOptions(options))
  const cancel = (): void => addon.batchCancel(batch)
  const timer =
    onProgress && setInterval(() => onProgress(progressOf(addon.batchState(batch))), PROGRESS_MS).unref()
  signal?.addEventListener('abort', cancel)
  running.add(batch)
  try {
    const result = await runInPool(batch)
    return new RipsDiagram(result)
  } finally {
    running.delete(batch)
    signal?.removeEventListener('abort', cancel)
    clearInterval(timer)
    addon.batchRelease(batch)
  }
}

let pool: Piscina | undefined
/** An exit would wait for the computations under way, so it cancels them. */
const running = new Set<BatchHandle>()

function threads(): Piscina {
  if (pool !== undefined) return pool
  pool = new Piscina({
    filename: fileURLToPath(new URL('./rips-worker.js', import.meta.url)),
    minThreads: 0,
    maxThreads: availableParallelism(),
    idleTimeout: IDLE_MS,
    maxQueue: WAITING_MAX
  })
  process.on('exit', () => {
    for (const batch of running) nativeAddon().batchCancel(batch)
  })
  return pool
}

async function runInPool(batch: BatchHandle): Promise<NativeBatchResult> {
  const workers = threads()
  if (workers.queueSize >= WAITING_MAX) {
    throw new TdaError(
      'CAPACITY_EXCEEDED',
      `ripsPersistence: ${WAITING_MAX} computations wait already; await some of them first`
    )
  }
  const output = (await workers.run(batch, { name: 'runBatch' })) as NativeBatchResult | BatchFailure
  if ('failure' in output) throw new TdaError(output.failure.code, output.failure.message)
  return output
}

function progressOf({ dimension, columns, columnsDone }: NativeBatchState): RipsProgress {
  return { dimension, columns, columnsDone }
}
