/** What the native engines count themselves, read once a scrape: nothing is called for a point. */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { EngineCounters } from '../native.js'

export class EngineMetrics {
  readonly #columns: Counter
  readonly #pivots: Counter
  readonly #edits: Counter
  readonly #arena: Gauge
  /** Totals of each scale as last read. */
  readonly #before = new Map<string, EngineCounters>()

  constructor(registry: Registry) {
    const counter = (name: string, help: string): Counter =>
      new Counter({ name, help, labelNames: ['scale'], registers: [registry] })
    this.#columns = counter(
      'tda_engine_columns_reduced_total',
      'Columns reduced; level sets: minima that entered.'
    )
    this.#pivots = counter('tda_engine_pivots_walked_total', 'Pivots walked while columns were reduced.')
    this.#edits = counter('tda_engine_edits_total', 'Pairs added, moved or removed, emission by emission.')
    this.#arena = new Gauge({
      name: 'tda_engine_arena_bytes',
      help: 'Bytes of the structures that diagrams are kept in.',
      labelNames: ['scale'],
      registers: [registry]
    })
  }

  /** `totals`: of all engines of the scale that there were in this process; only `arenaBytes` may go down. */
  set(scale: string, totals: EngineCounters): void {
    const before = this.#before.get(scale)
    this.#columns.inc({ scale }, totals.columns - (before?.columns ?? 0))
    this.#pivots.inc({ scale }, totals.pivots - (before?.pivots ?? 0))
    this.#edits.inc({ scale }, totals.edits - (before?.edits ?? 0))
    this.#arena.set({ scale }, totals.arenaBytes)
    this.#before.set(scale, totals)
  }
}
