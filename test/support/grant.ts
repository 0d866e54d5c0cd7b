/** Rights on a Kafka with an authorizer, by its own protocol: node-rdkafka has no call for them. */
import { once } from 'node:events'
import { connect } from 'node:net'

/** Numbers of the protocol. */
const RESOURCES = { topic: 2, group: 3, transactionalId: 5 } as const
const OPERATIONS = { read: 3, write: 4, describe: 8 } as const
const CREATE_ACLS = { key: 30, version: 1 } as const
const ALLOW = 3

export interface Grant {
  readonly resource: keyof typeof RESOURCES
  readonly name: string
  readonly operation: keyof typeof OPERATIONS
  /** Of every resource whose name begins so. */
  readonly prefix?: boolean
}

/** Grants `user` these rights. `broker`: host:port of a listener that wants no login, and whose user may do that. */
export async function grant(broker: string, user: string, grants: readonly Grant[]): Promise<void> {
  const [host, port] = broker.split(':')
  const socket = connect(Number(port), host)
  await once(socket, 'connect')
  socket.write(framed(user, grants))
  let answer = Buffer.alloc(0)
  while (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) {
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    answer = Buffer.concat([answer, bytes])
  }
  socket.end()
  let at = 16 // length, correlation, throttle, count
  for (const { resource, name } of grants) {
    const code = answer.readInt16BE(at)
    if (code !== 0) throw new Error(`a right on ${resource} "${name}" was not granted: error ${code}`)
    at += 4 + Math.max(0, answer.readInt16BE(at + 2))
  }
}

function framed(user: string, grants: readonly Grant[]): Buffer {
  const one = ({ resource, name, operation, prefix }: Grant): Buffer =>
    Buffer.concat([
      int8(RESOURCES[resource]),
      text(name),
      int8(prefix === true ? 4 : 3),
      text(`User:${user}`),
      text('*'),
      int8(OPERATIONS[operation]),
      int8(ALLOW)
    ])
  const { key, version } = CREATE_ACLS
  const header = [int16(key), int16(version), int32(1), text('tests')]
  const body = Buffer.concat([...header, int32(grants.length), ...grants.map(one)])
  return Buffer.concat([int32(body.length), body])
}

const int8 = (value: number): Buffer => Buffer.from([value])
const int16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255])
const int32 = (value: number): Buffer => Buffer.concat([int16(value >> 16), int16(value & 0xffff)])
const text = (value: string): Buffer => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)])
