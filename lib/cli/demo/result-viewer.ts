/**
 * The demo's reader of the result topic: what any consumer of the product does. It applies every message to a
 * DiagramReplica of its stream and scale and knows nothing of the engines.
 */
import type { DiagramMessage } from '../../diagram.js'
import { caughtUp } from '../../mesh/caught-up.js'
import type { EventMesh, MeshRecord, Subscription } from '../../mesh/event-mesh.js'
import { DiagramReplica } from '../../publishers/diagram-replica.js'

const RECORDS_MAX = 1000
const LINGER_MS = 5

export class ResultViewer {
  readonly #subscription: Subscription
  readonly #mesh: EventMesh
  readonly #topic: string
  readonly #onMessage: (message: DiagramMessage) => void
  readonly #replicas = new Map<string, DiagramReplica>()
  readonly #stop = new AbortController()
  readonly #reading: Promise<void>
  #gaps = 0
  #joined = false

  /** Subscribes to `topic` from its beginning. `onMessage` sees each message after it was applied. */
  static async open(
    mesh: EventMesh,
    topic: string,
    onMessage: (message: DiagramMessage) => void
  ): Promise<ResultViewer> {
    return new ResultViewer(mesh, await mesh.subscribe(topic, { groupId: 'tda-viewer' }), topic, onMessage)
  }

  private constructor(
    mesh: EventMesh,
    subscription: Subscription,
    topic: string,
    onMessage: (message: DiagramMessage) => void
  ) {
    this.#mesh = mesh
    this.#subscription = subscription
    this.#topic = topic
    this.#onMessage = onMessage
    this.#reading = this.#read()
  }

  /** One replica for each stream and scale seen so far, by name. */
  replicas(): DiagramReplica[] {
    return [...this.#replicas.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, replica]) => replica)
  }

  /** Whether the topic is being read. */
  get joined(): boolean {
    return this.#joined
  }

  /** Messages that did not continue their replica. On a healthy topic always 0. */
  get gaps(): number {
    return this.#gaps
  }

  /**
   * Resolves when everything that was in the topic at some moment after this call has been applied.
   * @throws {TdaError} BROKER when that takes longer than `limitMs`.
   */
  caughtUp(limitMs = 30_000): Promise<void> {
    return caughtUp(this.#mesh, this.#subscription, this.#topic, limitMs)
  }

  /** Rejects when reading the topic fails; resolves after {@link close}. */
  get finished(): Promise<void> {
    return this.#reading
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#reading
    await this.#subscription.close()
  }

  async #read(): Promise<void> {
    const events = this.#subscription.events({
      recordsMax: RECORDS_MAX,
      lingerMs: LINGER_MS,
      signal: this.#stop.signal
    })
    for await (const event of events) {
      if (event.kind === 'assigned') this.#joined = true
      if (event.kind === 'revoked') event.done()
      if (event.kind !== 'records') continue
      const next = new Map<number, number>()
      for (const record of event.records) {
        this.#apply(record)
        next.set(record.partition, record.offset + 1)
      }
      await this.#subscription.commit(next)
    }
  }

  #apply(record: MeshRecord): void {
    if (record.value === null) return
    const message = JSON.parse(Buffer.from(record.value).toString()) as DiagramMessage
    const name = `${message.stream} ${message.scale}`
    let replica = this.#replicas.get(name)
    if (replica === undefined) {
      replica = new DiagramReplica()
      this.#replicas.set(name, replica)
    }
    if (replica.apply(message) === 'gap') this.#gaps += 1
    this.#onMessage(message)
  }
}
