/**
 * Which context is active. AsyncLocalStorage, from its first use on, hooks every promise of the process, and the SDK uses it
 * for each export. Here it is used for operations alone, which have to be followed through what they wait for:
 *
 *   an operation (`with`)        AsyncLocalStorage
 *   an export of spans (`with`)  active while the call runs, until there has been an operation; then as one
 *   a batch (`inside`)           active while the call runs
 *
 * Cost of the hooks, which are spared where nobody traces operations of his own: about 0.3 % of the pipeline's time.
 */
import { ROOT_CONTEXT, type Context } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { isTracingSuppressed } from '@opentelemetry/core'

export class SparingContexts extends AsyncLocalStorageContextManager {
  #following = false
  /** Of a call that runs at this moment. */
  #running: Context | null = null

  override active(): Context {
    if (this.#running !== null) return this.#running
    return this.#following ? super.active() : ROOT_CONTEXT
  }

  override with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    work: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    if (!this.#following && isTracingSuppressed(context)) {
      return this.inside(context, () => work.apply(thisArg, args))
    }
    this.#following = true
    return this.#run(null, () => super.with(context, work, thisArg, ...args))
  }

  /** Runs `work` with `context` active until it returns; what it waits for after that is not followed. */
  inside<T>(context: Context, work: () => T): T {
    return this.#run(context, work)
  }

  override disable(): this {
    this.#following = false
    return super.disable()
  }

  #run<T>(running: Context | null, work: () => T): T {
    const before = this.#running
    this.#running = running
    try {
      return work()
    } finally {
      this.#running = before
    }
  }
}
