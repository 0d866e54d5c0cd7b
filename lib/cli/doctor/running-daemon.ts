/** What a running daemon says of itself: whether it lives, is ready, and which alerts' conditions hold. */
import { setTimeout as delay } from 'node:timers/promises'
import { conditions } from '../top/conditions.js'
import { scrape } from '../top/scrape.js'
import { note, ok, wrong, type Finding } from './finding.js'

const PATIENCE_MS = 3_000
/** Between two scrapes: rates need time. */
const WATCH_MS = 2_000

/** State of the pipeline, as /readyz gives its reason, to the alert that is about it. */
const CHAPTERS: readonly (readonly [pattern: RegExp, chapter: string])[] = [
  [/^starting/, 'TdaWaitingForPartitions'],
  [/^restoring/, 'TdaRestoreTooLong'],
  [/broker/i, 'TdaBrokerDown']
]

/** What to do stands in the chapter that a finding names. */
const SEE_CHAPTER = 'see its chapter of the runbook'

/** `needed`: somebody named the daemon, so it has to be there. */
export async function checkDaemon(url: string, needed: boolean, watchMs = WATCH_MS): Promise<Finding[]> {
  const first = await scrape(url)
  if (first.exposition === null) {
    const text = `the daemon at ${url} ${first.away ?? 'does not answer'}`
    return [needed ? wrong('daemon', text, 'start it, or correct the address') : note('daemon', text)]
  }
  const [healthz, readyz] = [await ask(`${url}/healthz`), await ask(`${url}/readyz`)]
  const findings: Finding[] = []
  if (!healthz.good) {
    findings.push(wrong('daemon', `${url} is not live: ${healthz.reason}`, 'restart it; only that can help'))
  } else if (!readyz.good) {
    const chapter = CHAPTERS.find(([pattern]) => pattern.test(readyz.reason))?.[1]
    findings.push(wrong('daemon', `${url} is not ready: ${readyz.reason}`, SEE_CHAPTER, chapter))
  }
  await delay(watchMs)
  const { exposition } = await scrape(url)
  for (const { alert, text } of exposition === null ? [] : conditions(exposition, first.exposition)) {
    if (findings.some(({ chapter }) => chapter === alert)) continue
    findings.push(wrong('daemon', `${url}: ${text}`, SEE_CHAPTER, alert))
  }
  return findings.length > 0
    ? findings
    : [ok('daemon', `${url} is live and ready, and nothing is wrong with it`)]
}

async function ask(url: string): Promise<{ readonly good: boolean; readonly reason: string }> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) })
    const { reason } = (await answer.json()) as { readonly reason: string }
    return { good: answer.ok, reason }
  } catch (error) {
    return { good: false, reason: `no answer (${(error as Error).message})` }
  }
}
