/**
 * A collector for tests: takes OTLP over HTTP (protobuf) and keeps the spans. The reader knows the fields it needs of
 * opentelemetry/proto/trace/v1/trace.proto and leaves out the others.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly name: string
  /** Of the protocol: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number
  readonly startNs: bigint
  readonly endNs: bigint
  readonly attributes: Readonly<Record<string, Value>>
  readonly links: readonly ReceivedLink[]
  /** 2: failed. */
  readonly status: number
}

export interface ReceivedLink {
  readonly traceId: string
  readonly spanId: string
  readonly attributes: Readonly<Record<string, Value>>
}

type Value = string | number | boolean | undefined

export class OtlpReceiver {
  /** Stays the same after `close`. */
  endpoint = ''
  readonly spans: ReceivedSpan[] = []
  readonly resources: Readonly<Record<string, Value>>[] = []
  /** What requests are answered with. */
  status = 200
  /** While set, requests are answered when it resolves. */
  hold: Promise<void> | null = null
  requests = 0
  readonly #server: Server

  static async start(): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver()
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve))
    receiver.endpoint = `http://127.0.0.1:${(receiver.#server.address() as AddressInfo).port}`
    return receiver
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      void this.#take(request).then(() => {
        response.writeHead(this.status, { 'content-type': 'application/x-protobuf' })
        response.end()
      })
    })
  }

  /** The spans whose name begins so. */
  named(prefix: string): ReceivedSpan[] {
    return this.spans.filter(({ name }) => name.startsWith(prefix))
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  async #take(request: IncomingMessage): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    this.requests += 1
    await this.hold
    if (this.status !== 200) return
    for (const resourceSpans of all(Buffer.concat(chunks), 1)) {
      for (const resource of all(resourceSpans, 1)) this.resources.push(attributesOf(resource, 1))
      for (const scopeSpans of all(resourceSpans, 2)) this.spans.push(...all(scopeSpans, 2).map(spanOf))
    }
  }
}

interface Field {
  readonly number: number
  readonly bytes: Buffer
  readonly integer: bigint
}

function* fields(message: Buffer): Generator<Field> {
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
  }
  while (at < message.length) {
    const tag = Number(varint())
    const wire = tag & 7
    const number = tag >> 3
    if (wire === 0) yield { number, bytes: Buffer.alloc(0), integer: varint() }
    else {
      const length = wire === 2 ? Number(varint()) : wire === 1 ? 8 : 4
      const bytes = message.subarray(at, at + length)
      at += length
      yield { number, bytes, integer: wire === 1 ? bytes.readBigUInt64LE() : 0n }
    }
  }
}

function all(message: Buffer, number: number): Buffer[] {
  return [...fields(message)].filter((field) => field.number === number).map(({ bytes }) => bytes)
}

function attributesOf(message: Buffer, number: number): Record<string, Value> {
  return Object.fromEntries(
    all(message, number).map((pair) => [all(pair, 1)[0]!.toString(), valueOf(all(pair, 2)[0]!)])
  )
}

function valueOf(any: Buffer): Value {
  const [field] = fields(any)
  switch (field?.number) {
    case 1:
      return field.bytes.toString()
    case 2:
      return field.integer === 1n
    case 3:
      return Number(BigInt.asIntN(64, field.integer))
    case 4:
      return field.bytes.readDoubleLE()
    default:
      return undefined
  }
}

function spanOf(message: Buffer): ReceivedSpan {
  const found = new Map([...fields(message)].map((field) => [field.number, field]))
  const hex = (number: number): string => found.get(number)?.bytes.toString('hex') ?? ''
  const status = found.get(15)?.bytes ?? Buffer.alloc(0)
  return {
    traceId: hex(1),
    spanId: hex(2),
    parentSpanId: hex(4),
    name: found.get(5)?.bytes.toString() ?? '',
    kind: Number(found.get(6)?.integer ?? 0n),
    startNs: found.get(7)?.integer ?? 0n,
    endNs: found.get(8)?.integer ?? 0n,
    attributes: attributesOf(message, 9),
    links: all(message, 13).map((link) => ({
      traceId: all(link, 1)[0]!.toString('hex'),
      spanId: all(link, 2)[0]!.toString('hex'),
      attributes: attributesOf(link, 4)
    })),
    status: Number([...fields(status)].find(({ number }) => number === 3)?.integer ?? 0n)
  }
}
