/** Points that a Rips scale cannot take, whatever came before them: what a record or a batch is refused for, in words. */
import type { RejectReason, StreamPoints } from '../adapters/decoder.js'
import { NATIVE_ERROR_CODES, TdaError } from '../errors.js'
import { nativeAddon, type StreamHandle } from '../native.js'
import type { Refusal } from './admission.js'

/** Values of one point that a message shows. */
const SHOWN_MAX = 8

/** The reason behind a number of `streamRefusals`. REQUIRES: not 0. */
export function misfitReason(code: number): RejectReason {
  return NATIVE_ERROR_CODES[code - 1] === 'DISTANCE_OVERFLOW' ? 'distance_overflow' : 'no_direction'
}

/** @param codes As `streamRefusals` gives them. */
export function misfitRefusal(
  { values, count }: Pick<StreamPoints, 'values' | 'count'>,
  codes: Uint8Array | null,
  from: number,
  to: number
): Refusal | null {
  if (codes === null) return null
  let at = from
  while (at < to && codes[at] === 0) at += 1
  if (at === to) return null
  const channels = values.length / count
  const shown = values.subarray(at * channels, at * channels + Math.min(channels, SHOWN_MAX)).join(', ')
  const point = `the point (${shown}${channels > SHOWN_MAX ? ', ...' : ''})`
  const reason = misfitReason(codes[at]!)
  const message =
    reason === 'distance_overflow'
      ? `${point} is too large for the distances of a Rips scale (limit 8.5e37, weights included)`
      : `${point} has no direction, which the cosine or correlation metric of a Rips scale needs`
  return { reason, message }
}

/**
 * Refuses a batch that is appended in several pieces before the first of them is. O(values).
 *
 * @throws TdaError DISTANCE_OVERFLOW, NON_FINITE_POINT (no direction).
 */
export function requireNoMisfits(stream: StreamHandle, values: Float64Array, dimension: number): void {
  const codes = nativeAddon().streamRefusals(stream, values)
  const count = values.length / dimension
  const refusal = misfitRefusal({ values, count }, codes, 0, count)
  if (refusal === null) return
  const code = refusal.reason === 'distance_overflow' ? 'DISTANCE_OVERFLOW' : 'NON_FINITE_POINT'
  throw new TdaError(code, `${refusal.message}; nothing was applied`)
}
