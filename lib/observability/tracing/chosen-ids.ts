/**
 * Trace ids that are decided about before there is a span: who begins many traces and records few of them draws ids in one
 * go up to the first that is recorded. Asking the SDK for each takes 100 us where its code is cold, as it is between two
 * batches; a draw among others takes one.
 */
import { RandomIdGenerator, type IdGenerator } from '@opentelemetry/sdk-trace'
import type { ChangeableSampler } from './samplers.js'

/** A longer wait for a recorded trace is drawn in parts. */
const DRAWS_MAX = 256

export class ChosenIds implements IdGenerator {
  readonly #sampler: Pick<ChangeableSampler, 'begins' | 'version'>
  readonly #random = new RandomIdGenerator()
  #version = -1
  /** Traces that are not recorded, before `#drawn`. */
  #skip = 0
  #drawn: string | null = null
  #chosen: string | null = null

  constructor(sampler: Pick<ChangeableSampler, 'begins' | 'version'>) {
    this.#sampler = sampler
  }

  /** Whether the next trace is recorded. REQUIRES: if so, its span is started before anybody else begins one. */
  next(): boolean {
    if (this.#version !== this.#sampler.version || (this.#skip === 0 && this.#drawn === null)) this.#draw()
    if (this.#skip > 0) {
      this.#skip -= 1
      return false
    }
    this.#chosen = this.#drawn
    this.#drawn = null
    return true
  }

  generateTraceId(): string {
    const traceId = this.#chosen ?? this.#random.generateTraceId()
    this.#chosen = null
    return traceId
  }

  generateSpanId(): string {
    return this.#random.generateSpanId()
  }

  #draw(): void {
    this.#version = this.#sampler.version
    this.#drawn = null
    for (this.#skip = 0; this.#skip < DRAWS_MAX; this.#skip++) {
      const traceId = this.#random.generateTraceId()
      if (!this.#sampler.begins(traceId)) continue
      this.#drawn = traceId
      return
    }
  }
}
