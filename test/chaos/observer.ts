/** What consumers of the results saw, and when: everything per stream in order, and which updates were new. */
import type { DiagramMessage } from '../../lib/diagram.js'
import type { TopicRecord } from './kafka-view.js'

/** A moment, and the offset after the last record that each input partition had then. */
export interface Mark {
  readonly atMs: number
  readonly ends: ReadonlyMap<number, number>
}

export class Observer {
  /** Values of the result topic per stream, in the order of the log. */
  readonly values = new Map<string, string[]>()
  /** `partition/offset reason` of the dead letters, repeats included. */
  readonly letters: string[] = []
  /** When a new update was seen, and up to which record it goes, per input partition; times ascend. */
  readonly #fresh = new Map<number, { readonly atMs: number; readonly offset: number }[]>()
  readonly #newest = new Map<string, number>()
  #updates = 0

  /** Messages on the result topic. */
  get updates(): number {
    return this.#updates
  }

  /** Input partitions that have had an update. */
  get partitions(): number[] {
    return [...this.#fresh.keys()].sort((a, b) => a - b)
  }

  result({ key, value }: TopicRecord): void {
    const stream = String(key)
    const text = String(value)
    const values = this.values.get(stream)
    if (values) values.push(text)
    else this.values.set(stream, [text])
    this.#updates += 1
    const { scale, sequence, partition, window } = JSON.parse(text) as DiagramMessage
    const id = `${stream} ${scale}`
    if (sequence <= (this.#newest.get(id) ?? 0)) return
    this.#newest.set(id, sequence)
    const update = { atMs: performance.now(), offset: window.last[0] }
    const updates = this.#fresh.get(partition)
    if (updates) updates.push(update)
    else this.#fresh.set(partition, [update])
  }

  letter({ headers }: TopicRecord): void {
    const of = Object.assign({}, ...(headers ?? [])) as Record<string, unknown>
    this.letters.push(
      `${String(of['tda-partition'])}/${String(of['tda-offset'])} ${String(of['tda-reason'])}`
    )
  }

  /**
   * When every input partition had had an update by a record that came after the mark; `null` while one has not. What was
   * under way at the mark does not count.
   */
  recoveredAt({ atMs, ends }: Mark): number | null {
    let last = atMs
    for (const [partition, updates] of this.#fresh) {
      const end = ends.get(partition) ?? 0
      const first = updates.find((update) => update.atMs > atMs && update.offset >= end)
      if (first === undefined) return null
      last = Math.max(last, first.atMs)
    }
    return last
  }

  /** Share of [from, to] in which the last new update of a partition was at most `boundMs` old; mean over partitions. */
  availability(fromMs: number, toMs: number, boundMs: number): number {
    const shares = [...this.#fresh.values()].map((updates) => {
      const times = updates.map(({ atMs }) => atMs)
      let away = 0
      let last = fromMs
      for (const time of [...times.filter((time) => time > fromMs && time < toMs), toMs]) {
        away += Math.max(0, time - last - boundMs)
        last = time
      }
      return 1 - away / (toMs - fromMs)
    })
    return shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length)
  }
}
