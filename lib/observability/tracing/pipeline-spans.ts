/**
 * The pipeline's spans. Two kinds of trace meet here:
 *
 *   of a batch    receive ─┬─ decode                          one for each batch, whatever its size; links to its records
 *                          ├─ advance ─┬─ update SCALE        measured by the workers
 *                          │           └─ encode SCALE
 *                          ├─ send TOPIC                      results and dead letters
 *                          └─ commit TOPIC
 *
 *   of a record   (sender) ── process TOPIC ── send TOPIC ── (reader of the result)      one trace id, all the way
 *
 * The second kind is for records that come with a sampled context, at most `recordsPerSecond`. A result continues the
 * newest record that entered with it, or else the newest that gave birth to one of its bars, and links to the others; a
 * result without such a record continues its batch, when that is sampled.
 *
 * A followed record asks for its batch, too; so many batches a second are recorded for that (`batchesPerSecond`), because
 * at full rate nearly every batch holds one, and a recorded batch costs as much as ten followed records.
 *
 * Contexts are passed by hand, and active only while a call runs (see `sparing-contexts.ts`).
 * Cost: a decision a batch when it is not recorded, about fifteen spans of 4 us when it is, and as much again to deliver
 * them; some 10 ns for each record that is looked at, and none is while the rate is used up.
 */
import {
  INVALID_SPAN_CONTEXT,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanContext,
  type SpanOptions,
  type Tracer
} from '@opentelemetry/api'
import { TraceState } from '@opentelemetry/core'
import type { DecodedBatch, StreamPoints } from '../../adapters/decoder.js'
import type { TracingSettings } from '../../config/tracing.js'
import { TdaError } from '../../errors.js'
import type { MeshRecord, OutgoingRecord } from '../../mesh/event-mesh.js'
import { LINK, RELATION, SEMANTIC, SPAN, TDA } from './attributes.js'
import {
  noBatchTrace,
  type Arrival,
  type BatchTrace,
  type PipelineTracer,
  type RoundTrace
} from './pipeline-tracer.js'
import { RecordOrigins, type Result } from './record-origins.js'
import type { Sdk } from './sdk.js'
import { TokenBucket } from './token-bucket.js'
import { contextOf, isSampled, withContext, type TraceContext } from './trace-context.js'

const SYSTEM = 'kafka'
const NOT_RECORDED = trace.wrapSpanContext(INVALID_SPAN_CONTEXT)

/** What the spans of one pipeline speak of. */
export interface PipelineNames {
  readonly topic: string
  readonly groupId: string
  readonly outputTopic: string
  readonly deadLetterTopic: string
  /** In the order of the configuration. */
  readonly scales: readonly string[]
}

type Limits = Pick<TracingSettings, 'linksMax' | 'recordsPerSecond' | 'batchesPerSecond' | 'recordsMax'>

/** A record that has its own path. */
interface Followed {
  readonly record: MeshRecord
  readonly sender: SpanContext
}

export class PipelineSpans implements PipelineTracer {
  readonly #tracer: Tracer
  readonly #sampler: Sdk['sampler']
  readonly #ids: Sdk['ids']
  readonly #inside: Sdk['inside']
  readonly #names: PipelineNames
  readonly #linksMax: number
  readonly #rate: TokenBucket
  readonly #batchRate: TokenBucket
  readonly #origins: RecordOrigins<SpanContext>
  readonly #open = new Set<BatchSpans>()
  /** The newest batch that was delivered and waits for its commit. */
  #offered: Context | null = null

  constructor(
    { tracer, sampler, ids, inside }: Pick<Sdk, 'tracer' | 'sampler' | 'ids' | 'inside'>,
    names: PipelineNames,
    limits: Limits
  ) {
    this.#tracer = tracer
    this.#sampler = sampler
    this.#ids = ids
    this.#inside = inside
    this.#names = names
    this.#linksMax = limits.linksMax
    this.#rate = new TokenBucket(limits.recordsPerSecond)
    this.#batchRate = new TokenBucket(limits.batchesPerSecond)
    this.#origins = new RecordOrigins(limits.recordsMax, names.scales)
  }

  batch(arrival: Arrival): BatchTrace {
    const { records, decoded, arrivedMs, isLive } = arrival
    const decodedMs = performance.now()
    const following = this.#follow(records, isLive)
    // A link to a sampled record has the batch recorded (see `samplers.ts`): while that rate is used up it comes later.
    const asking = following.length > 0 && this.#batchRate.take(decodedMs) ? following : []
    const span = this.#receive(records.length, asking, arrivedMs)
    if (!span.isRecording() && following.length === 0) return this.#onlyLooking()
    if (span.isRecording()) this.#linkOthers(span, arrival, asking)
    const batch = this.#begin(
      span,
      following.map((one) => this.#process(one, span, decoded, arrivedMs))
    )
    if (span.isRecording()) batch.decoded(decoded, arrivedMs, decodedMs)
    return batch
  }

  /** A batch that leaves no span, but for results that lead back to records of earlier ones. */
  #onlyLooking(): BatchTrace {
    if (this.#origins.size === 0) return noBatchTrace
    let batch: BatchSpans | null = null
    return {
      ...noBatchTrace,
      delivering: (updates, letters) => {
        if (!this.#origins.isLooking(performance.now())) return updates
        batch = this.#begin(NOT_RECORDED, [])
        return batch.delivering(updates, letters)
      },
      finished: () => batch?.finished()
    }
  }

  #begin(span: Span, followed: readonly Span[]): BatchSpans {
    const parts = {
      tracer: this.#tracer,
      inside: this.#inside,
      names: this.#names,
      origins: this.#origins,
      linksMax: this.#linksMax
    }
    const batch = new BatchSpans(parts, span, followed, {
      delivering: (context) => (this.#offered = context),
      ended: () => this.#open.delete(batch)
    })
    this.#open.add(batch)
    return batch
  }

  #receive(records: number, asking: readonly Followed[], startTime: number): Span {
    if (asking.length === 0 && this.#ids?.next() === false) return NOT_RECORDED
    const { topic, groupId } = this.#names
    const attributes: Attributes = {
      ...messaging(topic, 'receive', 'receive'),
      [SEMANTIC.group]: groupId,
      [SEMANTIC.batchCount]: records
    }
    const links = asking.slice(0, this.#linksMax).map(({ sender }) => link(sender, RELATION.record))
    const options = { kind: SpanKind.CLIENT, attributes, links, startTime }
    return this.#tracer.startSpan(`${SPAN.receive} ${topic}`, options, ROOT_CONTEXT)
  }

  async commit<T>(partitions: number, commit: () => Promise<T>): Promise<T> {
    const parent = this.#offered
    this.#offered = null
    if (parent === null) return commit()
    const { topic, groupId } = this.#names
    const attributes = {
      ...messaging(topic, 'commit', 'settle'),
      [SEMANTIC.group]: groupId,
      [SEMANTIC.batchCount]: partitions
    }
    const options = { kind: SpanKind.CLIENT, attributes }
    return during(this.#tracer.startSpan(`${SPAN.commit} ${topic}`, options, parent), commit)
  }

  failed(error: Error): void {
    for (const batch of [...this.#open]) batch.failed(error)
  }

  /** Looks at records until no more may be followed: at none while the rate is used up. */
  #follow(records: readonly MeshRecord[], isLive: (record: MeshRecord) => boolean): Followed[] {
    const followed: Followed[] = []
    const nowMs = performance.now()
    if (!this.#rate.has(nowMs)) return followed
    for (const record of records) {
      if (!isSampled(record) || !isLive(record)) continue
      const context = contextOf(record.headers)
      if (context === null || !this.#sampler.follows(context.traceId)) continue
      followed.push({ record, sender: remote(context) })
      this.#rate.take(nowMs)
      if (!this.#rate.has(nowMs)) break
    }
    return followed
  }

  /** Links to records with a sampled context that are not linked to yet. */
  #linkOthers(span: Span, { records, isLive }: Arrival, linked: readonly Followed[]): void {
    let room = this.#linksMax - linked.length
    let next = 0 // Those that are linked to are in the order of the records.
    for (const record of records) {
      if (room <= 0) return
      if (!isSampled(record) || !isLive(record)) continue
      if (record === linked[next]?.record) {
        next += 1
        continue
      }
      room -= 1
      const context = contextOf(record.headers)
      if (context !== null) span.addLink(link(remote(context), RELATION.record))
    }
  }

  #process({ record, sender }: Followed, batch: Span, decoded: DecodedBatch, arrivedMs: number): Span {
    const { topic, groupId } = this.#names
    const attributes = {
      ...messaging(topic, 'process', 'process'),
      [SEMANTIC.group]: groupId,
      [SEMANTIC.partition]: String(record.partition),
      [SEMANTIC.offset]: record.offset,
      [SEMANTIC.bodySize]: record.value?.length ?? 0
    }
    const links = batch.isRecording() ? [link(batch.spanContext(), RELATION.batch)] : []
    const span = this.#tracer.startSpan(
      `${SPAN.process} ${topic}`,
      { kind: SpanKind.CONSUMER, attributes, links, startTime: arrivedMs },
      trace.setSpanContext(ROOT_CONTEXT, sender)
    )
    const { partition, offset } = record
    this.#origins.add(partition, offset, streamsOf(decoded.streams, record), span.spanContext())
    return span
  }
}

interface Parts {
  readonly tracer: Tracer
  readonly inside: Sdk['inside']
  readonly names: PipelineNames
  readonly origins: RecordOrigins<SpanContext>
  readonly linksMax: number
}

interface Listener {
  delivering(context: Context): void
  ended(): void
}

class BatchSpans implements BatchTrace {
  readonly #parts: Parts
  readonly #span: Span
  readonly #context: Context
  readonly #followed: readonly Span[]
  readonly #listener: Listener
  /** Of what is being delivered. */
  #sending: Span[] = []

  constructor(parts: Parts, span: Span, followed: readonly Span[], listener: Listener) {
    this.#parts = parts
    this.#span = span
    this.#context = trace.setSpan(ROOT_CONTEXT, span)
    this.#followed = followed
    this.#listener = listener
  }

  get traceId(): string | undefined {
    const { traceId, traceFlags } = this.#span.spanContext()
    return (traceFlags & TraceFlags.SAMPLED) === 0 ? undefined : traceId
  }

  inside<T>(work: () => T): T {
    return this.#span.isRecording() ? this.#parts.inside(this.#context, work) : work()
  }

  decoded({ points, rejected }: DecodedBatch, startMs: number, endMs: number): void {
    const attributes = { [TDA.points]: points, [TDA.rejected]: rejected.length }
    this.#start(SPAN.decode, { attributes, startTime: startMs })?.end(endMs)
  }

  advance<T>(engines: number, advance: (round?: RoundTrace) => Promise<T>): Promise<T> {
    const span = this.#start(SPAN.advance, { attributes: { [TDA.engines]: engines } })
    if (span === null) return advance()
    const { traceId, spanId, traceFlags } = span.spanContext()
    const context = { traceId, spanId, sampled: (traceFlags & TraceFlags.SAMPLED) !== 0 }
    const parent = trace.setSpan(ROOT_CONTEXT, span)
    const finished: RoundTrace['finished'] = (spans) => {
      for (const { step, scale, startMs, endMs, busyMs, engines: count, worker } of spans) {
        const name = this.#parts.names.scales[scale] ?? String(scale)
        const attributes = {
          [TDA.scale]: name,
          [TDA.engines]: count,
          [TDA.busyUs]: Math.round(busyMs * 1000),
          [TDA.worker]: worker
        }
        this.#parts.tracer
          .startSpan(`${SPAN[step]} ${name}`, { attributes, startTime: startMs }, parent)
          .end(endMs)
      }
    }
    return during(span, () => advance({ context, finished }))
  }

  delivering(updates: readonly OutgoingRecord[], letters: number): readonly OutgoingRecord[] {
    const { outputTopic, deadLetterTopic } = this.#parts.names
    const results = updates.length > 0 ? this.#send(outputTopic, SpanKind.PRODUCER, updates.length) : null
    if (letters > 0) this.#send(deadLetterTopic, SpanKind.CLIENT, letters)
    if (this.#span.isRecording()) {
      this.#span.setAttribute(TDA.rejected, letters)
      this.#listener.delivering(this.#context)
    }
    return this.#traced(updates, results)
  }

  finished(): void {
    const endMs = performance.now()
    for (const span of this.#sending) span.end(endMs)
    for (const span of this.#followed) span.end(endMs)
    this.#span.end(endMs)
    this.#listener.ended()
  }

  failed(error: Error): void {
    for (const span of [...this.#sending, ...this.#followed, this.#span]) fail(span, error)
    this.#listener.ended()
  }

  #send(topic: string, kind: SpanKind, records: number): Span | null {
    if (!this.#span.isRecording()) return null
    const attributes = { ...messaging(topic, 'send', 'send'), [SEMANTIC.batchCount]: records }
    const span = this.#start(`${SPAN.send} ${topic}`, { kind, attributes })
    if (span !== null) this.#sending.push(span)
    return span
  }

  /** The updates with the context that their readers continue. */
  #traced(updates: readonly OutgoingRecord[], batch: Span | null): readonly OutgoingRecord[] {
    const { origins } = this.#parts
    const ofBatch = batch === null ? null : contextFrom(batch.spanContext())
    const sampled = ofBatch?.sampled === true ? ofBatch : null
    const nowMs = performance.now()
    const looking = origins.isLooking(nowMs)
    if (sampled === null && !looking) return updates
    return updates.map((update) => {
      const result = looking ? origins.resultOf(update, nowMs) : null
      const context =
        result === null ? sampled : contextFrom(this.#result(update, result, batch).spanContext())
      return context === null ? update : { ...update, headers: withContext(update.headers ?? [], context) }
    })
  }

  #result({ value }: OutgoingRecord, result: Result<SpanContext>, batch: Span | null): Span {
    const { names, tracer, linksMax } = this.#parts
    const { entered, births, stream, scale, sequence, partition } = result
    const parent = (entered.at(-1) ?? births.at(-1))!
    // Not to its parent: some stores (Jaeger) keep one reference between two spans, and would lose the edge.
    const others = (contexts: readonly SpanContext[], relation: string): Link[] =>
      contexts.filter((context) => context !== parent).map((context) => link(context, relation))
    const links = [
      ...(batch === null ? [] : [link(batch.spanContext(), RELATION.batch)]),
      ...others(births, RELATION.birth),
      ...others(entered, RELATION.entered)
    ]
    const attributes = {
      ...messaging(names.outputTopic, 'send', 'send'),
      [SEMANTIC.bodySize]: value?.length ?? 0,
      [TDA.stream]: stream,
      [TDA.scale]: scale,
      [TDA.sequence]: sequence,
      [TDA.births]: births.length,
      [SEMANTIC.partition]: String(partition)
    }
    const span = tracer.startSpan(
      `${SPAN.send} ${names.outputTopic}`,
      { kind: SpanKind.PRODUCER, attributes, links: links.slice(0, linksMax) },
      trace.setSpanContext(ROOT_CONTEXT, parent)
    )
    this.#sending.push(span)
    return span
  }

  /** `null` when the batch is not recorded. */
  #start(name: string, options: SpanOptions): Span | null {
    return this.#span.isRecording() ? this.#parts.tracer.startSpan(name, options, this.#context) : null
  }
}

function messaging(topic: string, name: string, type: string): Attributes {
  return {
    [SEMANTIC.system]: SYSTEM,
    [SEMANTIC.destination]: topic,
    [SEMANTIC.operationName]: name,
    [SEMANTIC.operationType]: type
  }
}

function link(context: SpanContext, relation: string): Link {
  return { context, attributes: { [LINK.relation]: relation } }
}

export function remote({ traceId, spanId, sampled, traceState }: TraceContext): SpanContext {
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE
  const state = traceState === undefined ? {} : { traceState: new TraceState(traceState) }
  return { traceId, spanId, traceFlags, isRemote: true, ...state }
}

export function contextFrom({ traceId, spanId, traceFlags, traceState }: SpanContext): TraceContext {
  const sampled = (traceFlags & TraceFlags.SAMPLED) !== 0
  return { traceId, spanId, sampled, ...(traceState ? { traceState: traceState.serialize() } : {}) }
}

/** Ends the span with what `work` comes to. */
export async function during<T>(span: Span | null, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work()
    span?.end()
    return result
  } catch (error) {
    if (span) fail(span, error)
    throw error
  }
}

export function fail(span: Span, error: unknown): void {
  const known = error instanceof Error ? error : new Error(String(error))
  span.recordException(known)
  span.setStatus({ code: SpanStatusCode.ERROR, message: known.message })
  span.setAttribute(SEMANTIC.errorType, known instanceof TdaError ? known.code : known.name)
  span.end()
}

/** The streams that points of the record are in. O(log points) a stream of its partition: offsets ascend. */
function streamsOf(streams: readonly StreamPoints[], { partition, offset }: MeshRecord): string[] {
  return streams
    .filter((points) => points.partition === partition && holds(points.offsets, offset))
    .map(({ stream }) => stream)
}

function holds(ascending: Float64Array, wanted: number): boolean {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (ascending[middle]! < wanted) low = middle + 1
    else high = middle
  }
  return ascending[low] === wanted
}
