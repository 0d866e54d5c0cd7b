/** `top`: what running daemons do, from their `/metrics`; live on a terminal, or once for scripts. */
import { setTimeout as delay } from 'node:timers/promises'
import { createLogUpdate } from 'log-update'
import { EXIT, type ExitCode } from './exit-codes.js'
import { stopOnSignal } from './stop-signal.js'
import { write, type Terminal } from './terminal.js'
import { daemonFigures, type DaemonFigures } from './top/daemon-figures.js'
import { daemonUrl, scrape, type Scrape } from './top/scrape.js'
import { renderTop } from './top/screen.js'

export interface TopOptions {
  /** Two scrapes, one answer; else until a signal. */
  readonly once: boolean
  /** One JSON object for each answer. */
  readonly json: boolean
  /** Between two scrapes, in ms. */
  readonly every: number
}

const ROWS = 24
const COLUMNS = 80
/** Without a terminal nothing is cut. */
const ALL_ROWS = 10_000

/**
 * With `once` the answer is 1 when a daemon is away or something is wrong with one (an alert's condition holds), else 0.
 * @throws {TdaError} USAGE for what is no address.
 */
export async function top(
  addresses: readonly string[],
  { once, json, every }: TopOptions,
  terminal: Terminal,
  signal?: AbortSignal
): Promise<ExitCode> {
  const urls = [...new Set(addresses.map(daemonUrl))]
  const { stdout, colours } = terminal
  if (once) {
    const before = await Promise.all(urls.map((url) => scrape(url)))
    await delay(every, undefined, signal ? { signal } : {})
    const figures = await look(urls, before).then(({ found }) => found)
    const screen = { colours, rows: ALL_ROWS }
    await write(stdout, `${json ? JSON.stringify(answerOf(figures)) : renderTop(figures, screen)}\n`)
    return figures.every(({ warnings }) => warnings.length === 0) ? EXIT.done : EXIT.wrong
  }
  const stop = stopOnSignal(() => process.exit(EXIT.impossible))
  const ended = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
  const show = json || stdout.isTTY !== true ? plain(terminal, json) : live(terminal)
  try {
    let before: readonly Scrape[] = []
    while (!ended.aborted) {
      const { found, scrapes } = await look(urls, before)
      before = scrapes
      await show(found)
      await delay(every, undefined, { signal: ended }).catch(() => {})
    }
    return EXIT.done
  } finally {
    stop.dispose()
  }
}

async function look(
  urls: readonly string[],
  before: readonly Scrape[]
): Promise<{ readonly found: DaemonFigures[]; readonly scrapes: readonly Scrape[] }> {
  const scrapes = await Promise.all(urls.map((url) => scrape(url)))
  return { scrapes, found: scrapes.map((now, i) => daemonFigures(now, before[i])) }
}

/** What `--json` prints. */
function answerOf(daemons: readonly DaemonFigures[]): object {
  return { time: new Date().toISOString(), daemons }
}

type Show = (figures: readonly DaemonFigures[]) => Promise<void>

function plain({ stdout, colours }: Terminal, json: boolean): Show {
  return (figures) => {
    const text = json ? JSON.stringify(answerOf(figures)) : renderTop(figures, { colours, rows: ALL_ROWS })
    return write(stdout, `${text}\n`)
  }
}

/** Redraws in place. A terminal that nobody gave a size (0 x 0) counts as 80 x 24. */
function live({ stdout, colours }: Terminal): Show {
  const output: Terminal['stdout'] & { readonly columns?: number; readonly rows?: number } = stdout
  const screen = {
    get columns() {
      return output.columns === undefined || output.columns === 0 ? COLUMNS : output.columns
    },
    get rows() {
      return output.rows === undefined || output.rows === 0 ? ROWS : output.rows
    },
    write: (text: string) => output.write(text)
  }
  const update = createLogUpdate(screen as unknown as NodeJS.WriteStream, { showCursor: true })
  return async (figures) => update(renderTop(figures, { colours, rows: screen.rows - 1 }))
}
