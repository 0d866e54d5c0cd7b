/**
 * Ctrl-C and SIGTERM as an AbortSignal. Under `npm start` a terminal's Ctrl-C arrives twice (from the terminal and from
 * npm), so the same signal within a second is the same wish; another signal, or a later one, means "now", and ends the
 * process.
 */
const SAME_WISH_MS = 1000
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export interface StopSignal {
  /** Aborts at the first signal. */
  readonly signal: AbortSignal
  /** Gives the signals back to Node's defaults. */
  dispose(): void
}

/**
 * @param onForce what to do when a person insists, for instance `() => process.exit(3)`.
 * @param signals which ones; a daemon has another use for SIGHUP.
 */
export function stopOnSignal(onForce: () => void, signals: readonly NodeJS.Signals[] = SIGNALS): StopSignal {
  const controller = new AbortController()
  let first: { readonly name: NodeJS.Signals; readonly at: number } | undefined
  const listener = (name: NodeJS.Signals): void => {
    const at = performance.now()
    first ??= { name, at }
    if (name !== first.name || at - first.at > SAME_WISH_MS) onForce()
    else controller.abort()
  }
  for (const name of signals) process.on(name, listener)
  return {
    signal: controller.signal,
    dispose() {
      for (const name of signals) process.off(name, listener)
    }
  }
}
