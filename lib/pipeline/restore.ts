/**
 * Where partitions start, and the checkpoints that let them: restore = state + replay.
 *
 *   state topic          ── stored points, where engines stood ──▶ streams, at the position of the state
 *   input: [replayFrom(state), position)  ── points that engines still need ──▶ the same
 *          [position, committed)          ── new points; their updates are out already and only count
 *          [committed, ...)               ── live
 *
 *   (Q1) A state is used only when it is whole, of this configuration and of this group, its position not beyond what the
 *        group has committed, and every record it asks for retained. Otherwise the partition is read from its oldest
 *        record, which the log says; where that may lose something, because the group has put out results and retention has
 *        removed records, or may repeat everything, because the group's offset is gone, `state.onLoss` decides.
 *   (Q2) A checkpoint of a partition is delivered with the offset it speaks of, so it is never ahead of it.
 */
import type { Config } from '../config/schema.js'
import { memoryLimit, predictMemory } from '../config/memory.js'
import { TdaError } from '../errors.js'
import type {
  AssignedPartition,
  EventMesh,
  MeshRecord,
  PartitionBounds,
  TopicSettings
} from '../mesh/event-mesh.js'
import { replayFrom } from '../scales/stream-state.js'
import type { Gap, LogMismatch, StreamTable } from '../scales/stream-table.js'
import { checkpoint, openLedger, rewritten, type Ledger } from '../state/checkpoint.js'
import { readState, type KnownState, type ReadState } from '../state/read-state.js'
import { stateConfig, type StateConfig } from '../state/state-config.js'
import { PARTITION_KEY } from '../state/state-records.js'
import type { Outcome } from './delivery.js'
import type { PipelineLogger } from './pipeline-report.js'

/** Points in the oldest part of what a partition retains may be gone soon. */
const ENDANGERED_PART = 0.25
/** After a checkpoint that could not store all it should, the next one comes this soon. */
const UNFINISHED_MS = 1_000

/** Where state is read from. What is written goes out with the results (`Outcome.state`). */
export interface StateStore {
  /** Of the consumer group. */
  readonly group: string
  /** All records of the state of an input partition, those of transactions under way waited for. */
  readonly read: (partition: number) => AsyncIterable<readonly MeshRecord[]>
  /** What the input partition retains. */
  readonly bounds: (partition: number) => Promise<PartitionBounds>
  /** Repeats what failed because brokers are away. */
  readonly repeat: <T>(attempt: () => Promise<T>) => Promise<T>
}

/** The streams whose state is written. */
export type HeldStreams = Pick<StreamTable, 'size' | 'readUpTo' | 'entriesOf'>

/** How a partition begins. */
export interface Start {
  /** `null`: from its oldest record. */
  readonly state: KnownState | null
  /** Offset of the first record to be read. */
  readonly from: number
}

export class Restorer {
  readonly #config: Config
  readonly #streams: HeldStreams
  readonly #store: StateStore
  readonly #logger: PipelineLogger | undefined
  readonly #stateConfig: StateConfig
  readonly #scales: readonly string[]
  readonly #ledgers = new Map<number, Ledger>()
  readonly #lows = new Map<number, number>()
  /** Partitions whose windows begin in the middle of a log, while that is not written down. */
  readonly #unwritten = new Set<number>()
  #dueMs = performance.now()
  #refreshMs = performance.now()

  constructor(config: Config, streams: HeldStreams, store: StateStore, logger: PipelineLogger | undefined) {
    this.#config = config
    this.#streams = streams
    this.#store = store
    this.#logger = logger
    this.#stateConfig = stateConfig(config, store.group)
    this.#scales = config.scales.map(({ name }) => name)
    this.#dueMs += config.state.interval
  }

  /**
   * Reads what is known of a partition and decides where it begins.
   *
   * @throws STATE_LOST when retention has removed what is, or may be, needed and `state.onLoss` is `refuse`; MEMORY_LIMIT
   * when its streams do not fit beside those that are held.
   */
  async start(partition: AssignedPartition): Promise<Start> {
    const { read: records, repeat } = this.#store
    const found = await repeat(() => readState(records(partition.partition), this.#stateConfig, this.#scales))
    const read = await this.#usable(found, partition)
    const ledger = openLedger(partition.partition, read, partition.low, this.#stateConfig, this.#scales)
    this.#ledgers.set(partition.partition, ledger)
    this.#lows.set(partition.partition, partition.low)
    const { state } = read
    if (state === null) {
      // Where windows begin in the middle of a log is written down before there is a result (see `checkpoint`).
      if (partition.low > 0) {
        this.#unwritten.add(partition.partition)
        this.#dueMs = performance.now()
      }
      return { state, from: partition.low }
    }
    this.#requireMemory(state, partition.partition)
    const from = replayFrom(state)
    const { position, streams } = state
    const stored = streams.filter(({ stored }) => stored.length > 0).length
    const fields = { partition: partition.partition, position, from, resume: partition.resume, stored }
    const text = `${streams.length} streams go on from offset ${position}; ${partition.resume - from} records to read`
    this.#logger?.info({ ...fields, streams: streams.length }, `partition ${partition.partition}: ${text}`)
    return { state, from }
  }

  /** A checkpoint of the partition was not possible before: it is due again where results have to wait for it. */
  restored(partition: number): void {
    if (this.#unwritten.has(partition)) this.#dueMs = performance.now()
  }

  release(partition: number): void {
    this.#unwritten.delete(partition)
    this.#ledgers.delete(partition)
    this.#lows.delete(partition)
  }

  isDue(nowMs = performance.now()): boolean {
    return nowMs >= this.#dueMs
  }

  /**
   * Asks which records are retained; to be called every so often. Until then it is what it was, and stays so for a partition
   * that has no answer.
   *
   * @throws BROKER when one has none, after all have been asked
   */
  async refresh(nowMs = performance.now()): Promise<void> {
    if (nowMs < this.#refreshMs) return
    this.#refreshMs = nowMs + this.#config.state.interval
    const failures: unknown[] = []
    for (const partition of [...this.#ledgers.keys()]) {
      try {
        const { low } = await this.#store.bounds(partition)
        if (this.#ledgers.has(partition)) this.#lows.set(partition, low)
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0] as Error
  }

  /**
   * Whether what the log has skipped is no loss: then all that is removed was read.
   *
   * @throws STATE_LOST when retention has overtaken the reading. Nothing behind the gap may go out before that is known, so that a
   * restart begins before it, where `state.onLoss` decides.
   */
  async requireRetained(gaps: readonly Gap[]): Promise<void> {
    for (const partition of new Set(gaps.map((gap) => gap.partition))) {
      const { low } = await this.#store.repeat(() => this.#store.bounds(partition))
      const removed = gaps.map((gap) =>
        gap.partition === partition ? Math.max(0, Math.min(gap.to, low) - gap.from) : 0
      )
      const lost = removed.reduce((sum, records) => sum + records, 0)
      if (lost === 0) continue
      const advice =
        this.#config.state.onLoss === 'rebuild-from-earliest'
          ? 'A restart begins windows anew at the oldest record'
          : 'Start once with state.onLoss: rebuild-from-earliest to begin windows anew at the oldest record'
      throw new TdaError(
        'STATE_LOST',
        `partition ${partition} of "${this.#config.input.topic}": retention has removed ${lost} records before they ` +
          `were read, and begins at offset ${low} now. ${advice}; let the input topic keep records for longer`
      )
    }
  }

  /**
   * Writes down the partitions named, but those of `restoring`. REQUIRES: every record read of them is decided, and its
   * updates are out of the engines. `null`: there is nothing new.
   */
  checkpoint(
    partitions: Iterable<number>,
    restoring: { has(partition: number): boolean },
    nowMs = performance.now()
  ): Outcome | null {
    const { interval, idleAfter } = this.#config.state
    this.#dueMs = nowMs + interval
    const state: Outcome['state'][number][] = []
    const next = new Map<number, number>()
    for (const partition of partitions) {
      const ledger = this.#ledgers.get(partition)
      const position = this.#streams.readUpTo(partition)
      if (!ledger || position === null || restoring.has(partition)) continue
      const policy = { storeBefore: this.#storeBefore(partition, position), idleAfterMs: idleAfter, nowMs }
      const written = checkpoint(ledger, this.#streams.entriesOf(partition), position, policy)
      this.#unwritten.delete(partition)
      if (!written) continue
      for (const record of written.records) state.push(record)
      next.set(partition, position)
      if (written.unfinished) this.#dueMs = Math.min(this.#dueMs, nowMs + UNFINISHED_MS)
    }
    return state.length > 0 ? { updates: [], letters: [], state, next } : null
  }

  /** All of a partition at its position, in place of what was written of it. REQUIRES: as for `checkpoint`. */
  rewrite(partition: number): Outcome['state'] {
    const entries = this.#streams.entriesOf(partition)
    const position = this.#streams.readUpTo(partition)!
    const ledger = rewritten(this.#ledgers.get(partition)!, entries.values())
    const policy = { storeBefore: this.#storeBefore(partition, position), idleAfterMs: Infinity, nowMs: 0 }
    const state: Outcome['state'][number][] = []
    for (let unfinished = true; unfinished;) {
      const written = checkpoint(ledger, entries, position, policy)
      for (const record of written?.records ?? []) state.push(record)
      unfinished = written?.unfinished ?? false
    }
    return state
  }

  /** Points before this offset are stored. */
  #storeBefore(partition: number, position: number): number {
    const low = this.#lows.get(partition) ?? 0
    const endangered = low > 0 ? low + (position - low) * ENDANGERED_PART : 0
    return Math.max(endangered, position - this.#config.state.replayRecordsMax)
  }

  /**
   * What to do when the log is not what the state of a partition speaks of: the error to end with, and what is to be
   * delivered before, with the offset the group has committed. Under `rebuild-from-earliest` the state is removed, so that
   * a restart begins anew.
   */
  mismatch(
    mismatch: LogMismatch,
    committed: number
  ): { readonly error: TdaError; readonly last: Outcome | null } {
    const rebuild = this.#config.state.onLoss === 'rebuild-from-earliest'
    const advice = rebuild
      ? 'its state is removed, and a restart begins windows anew at the oldest record'
      : 'Start once with state.onLoss: rebuild-from-earliest to begin windows anew at the oldest record'
    const error = this.mismatchError(mismatch, advice)
    const { partition } = mismatch
    const state = [{ partition, key: PARTITION_KEY, value: null }]
    return {
      error,
      last: rebuild ? { updates: [], letters: [], state, next: new Map([[partition, committed]]) } : null
    }
  }

  mismatchError({ partition, message }: LogMismatch, advice: string): TdaError {
    const where = `partition ${partition} of "${this.#config.input.topic}"`
    return new TdaError('STATE_LOST', `${where} is not the log its state speaks of: ${message}. ${advice}`)
  }

  async #usable(read: ReadState, assigned: AssignedPartition): Promise<ReadState> {
    const reason = whyUnusable(read, assigned)
    if (reason === null) return read
    const { partition, low, committed } = assigned
    const hasRead = committed !== null || read.keys.length > 0
    const left = committed === null ? await this.#leftBehind(read, assigned) : null
    const mayLose = low > 0 && hasRead
    if ((!mayLose && left === null) || this.#config.state.onLoss === 'rebuild-from-earliest') {
      const text = `the state of partition ${partition} is not used: ${reason}; windows are rebuilt from offset ${low}`
      this.#logger?.warn({ partition, low, reason }, text)
      return { ...read, state: null }
    }
    const removed = low > 0 ? `, and retention has removed the records before ${low}` : ''
    const instead =
      left === null
        ? 'Restore the records'
        : `Run "streaming-tda restore --to ${partition}:${left.position}" to go on from there`
    const marks = low > 0 ? 'marks their updates rebuilt' : 'publishes their updates again'
    throw new TdaError(
      'STATE_LOST',
      `partition ${partition} of "${this.#config.input.topic}": ${reason}${removed}. ${instead}, or start once ` +
        `with state.onLoss: rebuild-from-earliest, which begins windows anew at offset ${low} and ${marks}` +
        (mayLose && left === null ? '; let the input topic keep records for longer' : '')
    )
  }

  /**
   * The state of a group whose offset is gone, where it fits the log. The offset has expired, or the topic was made anew: both
   * remove it, and only people know which. Nor is the state as new as the offset was, unless the last life was drained.
   */
  async #leftBehind({ state }: ReadState, { partition, low }: AssignedPartition): Promise<KnownState | null> {
    if (state === null || lossOf(state, low) !== null) return null
    const { high } = await this.#store.repeat(() => this.#store.bounds(partition))
    return state.position <= high ? state : null
  }

  /** Streams that were admitted stay so, whoever takes them over, as long as memory allows. */
  #requireMemory({ streams }: KnownState, partition: number): void {
    const held = this.#streams.size + streams.length
    if (held <= this.#config.streams.max) return
    const { streamBytes } = predictMemory(this.#config)
    const limit = memoryLimit(this.#config)
    if (held * streamBytes <= limit) return
    throw new TdaError(
      'MEMORY_LIMIT',
      `partition ${partition} brings ${streams.length} streams, ${held} with those held: more than streams.max ` +
        `(${this.#config.streams.max}), and they may need ${Math.ceil((held * streamBytes) / 2 ** 20)} MiB of ` +
        `${Math.ceil(limit / 2 ** 20)}; run more members of the group, or raise limits.memoryMiB`
    )
  }
}

/** Why windows cannot go on from what was read, or null: they can, or there is nothing to go on from. */
function whyUnusable(
  { state, reason }: ReadState,
  { low, resume, committed }: AssignedPartition
): string | null {
  if (committed !== null && committed > resume) {
    return `the group has committed offset ${committed}, but the log ends before it: it was made anew or cut`
  }
  if (state === null) {
    return (
      reason ?? (low > 0 && committed !== null ? 'there is none, though the group has read some of it' : null)
    )
  }
  // Streams of a checkpoint that was cut off are ahead of the others.
  const position = state.streams.reduce((newest, stream) => Math.max(newest, stream.position), state.position)
  if (committed === null || position > committed) {
    const where =
      committed === null ? 'the group has committed no offset' : `offset ${committed} is to go on from`
    return `it is of offset ${position}, but ${where}`
  }
  return lossOf(state, low)
}

/** What of the records a state asks for is gone, or null. */
function lossOf({ position, streams }: KnownState, low: number): string | null {
  for (const { stream, replay } of streams) {
    if (replay !== null && replay.offset < low) {
      return `stream "${stream}" needs the records from offset ${replay.offset} on`
    }
  }
  return position < low ? `the records from offset ${position} on are needed` : null
}

/**
 * Small segments, because Kafka compacts none that is still written to: what a restart has to read stays within a few
 * times what is kept.
 */
export const STATE_TOPIC_SETTINGS: TopicSettings = {
  'cleanup.policy': 'compact',
  'segment.bytes': String(32 * 1024 * 1024),
  'min.cleanable.dirty.ratio': '0.2'
}

/** The input topic has been given partitions, its state has not. Goes on by itself where that is repeated. */
export function partitionMissing(stateTopic: string, found: number, topic: string, wanted: number): TdaError {
  return new TdaError(
    'NOT_SUPPORTED',
    `"${stateTopic}" has ${found} partitions, "${topic}" has ${wanted}: add the missing ones to ` +
      `"${stateTopic}" (kafka-topics --alter --partitions ${wanted})`,
    { retriable: true }
  )
}

/** The state topic of a mesh. */
export function meshStateStore(
  mesh: Pick<EventMesh, 'readPartition' | 'bounds' | 'partitions'>,
  { input, output }: Pick<Config, 'input' | 'output'>,
  group: string,
  repeat: StateStore['repeat'] = (attempt) => attempt()
): StateStore {
  return {
    group,
    repeat,
    async *read(partition) {
      const found = await mesh.partitions(output.stateTopic)
      if (found > 0 && found <= partition)
        throw partitionMissing(output.stateTopic, found, input.topic, partition + 1)
      yield* mesh.readPartition(output.stateTopic, partition)
    },
    bounds: (partition) => mesh.bounds(input.topic, partition)
  }
}
