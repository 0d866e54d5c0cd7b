/**
 * The JSON of diagram updates and snapshots, made by the native core straight from the engine's rows of numbers, in the
 * thread that advanced the engine (`native/diagram/update_json.h` has the details). Equal, byte for byte, to
 * `JSON.stringify` of the typed `DiagramMessage` with the keys in the order of `lib/diagram.ts` (a property test holds it
 * to that). Numbers round-trip exactly: they are what `String(number)` gives.
 */
import { nativeAddon } from '../native.js'
import type { AdvanceResult, EncodedMessages, NativeUpdateContext } from '../native.js'

export interface UpdateContext extends Omit<NativeUpdateContext, 'names'> {
  readonly stream: string
  readonly scale: string
}

/**
 * The messages of one advance: each update, cut into parts where it exceeds `maxBytes`, followed by its snapshot where
 * due. Cost: about 0.2 us a pair.
 */
export function encodeUpdates(result: AdvanceResult, context: UpdateContext): EncodedMessages {
  const { stream, scale, partition, layout, maxBytes, rebuilt, eventTime } = context
  const names = `"stream":${JSON.stringify(stream)},"scale":${JSON.stringify(scale)},"sequence":`
  return nativeAddon().updateJson(result, { names, partition, layout, maxBytes, rebuilt, eventTime })
}

/** The same as texts. */
export function encodeAdvance(result: AdvanceResult, context: UpdateContext): string[] {
  const { bytes, lengths } = encodeUpdates(result, context)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const texts: string[] = []
  let at = 0
  for (const length of lengths) texts.push(text.toString('utf8', at, (at += length)))
  return texts
}
