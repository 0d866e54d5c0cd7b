/** Runs in the threads of lib/scales/rips-persistence.ts: one batch computation a call, its arrays moved back. */
import { move, transferableSymbol, valueSymbol } from 'piscina'
import { TdaError, type ErrorCode } from '../errors.js'
import { nativeAddon, type BatchHandle, type NativeBatchResult } from '../native.js'

/** Errors lose their class and code on the way between threads, so they travel as data. */
export interface BatchFailure {
  readonly failure: { readonly code: ErrorCode; readonly message: string }
}

/** Computes until done, refused or cancelled. */
export function runBatch(batch: BatchHandle): NativeBatchResult | BatchFailure {
  let result: NativeBatchResult
  try {
    result = nativeAddon().batchRun(batch)
  } catch (error) {
    const code = error instanceof TdaError ? error.code : 'INTERNAL'
    return { failure: { code, message: error instanceof Error ? error.message : String(error) } }
  }
  const { pairs, vertices, coefficients, cocycleVertices } = result
  const buffers = [pairs, vertices, coefficients, cocycleVertices].map(({ buffer }) => buffer)
  const moving = { [valueSymbol]: result, [transferableSymbol]: buffers }
  return move(moving) as unknown as NativeBatchResult
}
