/**
 * Native memory that belongs to a JavaScript object. It is freed by `close()`; when an object is forgotten, a
 * FinalizationRegistry frees it some time after the object was collected. A worker thread that ends does not run that
 * net: close what it owns.
 */
/// <reference lib="esnext.disposable" preserve="true" />

const forgotten = new FinalizationRegistry<() => void>((release) => release())

/** Base of the classes that own native memory. */
export abstract class NativeResource implements Disposable {
  #release: (() => void) | undefined

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
