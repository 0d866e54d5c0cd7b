/** What consumers of the results saw, and when: everything per stream in order, and which updates were new. */
import type { DiagramMessage } from '../../lib/diagram.js'
import type { TopicRecord } from './kafka-view.js'

export class Observer {
  /** Values of the result topic per stream, in the order of the log. */
  readonly values = new Map<string, string[]>()
  /** `partition/offset reason` of the dead letters, repeats included. */
  readonly letters: string[] = []
  /** When a new update was seen, per input partition; ascending. */
  readonly #fresh = new Map<number, number[]>()
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
    const { scale, sequence, partition } = JSON.parse(text) as DiagramMessage
    const id = `${stream} ${scale}`
    if (sequence <= (this.#newest.get(id) ?? 0)) return
    this.#newest.set(id, sequence)
    const times = this.#fresh.get(partition)
    if (times) times.push(performance.now())
    else this.#fresh.set(partition, [performance.now()])
  }

  letter({ headers }: TopicRecord): void {
    const of = Object.assign({}, ...(headers ?? [])) as Record<string, unknown>
    this.letters.push(
      `${String(of['tda-partition'])}/${String(of['tda-offset'])} ${String(of['tda-reason'])}`
    )
  }

  /** When every input partition had had a new update after `sinceMs`; `null` while one has not. */
  recoveredAt(sinceMs: number): number | null {
    let last = sinceMs
    for (const times of this.#fresh.values()) {
      const first = times.find((time) => time > sinceMs)
      if (first === undefined) return null
      last = Math.max(last, first)
    }
    return last
  }

  /** Share of [from, to] in which the last new update of a partition was at most `boundMs` old; mean over partitions. */
  availability(fromMs: number, toMs: number, boundMs: number): number {
    const shares = [...this.#fresh.values()].map((times) => {
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
