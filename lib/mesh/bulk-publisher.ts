/**
 * Publishing without a promise a record, for loads: records are handed over one by one, and what became of them is
 * counted. `kafka-bulk-publisher.ts` implements it on Kafka, `lib/loadgen/` on any mesh and on files.
 */

/** Hears what became of records. Every record taken is told once, or never where the log did not answer in time. */
export interface BulkObserver {
  /** `tag`: of the record, when it is one and the publisher knows which. */
  acknowledged(records: number, tag?: number): void
  failed(records: number, cause: Error, tag?: number): void
}

/** Takes records one by one without waiting; a {@link BulkObserver} hears what became of each. */
export interface BulkPublisher {
  /** Where records go, for people. */
  readonly description: string
  /** How late an acknowledgement may be told, in ms; 0: told as it comes, each record by its tag. */
  readonly resolutionMs: number
  observe(observer: BulkObserver): void
  /** Takes a record, or answers false when as much is in flight as may be: offer it again later. */
  send(key: Buffer, value: Buffer, timestamp: number, tag: number): boolean
  /** No more comes for now: what was gathered goes out. */
  flush(): void
  /** Resolves when everything taken has been told, or after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>
}
