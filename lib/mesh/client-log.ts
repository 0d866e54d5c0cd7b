/** Where what the client says of itself goes. */
export interface ClientLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}
