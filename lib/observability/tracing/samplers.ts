/**
 * Which traces are recorded. One sampler whose rule can change while it is in use:
 *
 *   ratio      a part of all traces, by trace id: everybody who uses this rule with the same ratio keeps the same ones
 *   parent     what others have begun as they decided, what begins here by the ratio; a batch with a record that is
 *              followed is recorded
 *   adaptive   as `parent`, but what begins here so many times a second; the others are recorded until they end, and
 *              kept when something failed or took long (see `export-queue.ts`)
 *
 * Spans inside a trace of this process follow its root, whatever the rule.
 */
import { isSpanContextValid, trace, TraceFlags, type Context, type Link } from '@opentelemetry/api'
import {
  SamplingDecision,
  TraceIdRatioBasedSampler,
  type Sampler,
  type SamplingResult
} from '@opentelemetry/sdk-trace'
import type { TracingSettings } from '../../config/tracing.js'
import { TokenBucket } from './token-bucket.js'

const KEPT: SamplingResult = { decision: SamplingDecision.RECORD_AND_SAMPLED }
const LEFT_OUT: SamplingResult = { decision: SamplingDecision.NOT_RECORD }
/** The end decides. */
const WATCHED: SamplingResult = { decision: SamplingDecision.RECORD }

export class ChangeableSampler implements Sampler {
  readonly #nowMs: () => number
  #version = 0
  #rule!: TracingSettings['sampler']
  #ratio!: TraceIdRatioBasedSampler
  #target!: TokenBucket

  constructor(rule: TracingSettings['sampler'], nowMs = (): number => performance.now()) {
    this.#nowMs = nowMs
    this.change(rule)
  }

  /** From the next trace on. */
  change(rule: TracingSettings['sampler']): void {
    this.#version += 1
    this.#rule = rule
    this.#ratio = new TraceIdRatioBasedSampler(rule.ratio)
    this.#target = new TokenBucket(rule.targetPerSecond)
  }

  /** Another one after each change. */
  get version(): number {
    return this.#version
  }

  /** From how long on a watched trace is slow. */
  get slowMs(): number {
    return this.#rule.slowMs
  }

  /** Whether the trace of a record that was sampled by its sender goes on here. */
  follows(traceId: string): boolean {
    return this.#rule.kind !== 'ratio' || this.#byRatio(traceId) === KEPT
  }

  /** Whether a trace of this id that begins here, and links to nothing, is recorded at all. Decides nothing that counts. */
  begins(traceId: string): boolean {
    return this.#rule.kind === 'adaptive' || this.#byRatio(traceId) === KEPT
  }

  shouldSample(
    context: Context,
    traceId: string,
    _name: string,
    _kind: number,
    _attributes: object,
    links: Link[]
  ): SamplingResult {
    const parent = trace.getSpan(context)
    const span = parent?.spanContext()
    if (parent === undefined || span === undefined || !isSpanContextValid(span))
      return this.#begun(traceId, links)
    const sampled = (span.traceFlags & TraceFlags.SAMPLED) !== 0
    if (span.isRemote === true) return sampled && this.follows(traceId) ? KEPT : LEFT_OUT
    if (sampled) return KEPT
    return parent.isRecording() ? WATCHED : LEFT_OUT
  }

  #begun(traceId: string, links: readonly Link[]): SamplingResult {
    const { kind } = this.#rule
    if (kind === 'ratio') return this.#byRatio(traceId)
    if (links.some(({ context }) => (context.traceFlags & TraceFlags.SAMPLED) !== 0)) return KEPT
    if (kind === 'parent') return this.#byRatio(traceId)
    return this.#target.take(this.#nowMs()) ? KEPT : WATCHED
  }

  #byRatio(traceId: string): SamplingResult {
    const { decision } = this.#ratio.shouldSample(undefined, traceId)
    return decision === SamplingDecision.RECORD_AND_SAMPLED ? KEPT : LEFT_OUT
  }

  toString(): string {
    return `ChangeableSampler{${this.#rule.kind}}`
  }
}
