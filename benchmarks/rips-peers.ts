/** Ripser and giotto-ph on windows of ours, measured by benchmarks/peers/rips_peers.py in a process of its own. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { BenchmarkMismatch } from './report.js'
import type { Bar, RipsShape } from './rips-driver.js'

export interface PeerOptions {
  /** The Python that has them. */
  readonly python: string
  /** For giotto-ph. */
  readonly threads: number
}

export interface PeerFigures {
  readonly ripserMs?: number
  readonly ripserCpuMs?: number
  readonly giottoMs?: number
  readonly giottoCpuMs?: number
}

/** One window: its points in order, and the bars they have. */
export interface PeerWindow {
  readonly points: Float64Array
  readonly bars: readonly Bar[]
}

const SCRIPT = fileURLToPath(new URL('../../benchmarks/peers/rips_peers.py', import.meta.url))
/** GUDHI would expand the whole complex of a window. */
const PEERS = ['ripser', 'giotto']
const LIMIT_MS = 600_000

/**
 * Mean milliseconds of each peer that is installed; nothing, and a line on standard error, where none is.
 * @throws BenchmarkMismatch when a peer finds other bars.
 */
export async function measurePeers(
  windows: readonly PeerWindow[],
  { dimension, maxDimension }: RipsShape,
  { python, threads }: PeerOptions
): Promise<PeerFigures> {
  if (!existsSync(SCRIPT)) return skipped(`${SCRIPT} is missing; peers are measured in a checkout`)
  const folder = await mkdtemp(join(tmpdir(), 'streaming-tda-peers-'))
  try {
    for (const [k, { points, bars }] of windows.entries()) {
      const path = join(folder, String(k).padStart(4, '0'))
      await writeFile(`${path}.points`, pointLines(points, dimension))
      const ours = bars.filter((bar) => bar[0] === maxDimension && bar[2] !== Infinity)
      await writeFile(`${path}.bars`, ours.map(([, birth, death]) => `${birth} ${death}\n`).join(''))
    }
    const args = [
      SCRIPT,
      '--windows-in',
      folder,
      '--max-dimension',
      String(maxDimension),
      '--peers',
      ...PEERS
    ]
    const { stdout, stderr } = await promisify(execFile)(python, [...args, '--threads', String(threads)], {
      timeout: LIMIT_MS
    })
    process.stderr.write(stderr)
    return JSON.parse(stdout) as PeerFigures
  } catch (error) {
    const { code, stderr = '' } = error as { code?: unknown; stderr?: string }
    if (code === 'ENOENT')
      return skipped(`there is no ${python}; name the Python that has the peers with --python`)
    if (code === 1) throw new BenchmarkMismatch(stderr.trim())
    throw error
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** One point a line. */
export function pointLines(points: Float64Array, dimension: number): string {
  const lines: string[] = []
  for (let at = 0; at < points.length; at += dimension)
    lines.push(points.subarray(at, at + dimension).join(' '))
  return `${lines.join('\n')}\n`
}

function skipped(why: string): PeerFigures {
  process.stderr.write(`streaming-tda: peers are skipped: ${why}\n`)
  return {}
}
