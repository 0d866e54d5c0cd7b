/**
 * A load into lines of JSON, `{"key":"stream-0","time":12.5,"value":{"value":0.1}}`; `time` is the intended time in ms
 * since the start, so equal seeds make equal files.
 */
import type { BulkObserver, BulkPublisher } from '../mesh/bulk-publisher.js'
import { settledWithin } from './mesh-target.js'

/** Characters gathered while the one before is being written. */
const WAITING_MAX = 4 * 1024 * 1024

export class LineTarget implements BulkPublisher {
  readonly description: string
  readonly resolutionMs = 1
  readonly #write: (text: string) => Promise<void>
  #observer: BulkObserver = { acknowledged: () => {}, failed: () => {} }
  #text = ''
  #lines = 0
  #writing: Promise<void> | null = null

  /** `write` resolves when more may come; what it throws ends the run. */
  constructor(description: string, write: (text: string) => Promise<void>) {
    this.description = description
    this.#write = write
  }

  observe(observer: BulkObserver): void {
    this.#observer = observer
  }

  send(key: Buffer, value: Buffer, _timestamp: number, intendedMs: number): boolean {
    if (this.#text.length >= WAITING_MAX) return false
    const time = Math.round(intendedMs * 1e6) / 1e6
    this.#text += `{"key":${JSON.stringify(key.toString())},"time":${time},"value":${value.toString()}}\n`
    this.#lines++
    return true
  }

  flush(): void {
    if (this.#lines === 0 || this.#writing !== null) return
    const [text, lines] = [this.#text, this.#lines]
    this.#text = ''
    this.#lines = 0
    this.#writing = this.#write(text).then(
      () => {
        this.#writing = null
        this.#observer.acknowledged(lines)
      },
      (cause: unknown) => {
        this.#writing = null
        this.#observer.failed(lines, cause as Error)
      }
    )
  }

  drain(timeoutMs: number): Promise<void> {
    const all = async (): Promise<void> => {
      for (this.flush(); this.#writing !== null; this.flush()) await this.#writing
    }
    return settledWithin(all(), timeoutMs)
  }
}
