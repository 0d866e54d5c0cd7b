/** Asking daemons for their metrics, in bounded time and memory. */
import { TdaError } from '../../errors.js'
import { parseExposition, type Exposition } from './exposition-reader.js'

const PATIENCE_MS = 3_000
/** More than a daemon with every limit at its highest has to say. */
const BYTES_MAX = 16 * 1024 * 1024

export interface Scrape {
  readonly url: string
  /** When the answer was there, `performance.now()` in ms. */
  readonly atMs: number
  /** `null`: no answer. */
  readonly exposition: Exposition | null
  /** Why there is no answer, for people. */
  readonly away: string | null
}

/** `host:port`, `http://host:port` or the whole address of the metrics. @throws {TdaError} USAGE for what is no address. */
export function daemonUrl(text: string): string {
  const whole = /^https?:\/\//.test(text) ? text : `http://${text}`
  const url = URL.canParse(whole) ? new URL(whole) : null
  if (url === null || url.hostname === '') {
    throw new TdaError('USAGE', `expected the address of a daemon such as localhost:9464, found "${text}"`)
  }
  return url.origin
}

/** Never rejects: a daemon that is away is an answer too. */
export async function scrape(url: string, patienceMs = PATIENCE_MS): Promise<Scrape> {
  try {
    const answer = await fetch(`${url}/metrics`, {
      headers: { accept: 'text/plain' },
      signal: AbortSignal.timeout(patienceMs)
    })
    const text = await bounded(answer)
    if (!answer.ok) return away(url, `answers ${answer.status}: ${text.trim().slice(0, 200)}`)
    const exposition = parseExposition(text)
    if (exposition.samples('tda_build_info').length === 0)
      return away(url, 'answers, but is no streaming-tda daemon')
    return { url, atMs: performance.now(), exposition, away: null }
  } catch (error) {
    return away(url, reasonOf(error, patienceMs))
  }
}

async function bounded(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of answer.body ?? []) {
    bytes += (chunk as Uint8Array).length
    if (bytes > BYTES_MAX) throw new TdaError('FILE', `answers more than ${BYTES_MAX >> 20} MiB`)
    chunks.push(chunk as Uint8Array)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function away(url: string, reason: string): Scrape {
  return { url, atMs: performance.now(), exposition: null, away: reason }
}

function reasonOf(error: unknown, patienceMs: number): string {
  if (error instanceof TdaError) return error.message
  const { name, message, cause } = error as Error & {
    readonly cause?: { readonly code?: string; readonly message?: string }
  }
  if (name === 'TimeoutError') return `does not answer within ${patienceMs / 1000} s`
  if (cause?.code === 'ECONNREFUSED') return 'nothing listens there'
  return `cannot be asked: ${cause?.code ?? cause?.message ?? message}`
}
