/**
 * The consuming side of a Kafka mesh: one member of a consumer group, read in batches at the caller's pace.
 *
 *   (K3) Nothing is fetched but by the batch asked for and librdkafka's prefetch (`queued.max.messages.kbytes`).
 *   (K4) Assignments and revocations are events of the same stream: partitions are assigned to the client after the
 *        reader was told where they start, and given up after the reader called `done`. librdkafka waits meanwhile.
 *   (K5) No record of a partition arrives after its revocation or before its assignment, and none twice.
 *   (K6) A reader that takes longer than `STALL_MS` over an event keeps its membership, and hears of rebalances through
 *        `isLosing`: partitions are paused and the group is polled for it, whatever `max.poll.interval.ms` says.
 *
 * Records are taken by the columnar reader where it is built (`columnar-reader.ts`), else by node-rdkafka. Its
 * `consume(n)` waits its timeout for *each* message, so a slow trickle would hold a batch back for long: here one call
 * waits for the first record and another one takes what is there. Commits are asynchronous, and
 * their callback would only be served while somebody consumes; so a commit is confirmed by reading the group's offsets
 * back, which runs beside the main thread. Both eager and cooperative assignors work; cooperative is the default.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { TdaError } from '../errors.js'
import { ColumnarReader, columnarObstacle, columnarSettings, type ReadError } from './columnar-reader.js'
import type { ClientErrors, ClientLog } from './client-log.js'
import type { AssignedPartition, MeshEvent, MeshRecord, Subscription } from './event-mesh.js'
import {
  brokerError,
  connectClient,
  disconnectClient,
  isHopeless,
  loadKafka,
  logClient,
  queryBounds,
  RD_KAFKA,
  withSettings,
  type KafkaConsumer,
  type LibrdKafkaError,
  type Message
} from './kafka-client.js'
import type { KafkaSettings } from './kafka-settings.js'
import { LogEnds } from './log-ends.js'
import { LastRecords } from './repeated-records.js'

/** How long one call waits for a first record; an abort or a rebalance is noticed after it at the latest. */
const FIRST_RECORD_MS = 50
const REQUEST_TIMEOUT_MS = 10_000
/** A refused commit is tried again for so long, at this distance. */
const COMMIT_PATIENCE_MS = 60_000
const COMMIT_RETRY_MS = 100
const ERROR_PAUSE_MS = 100
/** A reader that is busy for so long is stalled; then the group is polled so often. */
const STALL_MS = 5_000
const STALL_POLL_MS = 1_000

/** Of everything that is asked before partitions are taken. */
interface Patience {
  readonly signal: AbortSignal
  readonly sinceMs: number
  warned: boolean
}

type Rebalance = { readonly kind: 'assign' | 'revoke'; readonly partitions: readonly number[] }

export interface SubscriptionOptions {
  readonly brokers: string
  readonly topic: string
  readonly groupId: string
  readonly settings: KafkaSettings
  readonly timeoutMs: number
  readonly logger?: ClientLog | undefined
  readonly errors?: ClientErrors | undefined
  /** `group.instance.id`, for static membership. */
  readonly instanceId?: string
  /** Whether to read in columns where the addon for it is built. */
  readonly columnar: boolean
}

export class KafkaSubscription implements Subscription {
  readonly topic: string
  readonly groupId: string
  readonly #consumer: KafkaConsumer
  /** Takes the records when there is one. */
  readonly #reader: ColumnarReader | null
  readonly #errors: ClientErrors | undefined
  readonly #logger: ClientLog | undefined
  readonly #rebalances: Rebalance[] = []
  /** Next offset to read of each assigned partition. */
  readonly #position = new Map<number, number>()
  /** The group's offset of each assigned partition, as far as this member knows. */
  readonly #stored = new Map<number, number>()
  readonly #ends = new LogEnds({
    ask: (partition, timeoutMs) => this.#watermarks(partition, timeoutMs),
    isOver: () => this.#closing
  })
  /** Partitions the reader is about to give up; empty when none. */
  #revoking: readonly number[] = []
  readonly #last = new LastRecords()
  /** Records that arrived while the reader was busy. */
  readonly #held: MeshRecord[] = []
  #lent: Promise<unknown> = Promise.resolve()
  #closing = false
  #closed: Promise<void> | null = null

  static async open(options: SubscriptionOptions): Promise<KafkaSubscription> {
    const { KafkaConsumer } = await loadKafka()
    let onRebalance: (code: number, partitions: readonly number[]) => void = () => {}
    const consumer = withSettings(
      () =>
        new KafkaConsumer(
          {
            'metadata.broker.list': options.brokers,
            'partition.assignment.strategy': 'cooperative-sticky',
            'queued.max.messages.kbytes': 16 * 1024,
            'fetch.queue.backoff.ms': 5,
            'fetch.wait.max.ms': 100,
            ...(options.columnar ? columnarSettings() : {}),
            ...options.settings,
            ...(options.instanceId === undefined ? {} : { 'group.instance.id': options.instanceId }),
            'group.id': options.groupId,
            'enable.auto.commit': false,
            'enable.auto.offset.store': false,
            rebalance_cb: (error: { code: number }, assignment: readonly { partition: number }[]) => {
              const partitions = assignment.map(({ partition }) => partition)
              onRebalance(error.code, partitions)
            }
          },
          { 'auto.offset.reset': 'earliest' }
        )
    )
    logClient(consumer, 'consumer', options.logger, options.errors)
    await connectClient(consumer, options.brokers, options.timeoutMs)
    const { topic, columnar } = options
    const reader = columnar ? ColumnarReader.open(clientName(consumer), topic) : null
    logReader(reader, columnar, options.logger)
    const subscription = new KafkaSubscription(consumer, reader, options)
    onRebalance = (code, partitions) => subscription.#rebalance(code, partitions)
    consumer.subscribe([options.topic])
    return subscription
  }

  private constructor(consumer: KafkaConsumer, reader: ColumnarReader | null, options: SubscriptionOptions) {
    this.#errors = options.errors
    this.#logger = options.logger
    this.#consumer = consumer
    this.#reader = reader
    this.topic = options.topic
    this.groupId = options.groupId
  }

  async *events(options: {
    readonly recordsMax: number
    readonly lingerMs: number
    readonly signal: AbortSignal
  }): AsyncGenerator<MeshEvent> {
    while (!options.signal.aborted && !this.#closing) {
      const records = await this.#batch(options.recordsMax, options.lingerMs)
      // What was read before a rebalance was noticed belongs to partitions still held: it goes first.
      if (records.length > 0) yield* this.#hand({ kind: 'records', records })
      let rebalance: Rebalance | undefined
      while ((rebalance = this.#rebalances.shift()) !== undefined) {
        if (rebalance.kind === 'assign') yield* this.#assign(rebalance.partitions, options.signal)
        else yield* this.#revoke(rebalance.partitions)
      }
    }
  }

  /**
   * While members come and go a broker may refuse commits for seconds, so they are tried again; partitions that are
   * being taken away are given up after the first refusal, the others are not.
   * @throws BROKER when it refuses for `COMMIT_PATIENCE_MS`.
   */
  async commit(next: ReadonlyMap<number, number>): Promise<ReadonlySet<number>> {
    const deadlineMs = performance.now() + COMMIT_PATIENCE_MS
    const committed = new Set<number>()
    const left = new Map(next)
    for (;;) {
      for (const partition of left.keys()) if (!this.#position.has(partition)) left.delete(partition)
      if (left.size === 0) return committed
      let refusal: unknown = 'the broker kept the former offsets'
      try {
        this.#consumer.commit(
          [...left].map(([partition, offset]) => ({ topic: this.topic, partition, offset }))
        )
        const stored = await this.committed([...left.keys()])
        for (const [partition, offset] of left) {
          if (stored.get(partition) !== offset) continue
          committed.add(partition)
          left.delete(partition)
        }
        if (left.size === 0) return committed
      } catch (error) {
        refusal = error
      }
      if (this.#closing) return committed
      for (const partition of left.keys()) if (this.isLosing([partition])) left.delete(partition)
      if (left.size === 0) return committed
      if (isHopeless(refusal) || performance.now() > deadlineMs) {
        throw brokerError(`commit offsets of "${this.topic}"`, refusal)
      }
      await delay(COMMIT_RETRY_MS)
    }
  }

  /**
   * Lends the consumer to a transaction, whose offsets go out in its name; it is not closed meanwhile, because librdkafka
   * would crash. Resolves `false`, without a call, when this member is leaving.
   */
  async lend(use: (consumer: KafkaConsumer) => Promise<void>): Promise<boolean> {
    if (this.#closing) return false
    const lent = use(this.#consumer)
    this.#lent = Promise.allSettled([this.#lent, lent])
    await lent
    return true
  }

  /** Whether all of these partitions are not this member's any more, or are being taken away. */
  isLosing(partitions: Iterable<number>): boolean {
    if (this.#closing) return true
    const revoked = new Set(this.#revoking)
    for (const { kind, partitions } of this.#rebalances) {
      if (kind === 'revoke') for (const partition of partitions) revoked.add(partition)
    }
    return [...partitions].every((partition) => revoked.has(partition) || !this.#position.has(partition))
  }

  /** Whether partitions are being given up at this moment. */
  get isRevoking(): boolean {
    return this.#revoking.length > 0
  }

  /** Whether one of these offsets is another than the group has, as far as this member knows. */
  isMoved(next: ReadonlyMap<number, number>): boolean {
    return [...next].some(([partition, offset]) => this.#stored.get(partition) !== offset)
  }

  /** A transaction of this member has committed these offsets. */
  noteCommitted(next: ReadonlyMap<number, number>): void {
    for (const [partition, offset] of next)
      if (this.#position.has(partition)) this.#stored.set(partition, offset)
  }

  async lag(): Promise<ReadonlyMap<number, number>> {
    const lag = new Map<number, number>()
    // Also a member without partitions finds out whether brokers answer.
    const partitions = this.#position.size === 0 ? [0] : [...this.#position.keys()]
    try {
      await this.#ends.ask(partitions, (partition, high) => {
        const position = this.#position.get(partition)
        if (position !== undefined) lag.set(partition, Math.max(0, high - position))
      })
    } catch (error) {
      throw brokerError(`ask for the lag of "${this.topic}"`, error)
    }
    return lag
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#closing = true
    await this.#lent
    await this.#reader?.close()
    this.#unassign([...this.#position.keys()])
    await disconnectClient(this.#consumer)
  }

  /** Hands an event over; while the reader is busy with it for long, somebody else polls. */
  async *#hand(event: MeshEvent): AsyncGenerator<MeshEvent> {
    const back = this.#away()
    try {
      yield event
    } finally {
      await back()
    }
  }

  /** Nobody reads until the function it answers is called: when that lasts, the group is polled (K6). */
  #away(): () => Promise<void> {
    const busy = new AbortController()
    let polling: Promise<void> | undefined
    const stalled = setTimeout(() => {
      polling = this.#poll(busy.signal)
      polling.catch(() => {}) // Thrown below, when the reader comes back.
    }, STALL_MS)
    return async () => {
      clearTimeout(stalled)
      busy.abort()
      await polling
    }
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const paused = [...this.#position.keys()].map((partition) => ({ topic: this.topic, partition }))
    this.#consumer.pause(paused)
    while (!signal.aborted && !this.#closing) {
      // Paused partitions bring nothing but rebalances; what was under way all the same is kept.
      const reader = this.#reader
      const came = reader === null ? await this.#consume(1, 0) : await this.#take(reader, 1, 0)
      for (const record of came) this.#held.push(record)
      await delay(STALL_POLL_MS, undefined, { signal }).catch(() => {})
    }
    if (!this.#isClosing()) this.#consumer.resume(paused)
  }

  async #batch(recordsMax: number, lingerMs: number): Promise<readonly MeshRecord[]> {
    const held = this.#held.splice(0, recordsMax)
    if (held.length > 0) return held
    if (this.#reader !== null) return this.#take(this.#reader, recordsMax, lingerMs)
    const records = await this.#consume(recordsMax, 0)
    if (records.length === 0) records.push(...(await this.#consume(1, FIRST_RECORD_MS)))
    if (records.length === 0 || records.length >= recordsMax) return records
    if (lingerMs > 0) await delay(lingerMs)
    for (const record of await this.#consume(recordsMax - records.length, 0)) records.push(record)
    return records
  }

  async #consume(count: number, timeoutMs: number): Promise<MeshRecord[]> {
    if (this.#closing) return []
    this.#consumer.setDefaultConsumeTimeout(timeoutMs)
    const messages = await new Promise<Message[]>((resolve, reject) => {
      this.#consumer.consume(count, (error: LibrdKafkaError | null, batch) => {
        if (!error) resolve(batch)
        else this.#readFailed(error).then(() => resolve([]), reject)
      })
    })
    if (this.#isClosing()) return []
    this.#follow(messages)
    return this.#last.fresh(toRecords(messages))
  }

  async #take(reader: ColumnarReader, recordsMax: number, lingerMs: number): Promise<readonly MeshRecord[]> {
    if (this.#closing) return []
    const { records, error } = await reader.take(recordsMax, FIRST_RECORD_MS, lingerMs)
    if (this.#isClosing()) return []
    this.#follow(records)
    const fresh = this.#last.fresh(records)
    // What came before the error goes on its way; the error comes again when it lasts. A fatal one comes once.
    if (error !== null && (records.length === 0 || isHopeless(error))) await this.#readFailed(error)
    return fresh
  }

  /** Brokers away, topic not there yet: librdkafka goes on trying. */
  async #readFailed(error: LibrdKafkaError | ReadError): Promise<void> {
    this.#errors?.topicFailed(this.topic, String(error.code))
    if (isHopeless(error)) throw brokerError(`read "${this.topic}"`, error)
    await delay(ERROR_PAUSE_MS)
  }

  #follow(records: readonly { readonly partition: number; readonly offset: number }[]): void {
    for (let i = 0; i < records.length; i++) {
      const { partition, offset } = records[i]!
      if (records[i + 1]?.partition !== partition) this.#position.set(partition, offset + 1)
    }
  }

  #rebalance(code: number, partitions: readonly number[]): void {
    if (code === RD_KAFKA.ASSIGN_PARTITIONS) {
      this.#rebalances.push({ kind: 'assign', partitions })
    } else if (this.#closing) {
      this.#unassign(partitions) // The group waits for it, and nobody reads events any more.
    } else {
      this.#rebalances.push({ kind: 'revoke', partitions })
    }
  }

  async *#assign(partitions: readonly number[], signal: AbortSignal): AsyncGenerator<MeshEvent> {
    const back = this.#away()
    const assigned = await this.#look(partitions, signal).finally(back)
    if (assigned === null) return // It is leaving: what it never took it need not give up.
    for (const { partition, committed } of assigned) {
      if (committed === null) this.#stored.delete(partition)
      else this.#stored.set(partition, committed)
    }
    const starts = new Map(assigned.map(({ partition, low }) => [partition, low]))
    const startAt = (partition: number, offset: number): void => void starts.set(partition, offset)
    yield* this.#hand({ kind: 'assigned', partitions: assigned, startAt })
    if (this.#closing) return
    const offsets = [...starts].map(([partition, offset]) => ({ topic: this.topic, partition, offset }))
    for (const { partition, offset } of offsets) this.#position.set(partition, offset)
    if (this.#consumer.rebalanceProtocol() === 'COOPERATIVE') this.#consumer.incrementalAssign(offsets)
    else this.#consumer.assign(offsets)
  }

  /** Where these partitions stand; `null` when the signal aborts before that is known. */
  async #look(partitions: readonly number[], signal: AbortSignal): Promise<AssignedPartition[] | null> {
    const patience = { signal, sinceMs: performance.now(), warned: false }
    const stored = await this.#patiently(() => this.committed(partitions), patience)
    const assigned: AssignedPartition[] = []
    for (const partition of partitions) {
      const bounds = stored && (await this.#patiently(() => this.#watermarks(partition), patience))
      if (!bounds) return null
      const { low, high } = bounds
      const committed = stored.get(partition) ?? null
      // Beyond the end: the topic was made anew or cut, and the offset speaks of another log.
      const resume = committed !== null && committed <= high ? Math.max(low, committed) : low
      assigned.push({ partition, low, resume, committed })
    }
    return assigned
  }

  async *#revoke(partitions: readonly number[]): AsyncGenerator<MeshEvent> {
    let done = (): void => {}
    const released = new Promise<void>((resolve) => (done = resolve))
    this.#revoking = partitions
    yield* this.#hand({ kind: 'revoked', partitions, done })
    await released
    this.#revoking = []
    if (!this.#closing) this.#unassign(partitions)
  }

  /** A method, because the answer may change while somebody waits. */
  #isClosing(): boolean {
    return this.#closing
  }

  #unassign(partitions: readonly number[]): void {
    this.#last.forget(partitions)
    for (const partition of partitions) {
      this.#position.delete(partition)
      this.#ends.forget(partition)
    }
    // K5: what came while their revocation was dealt with belongs to their next owner.
    const held = this.#held.filter(({ partition }) => this.#position.has(partition))
    this.#held.splice(0, Infinity, ...held)
    if (this.#consumer.rebalanceProtocol() === 'COOPERATIVE') {
      this.#consumer.incrementalUnassign(partitions.map((partition) => ({ topic: this.topic, partition })))
    } else {
      this.#consumer.unassign()
    }
  }

  /**
   * A transaction that the former owner left open keeps its offsets back until it times out; and brokers may be away:
   * asks until there is an answer, and says once what it waits for. `null` when the signal aborts first.
   * @throws BROKER when there never can be.
   */
  async #patiently<T>(ask: () => Promise<T>, patience: Patience): Promise<T | null> {
    const { signal, sinceMs } = patience
    while (!signal.aborted) {
      try {
        return await ask()
      } catch (error) {
        if (!(error instanceof TdaError && error.retriable) || this.#isClosing()) throw error
        if (!patience.warned && performance.now() - sinceMs >= STALL_MS) {
          patience.warned = true
          this.#logger?.warn(
            { topic: this.topic },
            `partitions are not taken yet: ${error.message}; going on trying`
          )
        }
        await delay(COMMIT_RETRY_MS, undefined, { signal }).catch(() => {})
      }
    }
    return null
  }

  /** The group's next offset to read of each partition that has one. */
  committed(partitions: readonly number[]): Promise<Map<number, number>> {
    const wanted = partitions.map((partition) => ({ topic: this.topic, partition }))
    return new Promise((resolve, reject) => {
      this.#consumer.committed(wanted, REQUEST_TIMEOUT_MS, (error: LibrdKafkaError | null, offsets) => {
        if (error) reject(brokerError(`read the committed offsets of "${this.topic}"`, error))
        // A partition without a commit comes back without an offset, or with a negative one.
        else resolve(new Map(offsets.filter((o) => o.offset >= 0).map((o) => [o.partition, o.offset])))
      })
    })
  }

  #watermarks(partition: number, timeoutMs = REQUEST_TIMEOUT_MS): Promise<{ low: number; high: number }> {
    return queryBounds(this.#consumer, this.topic, partition, timeoutMs)
  }
}

/** librdkafka's name of a connected client, unique in the process. */
function clientName(consumer: KafkaConsumer): string {
  return (consumer as unknown as { readonly name: string }).name
}

/** node-rdkafka's messages are records already, but for their headers. */
export function toRecords(messages: readonly Message[]): MeshRecord[] {
  for (const message of messages) {
    if (message.headers === undefined) continue
    const pairs = message.headers.flatMap((header) =>
      Object.entries(header).map(([name, value]) => [name, value.toString()] as const)
    )
    Object.assign(message, { headers: pairs })
  }
  return messages as unknown as MeshRecord[]
}

/** Which of the two ways records come, since one costs several times the other. */
function logReader(reader: ColumnarReader | null, wanted: boolean, logger: ClientLog | undefined): void {
  if (reader !== null) {
    logger?.info({ reader: 'columnar' }, 'records are read in columns')
    return
  }
  const reason = wanted
    ? (columnarObstacle() ?? 'librdkafka settings of your own took the place of its plugin')
    : 'kafka.columnar is false'
  logger?.info({ reader: 'node-rdkafka', reason }, 'records are read one by one, by node-rdkafka')
}
