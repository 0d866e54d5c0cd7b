/**
 * A load into lines of JSON, `{"key":"stream-0","time":12.5,"value":{"value":0.1}}`; `time` is the intended time in ms
 * since the start, so equal seeds make equal files. A value that is no JSON is written as base64.
 */
import type { BulkObserver, BulkPublisher } from '../mesh/bulk-publisher.js'
import { settledWithin } from './mesh-target.js'

/** Characters gathered while the one before is being written. */
const WAITING_MAX = 4 * 1024 * 1024

export class LineTarget implements BulkPublisher {
  readonly description: string
  readonly resolutionMs = 1
  readonly #write: (text: string) => Promise<void>
  readonly #json: boolean
  #observer: BulkObserver = { acknowledged: () => {}, failed: () => {} }
  #text = ''
  #lines = 0
  #writing: Promise<void> | null = null

  /** `write` resolves when more may come; lines it refuses count as failed. `json`: whether values are. */
  constructor(description: string, write: (text: string) => Promise<void>, json = true) {
    this.description = description
    this.#write = write
    this.#json = json
  }

  observe(observer: BulkObserver): void {
    this.#observer = observer
  }

  send(key: Buffer, value: Buffer, _timestamp: number, intendedMs: number): boolean {
    if (this.#text.length >= WAITING_MAX) return false
    const time = Math.round(intendedMs * 1e6) / 1e6
    const text = this.#json ? value.toString() : `"${value.toString('base64')}"`
    this.#text += `{"key":${JSON.stringify(key.toString())},"time":${time},"value":${text}}\n`
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
        this.flush()
      },
      (cause: unknown) => {
        this.#writing = null
        this.#observer.failed(lines, cause as Error)
        this.flush()
      }
    )
  }

  drain(timeoutMs: number): Promise<void> {
    const all = async (): Promise<void> => {
      this.flush()
      while (this.#writing !== null) {
        await this.#writing
        this.flush()
      }
    }
    return settledWithin(all(), timeoutMs)
  }
}
