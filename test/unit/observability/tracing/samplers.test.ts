import {
  ROOT_CONTEXT,
  trace,
  TraceFlags,
  type Context,
  type Link,
  type SpanContext
} from '@opentelemetry/api'
import { SamplingDecision } from '@opentelemetry/sdk-trace'
import { expect, test } from '@jest/globals'
import { uniform } from '../../../../lib/loadgen/random.js'
import type { TracingSettings } from '../../../../lib/config/tracing.js'
import { ChangeableSampler } from '../../../../lib/observability/tracing/samplers.js'

const { RECORD_AND_SAMPLED: KEPT, NOT_RECORD: LEFT_OUT, RECORD: WATCHED } = SamplingDecision

const rule = (changes: Partial<TracingSettings['sampler']>): TracingSettings['sampler'] => ({
  kind: 'parent',
  ratio: 0,
  targetPerSecond: 1,
  slowMs: 1000,
  ...changes
})
const random = uniform(7)
const traceId = (): string =>
  Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('')
const spanContext = (sampled: boolean, isRemote: boolean): SpanContext => ({
  traceId: traceId(),
  spanId: 'b7ad6b7169203331',
  traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
  isRemote
})
const inside = (sampled: boolean, isRemote: boolean): Context =>
  trace.setSpanContext(ROOT_CONTEXT, spanContext(sampled, isRemote))
const decide = (sampler: ChangeableSampler, context = ROOT_CONTEXT, links: Link[] = []): SamplingDecision =>
  sampler.shouldSample(context, traceId(), 'x', 0, {}, links).decision

test('ratio keeps its part of all traces, whoever began them, and the same ones everywhere', () => {
  const sampler = new ChangeableSampler(rule({ kind: 'ratio', ratio: 0.25 }))
  const twin = new ChangeableSampler(rule({ kind: 'ratio', ratio: 0.25 }))
  let kept = 0
  for (let i = 0; i < 4000; i++) {
    const id = traceId()
    const { decision } = sampler.shouldSample(ROOT_CONTEXT, id, 'x', 0, {}, [])
    expect(sampler.shouldSample(inside(true, true), id, 'x', 0, {}, []).decision).toBe(decision)
    expect(sampler.shouldSample(inside(false, true), id, 'x', 0, {}, []).decision).toBe(LEFT_OUT)
    expect(twin.follows(id)).toBe(decision === KEPT)
    if (decision === KEPT) kept += 1
  }
  expect(kept / 4000).toBeCloseTo(0.25, 1)
})

test('parent follows whoever began, links of what begins here too, and the ratio else', () => {
  const none = new ChangeableSampler(rule({ kind: 'parent', ratio: 0 }))
  const all = new ChangeableSampler(rule({ kind: 'parent', ratio: 1 }))
  expect([decide(none, inside(true, true)), decide(none, inside(false, true)), decide(none)]).toEqual([
    KEPT,
    LEFT_OUT,
    LEFT_OUT
  ])
  expect([decide(all, inside(false, true)), decide(all)]).toEqual([LEFT_OUT, KEPT])
  expect(decide(none, ROOT_CONTEXT, [{ context: spanContext(true, true) }])).toBe(KEPT)
  expect(decide(none, ROOT_CONTEXT, [{ context: spanContext(false, true) }])).toBe(LEFT_OUT)
})

test('inside a trace of this process everything follows its root', () => {
  for (const kind of ['ratio', 'parent', 'adaptive'] as const) {
    const sampler = new ChangeableSampler(rule({ kind, ratio: 0 }))
    expect([decide(sampler, inside(true, false)), decide(sampler, inside(false, false))]).toEqual([
      KEPT,
      LEFT_OUT
    ])
  }
})

test('adaptive keeps its target a second, and watches the others', () => {
  let now = 0
  const sampler = new ChangeableSampler(rule({ kind: 'adaptive', targetPerSecond: 5 }), () => now)
  const counts = { kept: 0, watched: 0 }
  for (; now < 20_000; now += 2) {
    const decision = decide(sampler)
    if (decision === KEPT) counts.kept += 1
    else if (decision === WATCHED) counts.watched += 1
  }
  expect(counts.kept).toBeGreaterThanOrEqual(100)
  expect(counts.kept).toBeLessThanOrEqual(105)
  expect(counts.kept + counts.watched).toBe(10_000)
})

test('a change holds from the next trace on', () => {
  const sampler = new ChangeableSampler(rule({ kind: 'ratio', ratio: 0 }))
  expect(decide(sampler)).toBe(LEFT_OUT)
  sampler.change(rule({ kind: 'ratio', ratio: 1, slowMs: 5 }))
  expect([decide(sampler), sampler.slowMs, String(sampler)]).toEqual([KEPT, 5, 'ChangeableSampler{ratio}'])
})
