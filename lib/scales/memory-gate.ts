/**
 * Whether memory allows a further stream. What is used is compared with two limits, and the larger share counts:
 *
 *   native     bytes of rings and engines    of `limits.memoryMiB`
 *   resident   bytes of the whole process    of the machine or of the cgroup it is limited to
 *
 *            admits                    does not admit
 *   ───────────────────────▶│80 %  ────────────────────────▶
 *   ◀───────────────────────────────│75 %  ◀────────────────     the gap keeps one collection of garbage from toggling it
 *
 *   (G1) Between two looks at memory at most `STREAMS_BETWEEN_LOOKS` streams are admitted. What they take comes with their
 *        points, after they are admitted: that all of them together fit is the prediction's promise (`lib/config/memory.ts`).
 *
 * Cost: a look is one short native call for each ring and engine and one read of /proc; at most one a second while no
 * stream is new.
 */

/** Bytes in use, or bytes that may be. */
export interface MemoryBytes {
  readonly native: number
  readonly resident: number
}

export interface MemoryLook {
  /** Of the limit, the larger of both shares. */
  readonly ratio: number
  readonly used: MemoryBytes
}

const CLOSES_AT = 0.8
const OPENS_BELOW = 0.75
const LOOK_EVERY_MS = 1_000
const STREAMS_BETWEEN_LOOKS = 16

export class MemoryGate {
  readonly #limits: MemoryBytes
  readonly #used: () => MemoryBytes
  readonly #onChange: (open: boolean, look: MemoryLook) => void
  #open = true
  #lookedMs = -Infinity
  #admitted = 0

  /** `used` is asked at every look; `onChange` is told when the gate closes and when it opens again. */
  constructor(
    limits: MemoryBytes,
    used: () => MemoryBytes,
    onChange: (open: boolean, look: MemoryLook) => void
  ) {
    this.#limits = limits
    this.#used = used
    this.#onChange = onChange
  }

  /** Whether one more stream may be held; it then counts as admitted. */
  admits(nowMs = performance.now()): boolean {
    if (nowMs - this.#lookedMs >= LOOK_EVERY_MS || this.#admitted >= STREAMS_BETWEEN_LOOKS) this.look(nowMs)
    if (this.#open) this.#admitted += 1
    return this.#open
  }

  /** Looks at memory now, and answers the share of the limit that is in use. */
  look(nowMs = performance.now()): MemoryLook {
    this.#lookedMs = nowMs
    this.#admitted = 0
    const used = this.#used()
    const ratio = Math.max(used.native / this.#limits.native, used.resident / this.#limits.resident)
    const look = { ratio, used }
    const open = this.#open ? ratio < CLOSES_AT : ratio < OPENS_BELOW
    if (open !== this.#open) {
      this.#open = open
      this.#onChange(open, look)
    }
    return look
  }
}
