/** The queue between spans and collector, with the SDK's own spans and an exporter that does what a test wants. */
import { SpanStatusCode, type Tracer } from '@opentelemetry/api'
import { ExportResultCode, type ExportResult } from '@opentelemetry/core'
import { TracerProvider, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace'
import { ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api'
import { afterEach, expect, test } from '@jest/globals'
import { ExportQueue } from '../../../../lib/observability/tracing/export-queue.js'
import { ChangeableSampler } from '../../../../lib/observability/tracing/samplers.js'

interface Line {
  readonly level: string
  readonly message: string
}

class World implements SpanExporter {
  readonly exported: ReadableSpan[] = []
  readonly lines: Line[] = []
  readonly queue: ExportQueue
  readonly tracer: Tracer
  readonly #provider: TracerProvider
  /** How an export ends; `null`: not yet. */
  answer: ExportResult | null = { code: ExportResultCode.SUCCESS }
  readonly waiting: ((result: ExportResult) => void)[] = []

  constructor(options: { queueMax?: number; kind?: 'ratio' | 'adaptive'; slowMs?: number }) {
    const { queueMax = 100, kind = 'ratio', slowMs = 1000 } = options
    const say = (level: string) => (_: object, message: string) => void this.lines.push({ level, message })
    this.queue = new ExportQueue({
      exporter: this,
      target: 'the test',
      queueMax,
      delayMs: 3_600_000,
      slowMs: () => slowMs,
      logger: { info: say('info'), warn: say('warn') }
    })
    const sampler = new ChangeableSampler({ kind, ratio: 1, targetPerSecond: 0, slowMs })
    this.#provider = new TracerProvider({ sampler, spanProcessors: [this.queue] })
    this.tracer = this.#provider.getTracer('test')
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    if (this.answer === null) this.waiting.push(done)
    else {
      if (this.answer.code === ExportResultCode.SUCCESS) this.exported.push(...spans)
      done(this.answer)
    }
  }

  async shutdown(): Promise<void> {}

  end(): Promise<void> {
    return this.#provider.shutdown()
  }
}

let world: World
afterEach(() => world.end())

const names = (): string[] => world.exported.map(({ name }) => name)
const refused = { code: ExportResultCode.FAILED, error: new Error('connect ECONNREFUSED') }

test('Q1: what does not fit is dropped and counted; nobody waits', async () => {
  world = new World({ queueMax: 10 })
  world.answer = null
  for (let i = 0; i < 1000; i++) world.tracer.startSpan(`s${i}`).end()
  // One batch is with the exporter that does not answer, one waits.
  expect(world.queue.statistics).toEqual({
    exported: 0,
    waiting: 10,
    dropped: { queue_full: 980, export_failed: 0, trace_too_large: 0 },
    forgotten: 0
  })
  expect(world.lines.map(({ level }) => level)).toEqual(['warn'])
  expect(world.lines[0]!.message).toContain('the queue is full')
  world.answer = { code: ExportResultCode.SUCCESS }
  for (const done of world.waiting) done({ code: ExportResultCode.SUCCESS })
  await world.queue.forceFlush()
  expect(world.queue.statistics).toMatchObject({ exported: 20, waiting: 0 })
})

test('Q3: a collector that is away is one line, and one when it is back; its spans are counted', async () => {
  world = new World({})
  world.answer = refused
  for (let i = 0; i < 30; i++) {
    world.tracer.startSpan('lost').end()
    await world.queue.forceFlush()
  }
  world.answer = { code: ExportResultCode.SUCCESS }
  for (let i = 0; i < 3; i++) {
    world.tracer.startSpan('kept').end()
    await world.queue.forceFlush()
  }
  expect(world.lines).toEqual([
    {
      level: 'warn',
      message:
        'traces cannot be delivered to the test: connect ECONNREFUSED; spans are dropped until it answers'
    },
    { level: 'info', message: 'traces are delivered to the test again' }
  ])
  expect(world.queue.statistics).toMatchObject({ exported: 3, dropped: { export_failed: 30 } })
})

const traced = (name: string, end: (child: ReturnType<Tracer['startSpan']>) => void, tookMs = 0): void => {
  const started = Date.now()
  const root = world.tracer.startSpan(name, { startTime: started })
  const inside = trace.setSpan(ROOT_CONTEXT, root)
  const child = world.tracer.startSpan(`${name} child`, {}, inside)
  end(child)
  child.end()
  root.end(started + tookMs)
}

test('watched traces: those that fail or are slow are kept whole, the others forgotten', async () => {
  world = new World({ kind: 'adaptive', slowMs: 100 })
  traced('quick', () => {})
  traced('failed', (child) => child.setStatus({ code: SpanStatusCode.ERROR }))
  traced('slow', () => {}, 100)
  await world.queue.forceFlush()
  expect(names()).toEqual(['failed child', 'failed', 'slow child', 'slow'])
  expect(world.exported.every((span) => (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0)).toBe(
    true
  )
})

test('what ends after the root of a kept trace belongs to it', async () => {
  world = new World({ kind: 'adaptive', slowMs: 100 })
  for (const [name, tookMs] of [
    ['slow', 100],
    ['quick', 1]
  ] as const) {
    const started = Date.now()
    const root = world.tracer.startSpan(name, { startTime: started })
    const late = world.tracer.startSpan(`${name} late`, {}, trace.setSpan(ROOT_CONTEXT, root))
    root.end(started + tookMs)
    late.end()
  }
  await world.queue.forceFlush()
  expect(names()).toEqual(['slow', 'slow late'])
})

test('Q2: traces that never end and traces without end are bounded', async () => {
  world = new World({ kind: 'adaptive', slowMs: 0, queueMax: 10_000 })
  const roots = Array.from({ length: 300 }, (_, i) => world.tracer.startSpan(`root${i}`))
  for (const root of roots) root.end()
  const large = world.tracer.startSpan('large')
  const inside = trace.setSpan(ROOT_CONTEXT, large)
  for (let i = 0; i < 1000; i++) world.tracer.startSpan('part', {}, inside).end()
  large.end()
  await world.queue.forceFlush()
  expect(names().filter((name) => name.startsWith('root'))).toHaveLength(256)
  expect(names().filter((name) => name === 'part')).toHaveLength(256)
  expect(names()).toContain('large')
  expect(world.queue.statistics.dropped.trace_too_large).toBe(744)
  expect(world.queue.statistics.forgotten).toBe(300 - 256)
})
