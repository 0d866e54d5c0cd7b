/** Brokers that a test may do anything to: those that scripts/kafka.mjs started in this checkout. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './run-command.js'

/** The process id of the one broker of `brokers`; `null`: it is not ours, or there are several. */
export function ownBroker(brokers: string | undefined): number | null {
  for (const cluster of ['default', 'tests']) {
    const file = join(root, '.cache/kafka/clusters', cluster, 'state.json')
    if (!existsSync(file)) continue
    const { bootstrap, nodes } = JSON.parse(readFileSync(file, 'utf8')) as {
      bootstrap: string
      nodes: { pid?: number }[]
    }
    if (bootstrap === brokers && nodes.length === 1) return nodes[0]!.pid ?? null
  }
  return null
}
