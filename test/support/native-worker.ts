/** What the worker threads of the native tests do: one job each, told by `workerData`. */
import { parentPort, workerData } from 'node:worker_threads'
import { TdaError } from '../../lib/errors.js'
import { type EngineHandle, nativeAddon } from '../../lib/native.js'

export type NativeJob =
  /** Advances the engine to `until` once, trying again while it is busy, and posts the number of change rows. */
  | { readonly kind: 'advance'; readonly engine: EngineHandle; readonly until: number }
  /** Asks for the diagram again and again until `stop[0]` is set. */
  | { readonly kind: 'ask'; readonly engine: EngineHandle; readonly stop: Int32Array }

const addon = nativeAddon()

function unlessBusy<T>(call: () => T): T | undefined {
  try {
    return call()
  } catch (error) {
    if (error instanceof TdaError && error.code === 'ENGINE_BUSY') return undefined
    throw error
  }
}

function run(job: NativeJob): number {
  switch (job.kind) {
    case 'advance': {
      for (;;) {
        const result = unlessBusy(() => addon.engineAdvance(job.engine, job.until, false))
        if (result !== undefined) return result.changes.length / 8
      }
    }
    case 'ask': {
      let asked = 0
      while (Atomics.load(job.stop, 0) === 0) {
        if (unlessBusy(() => addon.engineDiagram(job.engine)) !== undefined) asked += 1
      }
      return asked
    }
  }
}

parentPort?.postMessage(run(workerData as NativeJob))
