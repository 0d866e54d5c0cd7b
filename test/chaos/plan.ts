/**
 * Which faults a run injects, in which order and how hard: a function of the seed alone. Every kind comes once in a round;
 * rounds follow one another until the time is over. Now and then two faults that do not share a victim come at once.
 */
import { seeded } from '../support/pipeline-world.js'

export const FAULT_KINDS = [
  'broker-restart',
  'broker-kill',
  'broker-pause',
  'leader-move',
  'all-brokers-away',
  'slow-broker',
  'silent-wire',
  'reset-wire',
  'half-closed-wire',
  'daemon-kill',
  'daemon-pause',
  'rebalance-storm',
  'poison-records',
  'clock-jump'
] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

export interface Fault {
  readonly kind: FaultKind
  /** Broker 1 to 3, daemon from 0, or partition, as the kind needs it. */
  readonly victim: number
  /** How long the fault lasts. */
  readonly holdMs: number
  /** Between 0 and 1: how hard, as the kind understands it. */
  readonly force: number
}

/** Faults injected at the same time, and how long all is calm after everything has recovered. */
export interface Step {
  readonly faults: readonly Fault[]
  readonly calmMs: number
}

export interface PlanOptions {
  readonly seed: number
  readonly daemons: number
  readonly partitions: number
  /** Each kind once, one at a time, shorter: for CI. */
  readonly short: boolean
  readonly only?: readonly FaultKind[]
}

const ALL_BROKERS_AWAY_MS = 30_000
const HOLD_MS = [3_000, 15_000] as const
/** Shorter, and nobody would notice: sessions of brokers and daemons are 6 s. */
const PAUSE_MS_MIN = 8_000
const PAIRS = 0.25

/** What goes together: one fault below the daemons, one at them. */
const BELOW: ReadonlySet<FaultKind> = new Set(FAULT_KINDS.slice(0, FAULT_KINDS.indexOf('daemon-kill')))

/** Endless; the same for the same options. */
export function* plan(options: PlanOptions): Generator<Step, never, undefined> {
  const random = seeded(options.seed)
  const kinds = options.only ?? FAULT_KINDS
  let first = true
  for (;;) {
    const round = shuffled(kinds, random).map((kind) => fault(kind, options, random))
    for (let fault = round.shift(); fault !== undefined; fault = round.shift()) {
      const pair = !options.short && random() < PAIRS ? partner(fault, round) : undefined
      if (pair) round.splice(round.indexOf(pair), 1)
      yield { faults: pair ? [fault, pair] : [fault], calmMs: first ? 0 : Math.floor(500 + random() * 2_500) }
      first = false
    }
  }
}

function fault(kind: FaultKind, options: PlanOptions, random: () => number): Fault {
  const [shortest, longest] = HOLD_MS
  const drawn = shortest + random() * (longest - shortest)
  const held = kind === 'all-brokers-away' ? ALL_BROKERS_AWAY_MS : drawn
  const victims =
    kind === 'daemon-kill' || kind === 'daemon-pause' || kind === 'clock-jump'
      ? { from: 0, count: options.daemons }
      : kind === 'leader-move'
        ? { from: 0, count: options.partitions }
        : { from: 1, count: 3 }
  const shortened = options.short ? held / 3 : held
  const pause = kind === 'daemon-pause' || kind === 'broker-pause'
  return {
    kind,
    victim: victims.from + Math.floor(random() * victims.count),
    holdMs: Math.floor(pause ? Math.max(PAUSE_MS_MIN, shortened) : shortened),
    force: random()
  }
}

function partner(fault: Fault, round: readonly Fault[]): Fault | undefined {
  return round.find(({ kind }) => BELOW.has(kind) !== BELOW.has(fault.kind) && kind !== 'all-brokers-away')
}

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  const rest = [...values]
  return values.map(() => rest.splice(Math.floor(random() * rest.length), 1)[0]!)
}
