/** A topic of one partition that is made as it is read: a pipeline's work without a broker's noise. */
import type { MeshEvent, MeshRecord, Subscription } from '../lib/mesh/event-mesh.js'

export class MemoryTopic implements Subscription {
  readonly topic = 'bench'
  readonly groupId = 'tda-bench'
  readonly #record: (offset: number) => MeshRecord
  #next = 0
  #end = 0
  #committed = 0
  #closed = false
  #changed: () => void = () => {}
  #reached: () => void = () => {}

  constructor(record: (offset: number) => MeshRecord) {
    this.#record = record
  }

  /** Resolves when the results of so many more records are committed. One call at a time. */
  feed(count: number): Promise<void> {
    this.#end += count
    this.#changed()
    return new Promise((resolve) => (this.#reached = resolve))
  }

  async *events({ recordsMax }: { readonly recordsMax: number }): AsyncGenerator<MeshEvent> {
    yield { kind: 'assigned', partitions: [{ partition: 0, low: 0, resume: 0, committed: null }] }
    while (!this.#closed) {
      const count = Math.min(recordsMax, this.#end - this.#next)
      if (count > 0) {
        const records = Array.from({ length: count }, () => this.#record(this.#next++))
        yield { kind: 'records', records }
      } else await new Promise<void>((resolve) => (this.#changed = resolve))
    }
  }

  async commit(next: ReadonlyMap<number, number>): Promise<ReadonlySet<number>> {
    this.#committed = next.get(0) ?? this.#committed
    if (this.#committed >= this.#end) this.#reached()
    return new Set(next.keys())
  }

  async lag(): Promise<ReadonlyMap<number, number>> {
    return new Map()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#changed()
  }
}
