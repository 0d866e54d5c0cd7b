/** Ports of loopback: free ones to give to a child process, and whether somebody listens. */
import { randomInt } from 'node:crypto'
import net from 'node:net'

/**
 * Below those that Linux gives to connections (net.ipv4.ip_local_port_range): one of these is easily taken while its owner, a
 * broker on a busy machine, still starts.
 */
const PORT_MIN = 15_000
const PORT_MAX = 32_000

/** Distinct ports nobody listens on now. Another process may take one before its owner does: bind soon. */
export async function freePorts(count) {
  const servers = []
  while (servers.length < count) {
    const server = await listening(randomInt(PORT_MIN, PORT_MAX))
    if (server !== null) servers.push(server)
  }
  const ports = servers.map((server) => server.address().port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** `null`: somebody else has the port. */
function listening(port) {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(null) : reject(error)))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

export function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      resolve(true)
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
  })
}

/** Whether `condition` holds (or resolves to true) before `timeoutMs` are over; asked every `everyMs`. */
export async function holdsWithin(timeoutMs, condition, everyMs = 100) {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > deadline) return false
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
  return true
}
