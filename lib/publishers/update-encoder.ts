/**
 * The JSON of diagram updates and snapshots, made straight from the engine's rows of numbers, inside the worker thread
 * that advanced the engine. Equal, byte for byte, to `JSON.stringify` of the typed `DiagramMessage` with the keys in
 * the order of `lib/diagram.ts` (a property test holds it to that). Numbers round-trip exactly: they are what
 * `String(number)` gives.
 *
 *   {"type":"update", ... ,"window":{...}   "removed":[ids],"added":[pairs],"moved":[...]   ,"features":{...},"part":{...}}
 *    head, the same in every part           lists, cut into parts                           tail
 *
 * A message above `maxBytes` is cut between list items into parts of one sequence. A part is at most `maxBytes` long,
 * unless a single item does not fit beside the head; room for the numbering is kept free, so that a message within
 * PART_BYTES of the limit may be cut already.
 * Cost: about 1 us per pair, nearly all of it printing the two values.
 */
import { changeStride, CHANGE_KIND, EMISSION, type AdvanceResult, type ChangeLayout } from '../native.js'

export interface UpdateContext {
  readonly stream: string
  readonly scale: string
  readonly partition: number
  readonly layout: ChangeLayout
  /** Longest message in bytes of UTF-8. */
  readonly maxBytes: number
  /** The window could not be rebuilt completely after a restart: messages say so. */
  readonly rebuilt: boolean
  /** Whether the stream has event time: if not, the window's timestamps are `null`. */
  readonly eventTime: boolean
}

/** `,"part":{"index":9999999,"of":9999999}` */
const PART_BYTES = 40

/** The JSON messages of one advance: each update, cut into parts where it exceeds `maxBytes`, followed by its snapshot where due. */
export function encodeAdvance(result: AdvanceResult, context: UpdateContext): string[] {
  const messages: string[] = []
  const names = `"stream":${JSON.stringify(context.stream)},"scale":${JSON.stringify(context.scale)},"sequence":`
  const { emissions } = result
  let change = 0
  let snapshotRow = 0
  for (let at = 0; at < emissions.length; at += EMISSION.stride) {
    const changesEnd = emissions[at + EMISSION.changesEnd]!
    const snapshotEnd = emissions[at + EMISSION.snapshotEnd]!
    const head = `${names}${emissions[at]!},"partition":${context.partition},"window":${windowJson(emissions, at, context)}`
    const tail = `"features":{"pairs":${emissions[at + EMISSION.pairs]!}}`
    const boundary = emissions[at + EMISSION.boundaryMs]!
    const boundaryJson = Number.isNaN(boundary) ? '' : `,"boundaryTimestamp":${boundary}`
    const rebuilt = context.rebuilt ? ',"rebuilt":true,' : ','
    pushUpdate(
      messages,
      `{"type":"update",${head}${boundaryJson}${rebuilt}`,
      tail,
      result.changes,
      change,
      changesEnd,
      context
    )
    if (snapshotEnd > snapshotRow) {
      pushSnapshot(
        messages,
        `{"type":"snapshot",${head}${rebuilt}`,
        tail,
        result.snapshots,
        snapshotRow,
        snapshotEnd,
        context
      )
    }
    change = changesEnd
    snapshotRow = snapshotEnd
  }
  return messages
}

function windowJson(emissions: Float64Array, at: number, context: UpdateContext): string {
  const first = emissions[at + EMISSION.firstTimestamp]!
  const last = emissions[at + EMISSION.lastTimestamp]!
  return (
    `{"points":${emissions[at + EMISSION.points]!},"full":${emissions[at + EMISSION.full] === 1},` +
    `"first":[${emissions[at + EMISSION.firstOffset]!},${emissions[at + EMISSION.firstIndex]!}],` +
    `"last":[${emissions[at + EMISSION.lastOffset]!},${emissions[at + EMISSION.lastIndex]!}],` +
    `"firstTimestamp":${timestampJson(first, context)},"lastTimestamp":${timestampJson(last, context)}}`
  )
}

function timestampJson(timestamp: number, context: UpdateContext): number | null {
  return context.eventTime && !Number.isNaN(timestamp) ? timestamp : null
}

function pushUpdate(
  messages: string[],
  head: string,
  tail: string,
  rows: Float64Array,
  from: number,
  end: number,
  context: UpdateContext
): void {
  const stride = changeStride(context.layout)
  const frame = Buffer.byteLength(head) + tail.length + '"removed":[],"added":[],"moved":[],}'.length
  const room = context.maxBytes - frame - PART_BYTES
  const parts: string[] = []
  let removed = ''
  let added = ''
  let moved = ''
  const cut = (): void => {
    parts.push(`"removed":[${removed}],"added":[${added}],"moved":[${moved}],`)
    removed = added = moved = ''
  }
  for (let row = from; row < end; row++) {
    const at = row * stride
    const kind = rows[at]!
    const id = idJson(rows, at, context.layout)
    const item =
      kind === CHANGE_KIND.removed
        ? id
        : kind === CHANGE_KIND.added
          ? pairJson(id, rows, at, context.layout)
          : movedJson(id, rows, at, context.layout)
    // Items are ASCII, so their length is their bytes; one more for the comma.
    const used = removed.length + added.length + moved.length
    if (used > 0 && used + item.length + 1 > room) cut()
    if (kind === CHANGE_KIND.removed) removed = joined(removed, item)
    else if (kind === CHANGE_KIND.added) added = joined(added, item)
    else moved = joined(moved, item)
  }
  cut()
  pushParts(messages, head, parts, tail)
}

function pushSnapshot(
  messages: string[],
  head: string,
  tail: string,
  rows: Float64Array,
  from: number,
  end: number,
  context: UpdateContext
): void {
  const stride = changeStride(context.layout)
  const room = context.maxBytes - Buffer.byteLength(head) - tail.length - '"pairs":[],}'.length - PART_BYTES
  const parts: string[] = []
  let pairs = ''
  for (let row = from; row < end; row++) {
    const at = row * stride
    const item = pairJson(idJson(rows, at, context.layout), rows, at, context.layout)
    if (pairs !== '' && pairs.length + item.length + 1 > room) {
      parts.push(`"pairs":[${pairs}],`)
      pairs = ''
    }
    pairs = joined(pairs, item)
  }
  parts.push(`"pairs":[${pairs}],`)
  pushParts(messages, head, parts, tail)
}

function pushParts(messages: string[], head: string, parts: readonly string[], tail: string): void {
  if (parts.length === 1) {
    messages.push(`${head}${parts[0]!}${tail}}`)
    return
  }
  for (let index = 0; index < parts.length; index++) {
    messages.push(`${head}${parts[index]!}${tail},"part":{"index":${index},"of":${parts.length}}}`)
  }
}

function joined(list: string, item: string): string {
  return list === '' ? item : `${list},${item}`
}

function idJson(rows: Float64Array, at: number, layout: ChangeLayout): string {
  let id = `"${rows[at + 1]!}:${rows[at + 4]!}.${rows[at + 5]!}`
  for (let p = 1; p < layout.birthPoints && rows[at + 4 + 2 * p]! >= 0; p++) {
    id += `-${rows[at + 4 + 2 * p]!}.${rows[at + 5 + 2 * p]!}`
  }
  return `${id}"`
}

function pairJson(id: string, rows: Float64Array, at: number, layout: ChangeLayout): string {
  const births = pointsJson(rows, at + 4, layout.birthPoints)
  const deaths = pointsJson(rows, at + 4 + 2 * layout.birthPoints, layout.deathPoints)
  return `{"id":${id},"dimension":${rows[at + 1]!},"birth":${rows[at + 2]!},"death":${deathJson(rows, at)},"birthPoints":[${births}],"deathPoints":[${deaths}]}`
}

function movedJson(id: string, rows: Float64Array, at: number, layout: ChangeLayout): string {
  const deaths = pointsJson(rows, at + 4 + 2 * layout.birthPoints, layout.deathPoints)
  return `{"id":${id},"death":${deathJson(rows, at)},"deathPoints":[${deaths}]}`
}

function deathJson(rows: Float64Array, at: number): number | null {
  const death = rows[at + 3]!
  return death === Infinity ? null : death
}

function pointsJson(rows: Float64Array, at: number, count: number): string {
  let points = ''
  for (let p = 0; p < count && rows[at + 2 * p]! >= 0; p++) {
    points = joined(points, `[${rows[at + 2 * p]!},${rows[at + 2 * p + 1]!}]`)
  }
  return points
}
