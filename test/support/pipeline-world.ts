/**
 * A small world for pipelines: a seeded log of points, sinks that remember, stall or crash, sources that play a script,
 * and the dull twin of the whole pipeline.
 */
import { createDecoder } from '../../lib/adapters/decoder.js'
import type { RejectedRecord } from '../../lib/adapters/decoder.js'
import type { Config } from '../../lib/config/schema.js'
import type { DiagramMessage } from '../../lib/diagram.js'
import { TdaError } from '../../lib/errors.js'
import type { MeshEvent, MeshRecord, OutgoingRecord, Subscription } from '../../lib/mesh/event-mesh.js'
import { AtLeastOnce } from '../../lib/pipeline/at-least-once.js'
import { Pipeline, type PipelineParts } from '../../lib/pipeline/pipeline.js'
import type { Sink } from '../../lib/pipeline/sink.js'

/** A seeded generator of numbers in [0, 1): mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** Remembers what was acknowledged, per stream and in order. */
export class MemorySink implements Sink {
  readonly values = new Map<string, string[]>()
  readonly rejected: RejectedRecord[] = []
  published = 0

  publish(updates: readonly OutgoingRecord[]): Promise<void> {
    for (const { key, value } of updates) {
      const stream = String(key)
      const values = this.values.get(stream) ?? []
      values.push(Buffer.from(value as Uint8Array).toString())
      this.values.set(stream, values)
    }
    this.published += updates.length
    return Promise.resolve()
  }

  reject(records: readonly RejectedRecord[]): Promise<void> {
    this.rejected.push(...records)
    return Promise.resolve()
  }

  messages(stream: string): DiagramMessage[] {
    return (this.values.get(stream) ?? []).map((value) => JSON.parse(value) as DiagramMessage)
  }
}

/** Throws at the n-th publish, before or after its updates are out: a crash at that moment. */
export function crashing(sink: Sink, at: number, after: boolean): Sink {
  let calls = 0
  return {
    async publish(updates) {
      calls += 1
      if (calls === at && !after) throw new TdaError('BROKER', 'crash')
      await sink.publish(updates)
      if (calls === at) throw new TdaError('BROKER', 'crash')
    },
    reject: (records) => sink.reject(records)
  }
}

/** Plays events; remembers commits. After the last event it ends, or waits for the abort. */
export class ScriptedSource implements Subscription {
  readonly committed: Map<number, number>[] = []
  lagging: ReadonlyMap<number, number> = new Map()
  taken = 0
  readonly #script: Iterable<MeshEvent>
  readonly #ends: boolean

  constructor(script: Iterable<MeshEvent>, ends = true) {
    this.#script = script
    this.#ends = ends
  }

  async *events({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<MeshEvent> {
    for (const event of this.#script) {
      if (signal.aborted) return
      this.taken += 1
      yield event
    }
    if (this.#ends || signal.aborted) return
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
  }

  commit(next: ReadonlyMap<number, number>): Promise<ReadonlySet<number>> {
    this.committed.push(new Map(next))
    return Promise.resolve(new Set(next.keys()))
  }

  lag(): Promise<ReadonlyMap<number, number>> {
    return Promise.resolve(this.lagging)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** A log of JSON records, offsets from `low`. */
export function records(
  values: readonly unknown[],
  options: { key?: string; low?: number } = {}
): MeshRecord[] {
  const { key = 's', low = 0 } = options
  return values.map((value, i) => ({
    topic: 'points',
    partition: 0,
    offset: low + i,
    key: Buffer.from(key),
    value: Buffer.from(JSON.stringify(value)),
    timestamp: 1_700_000_000_000 + i
  }))
}

/** `committed`: by the group, ever; without it, where the group resumes beyond the start of the log. */
export function assigned(low = 0, resume = low, committed = resume > low ? resume : null): MeshEvent {
  return { kind: 'assigned', partitions: [{ partition: 0, low, resume, committed }] }
}

export function batches(log: readonly MeshRecord[], size: number): MeshEvent[] {
  const events: MeshEvent[] = []
  for (let at = 0; at < log.length; at += size) {
    events.push({ kind: 'records', records: log.slice(at, at + size) })
  }
  return events
}

export function pipelineOf(
  config: Config,
  source: Subscription,
  sink: Sink,
  parts: Partial<PipelineParts> = {}
): Pipeline {
  const delivery = new AtLeastOnce(sink, source)
  return new Pipeline({ config, source, delivery, decoder: createDecoder(config), ...parts })
}

/** What a finished run put out, per stream. */
export async function runToEnd(config: Config, events: readonly MeshEvent[]): Promise<MemorySink> {
  const sink = new MemorySink()
  await pipelineOf(config, new ScriptedSource(events), sink).run()
  return sink
}

/**
 * At-least-once: `got` is `whole` read once or with parts of it again, never a gap and never another byte. Returns
 * where it goes wrong, or null.
 */
export function repeatsOnly(whole: readonly string[], got: readonly string[]): string | null {
  const place = new Map(whole.map((value, i) => [value, i]))
  let reached = -1
  let last = -1
  for (const [i, value] of got.entries()) {
    const at = place.get(value)
    if (at === undefined) return `value ${i} was never put out by the undisturbed run: ${value.slice(0, 200)}`
    if (at !== last + 1 && at > reached + 1) return `value ${i} skips from ${reached} to ${at}`
    last = at
    reached = Math.max(reached, at)
  }
  return reached === whole.length - 1 ? null : `ends at ${reached} of ${whole.length - 1}`
}
