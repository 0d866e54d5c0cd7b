/**
 * Publishing that goes on while brokers are away: what they do not take waits in a spool on disk and goes out behind
 * what came before it.
 *
 *   publish ──▶ brokers                    while the spool is empty and they take it
 *           └─▶ spool ──▶ brokers          else, until the spool is empty again
 *
 *   (D1) Records of a topic go out in the order of `publish`; after a failure or a crash some go out again.
 *   (D2) A full spool or disk makes `publish` wait: backpressure, as without a spool. What even an empty spool has no
 *        room for waits for brokers in memory.
 */
import { deserialize, serialize } from 'node:v8'
import type { EventMesh, OutgoingRecord } from '../mesh/event-mesh.js'
import { TdaError } from '../errors.js'
import { recordsTooLarge } from '../mesh/too-large.js'
import { Failure } from './failure.js'
import type { DeliveryMetrics } from '../observability/pipeline-metrics.js'
import type { PipelineLogger } from './pipeline-report.js'
import type { Spool } from './spool.js'

/** A full disk may have room again without our doing: looked at so often. */
const FULL_RETRY_MS = 1_000

export interface SpooledPublishOptions {
  readonly spool: Spool
  /** One attempt. Rejects with a retriable `TdaError` when brokers are away. */
  readonly attempt: EventMesh['publish']
  /** The same, repeated until it succeeds or never can. */
  readonly publish: EventMesh['publish']
  /** What goes out instead of records that their topic does not take. */
  readonly instead: (topic: string, record: OutgoingRecord) => { topic: string; record: OutgoingRecord }
  /** Told of records that went out by `instead` alone, after `publish` of them had resolved. */
  readonly omitted?: (topic: string, records: ReadonlySet<OutgoingRecord>) => void
  readonly metrics: DeliveryMetrics
  readonly logger?: PipelineLogger
}

export class SpooledPublish {
  readonly #options: SpooledPublishOptions
  readonly #failure = new Failure()
  #draining: Promise<void> | null = null
  #closed = false
  #wake: () => void = () => {}

  constructor(options: SpooledPublishOptions) {
    this.#options = options
    const { tornBytes } = options.spool
    if (tornBytes > 0) {
      const text =
        'the end of the spool cannot be read and is cut off, as after a crash in the middle of a write'
      options.logger?.warn({ bytes: tornBytes }, text)
    }
    if (options.spool.frames > 0)
      this.#drain(`${options.spool.frames} batches of a former run wait in the spool`)
  }

  /** Resolves when the records are acknowledged, or safe on disk. One call at a time. */
  async publish(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    this.#failure.rethrow()
    let why = 'more results wait in the spool'
    if (this.#draining === null) {
      try {
        await this.#options.attempt(topic, records)
        return
      } catch (error) {
        if (!(error instanceof TdaError) || !error.retriable) throw error
        why = `results wait in the spool: ${error.message}`
      }
    }
    // Who waited for room may find that the spool was emptied meanwhile and nobody drains it any more.
    if (await this.#append(topic, records)) this.#drain(why)
  }

  /** Resolves when nothing waits any more. */
  async settled(): Promise<void> {
    while (this.#draining !== null) await this.#draining
    this.#failure.rethrow()
  }

  /** What waits stays on disk for the next start. */
  async close(): Promise<void> {
    this.#closed = true
    this.#wake()
    await this.#draining
    await this.#options.spool.close()
  }

  /** False: the records are out, because the spool has no room for them even when nothing is in it. */
  async #append(topic: string, records: readonly OutgoingRecord[]): Promise<boolean> {
    const { spool, logger, publish } = this.#options
    const payload = serialize([topic, records])
    let said = false
    while (!(await spool.append(payload))) {
      this.#failure.rethrow()
      if (this.#closed)
        throw new TdaError('CANCELLED', 'the spool is full and closing; a restart repeats the rest')
      if (spool.frames === 0) {
        const bytes = payload.length
        logger?.warn({ bytes }, `${bytes} bytes of results find no room in an empty spool; the input waits`)
        await publish(topic, records)
        return false
      }
      if (!said) logger?.warn({ bytes: spool.bytes }, 'the spool or its disk is full; the input waits')
      said = true
      this.#drain('the spool is full')
      await this.#changed(FULL_RETRY_MS)
    }
    if (said) logger?.info({ bytes: spool.bytes }, 'the spool has room again')
    this.#report()
    return true
  }

  /** Sends what waits, in order, until nothing does. */
  #drain(why: string): void {
    if (this.#draining !== null) return
    this.#options.logger?.warn({ bytes: this.#options.spool.bytes }, why)
    this.#draining = this.#sendAll()
      .catch((error: unknown) => this.#failure.set(error))
      .finally(() => {
        this.#draining = null
        this.#wake()
      })
  }

  async #sendAll(): Promise<void> {
    const { spool, logger } = this.#options
    for (;;) {
      const payload = await spool.first()
      if (payload === null || this.#closed) break
      const [topic, records] = deserialize(payload) as [string, OutgoingRecord[]]
      try {
        await this.#send(topic, records)
      } catch (error) {
        if (this.#isClosed()) return
        throw error
      }
      await spool.drop()
      this.#report()
      this.#wake()
    }
    this.#report()
    if (!this.#closed) logger?.info({}, 'the spool is empty again')
  }

  async #send(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    const { publish, instead, omitted } = this.#options
    try {
      await publish(topic, records)
    } catch (error) {
      const tooLarge = recordsTooLarge(error)
      if (tooLarge.size === 0) throw error
      for (const record of tooLarge) {
        const other = instead(topic, record)
        await publish(other.topic, [other.record])
      }
      omitted?.(topic, tooLarge)
    }
  }

  /** A method, because the answer may change while somebody waits. */
  #isClosed(): boolean {
    return this.#closed
  }

  #report(): void {
    const { spool, metrics } = this.#options
    metrics.spool(spool.bytes, spool.frames)
  }

  async #changed(atMostMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      timer = setTimeout(resolve, atMostMs)
    })
    clearTimeout(timer)
  }
}
