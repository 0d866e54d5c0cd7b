/** Which of its clients librdkafka speaks of. */
export type ClientRole = 'consumer' | 'producer' | 'transactions'

/** Gets what fails below the calls of a mesh, by librdkafka's number: what heals by itself is no error of a call. */
export interface ClientErrors {
  /** A client lost its brokers, was refused, or the like. */
  clientFailed(client: ClientRole, code: string): void
  /** Records of a topic could not be read. */
  topicFailed(topic: string, code: string): void
}

/** Where what the client says of itself goes. */
export interface ClientLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}
