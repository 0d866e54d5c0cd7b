/**
 * Native memory that belongs to a JavaScript object. It is freed by `close()`; when an object is forgotten, a
 * FinalizationRegistry frees it some time after the object was collected. A worker thread that ends does not run that
 * net: close what it owns.
 */
/// <reference lib="esnext.disposable" preserve="true" />
import { TdaError } from '../errors.js'
import { nativeAddon, type NativeAddon } from '../native.js'

const forgotten = new FinalizationRegistry<() => void>((release) => release())

/** Base of the classes that own native memory. */
export abstract class NativeResource implements Disposable {
  readonly #what: string
  readonly #addon = nativeAddon()
  #release: (() => void) | undefined

  /** @param what Its name in messages, for example "processor". */
  protected constructor(what: string) {
    this.#what = what
  }

  /** The addon, for calls with what this object owns. @throws TdaError UNKNOWN_HANDLE once it is closed. */
  protected get addon(): NativeAddon {
    if (this.#release === undefined) {
      throw new TdaError('UNKNOWN_HANDLE', `the ${this.#what} is closed; make a new one`)
    }
    return this.#addon
  }

  /** Says how to free the memory. `release` must not refer to this object, or it would never be collected. */
  protected own(release: () => void): void {
    this.#release = release
    forgotten.register(this, release, this)
  }

  /** Frees the native memory. Calls after that throw UNKNOWN_HANDLE; closing again does nothing. */
  close(): void {
    const release = this.#release
    if (release === undefined) return
    this.#release = undefined
    forgotten.unregister(this)
    release()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
