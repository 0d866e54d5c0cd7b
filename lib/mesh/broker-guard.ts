/**
 * What stands between this process and brokers that fail: a circuit breaker, and retries with exponential backoff and
 * jitter around it.
 *
 *   closed ──(FAILURES_MAX failures in a row)──▶ open ──(HALF_OPEN_MS)──▶ half-open ──success──▶ closed
 *                                                 ▲                          │
 *                                                 └─────────failure──────────┘
 *
 *   (B1) Only what may succeed later (`TdaError.retriable`) is repeated or opens the breaker; all else passes at once.
 *   (B2) While it is open no request is made: callers wait, which stops the input.
 *   (B3) A wall clock that is set back does not hold it open: cockatiel reads that clock, so a timer looks after it.
 */
import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleWhen,
  retry,
  wrap,
  type CircuitBreakerPolicy
} from 'cockatiel'
import { TdaError } from '../errors.js'

const FAILURES_MAX = 3
const HALF_OPEN_MS = 2_000
const BACKOFF_MS_MIN = 100
const BACKOFF_MS_MAX = 5_000

export type BreakerState = 'closed' | 'half-open' | 'open'

export interface BrokerGuardOptions {
  /** Told the state at once, and of every change. */
  readonly report?: (state: BreakerState) => void
  /** Told of every change, with one line for people. */
  readonly changed?: (state: BreakerState, text: string) => void
  /** Told of every failure that is going to be repeated. */
  readonly retried?: (error: TdaError) => void
}

/** One for all calls to the same brokers. */
export class BrokerGuard {
  readonly #breaker: CircuitBreakerPolicy
  readonly #retried: (error: TdaError) => void
  #last: TdaError | null = null
  #clockTimer: NodeJS.Timeout | undefined
  readonly #closing = new AbortController()

  constructor({ report, changed, retried }: BrokerGuardOptions = {}) {
    this.#breaker = circuitBreaker(handleWhen(isRetriable), {
      halfOpenAfter: HALF_OPEN_MS,
      breaker: new ConsecutiveBreaker(FAILURES_MAX)
    })
    this.#retried = retried ?? ((): void => {})
    report?.(this.state)
    this.#breaker.onBreak(() => this.#watchClock(Date.now()))
    this.#breaker.onStateChange(() => {
      report?.(this.state)
      changed?.(this.state, this.trouble ?? 'circuit breaker closed: brokers answer')
    })
  }

  /** One line for people while the breaker is not closed, else null. */
  get trouble(): string | null {
    if (this.state === 'closed') return null
    return `circuit breaker ${this.state}: ${this.#last?.message ?? 'brokers failed too often in a row'}`
  }

  get state(): BreakerState {
    switch (this.#breaker.state) {
      case CircuitState.Closed:
        return 'closed'
      case CircuitState.HalfOpen:
        return 'half-open'
      default:
        return 'open'
    }
  }

  /**
   * Repeats `attempt` until it succeeds, at most so often.
   *
   * @throws what `attempt` throws, when repeating is of no use, was done often enough, or `close` was called.
   */
  async run<T>(attempt: () => Promise<T>, attemptsMax = Infinity): Promise<T> {
    let last: TdaError | undefined
    const policy = wrap(
      retry(
        handleWhen((error) => isRetriable(error) || error instanceof BrokenCircuitError),
        {
          maxAttempts: attemptsMax - 1,
          backoff: new ExponentialBackoff({ initialDelay: BACKOFF_MS_MIN, maxDelay: BACKOFF_MS_MAX })
        }
      ),
      this.#breaker
    )
    try {
      return await policy.execute(async () => {
        try {
          return await attempt()
        } catch (error) {
          if (isRetriable(error)) {
            last = this.#last = error
            this.#retried(error)
          }
          throw error
        }
      }, this.#closing.signal)
    } catch (error) {
      if (!(error instanceof BrokenCircuitError)) throw error
      throw (
        last ?? new TdaError('BROKER', 'brokers failed too often in a row', { cause: error, retriable: true })
      )
    }
  }

  /** Looks again as long as the breaker is open: a clock may be set back at any moment. */
  #watchClock(openedMs: number): void {
    clearTimeout(this.#clockTimer)
    this.#clockTimer = setTimeout(() => {
      if (this.state !== 'open') return
      // Closed instead of half-open, which the library gives no way to: so many failures more are asked for.
      if (Date.now() < openedMs) this.#breaker.isolate().dispose()
      else this.#watchClock(openedMs)
    }, HALF_OPEN_MS).unref()
  }

  /** Ends all waiting; nothing is repeated any more. */
  close(): void {
    clearTimeout(this.#clockTimer)
    this.#closing.abort()
  }
}

function isRetriable(error: unknown): error is TdaError {
  return error instanceof TdaError && error.retriable
}

/** librdkafka's number of an error where it has one, else our code: few enough for a label. */
export function brokerCode({ code, cause }: TdaError): string {
  const number = (cause as { code?: unknown } | undefined)?.code
  return typeof number === 'number' ? String(number) : code
}
