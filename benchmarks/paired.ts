/**
 * What something costs, on a machine that is never quiet: the same work with and without it in turns. A round runs every
 * state twice, there and back (ABBA), in an order that is drawn anew, so that what drifts meets all states alike. The
 * interval is of the ratio of means, by resampling whole rounds.
 */
import { uniform } from '../lib/loadgen/random.js'
import { sum } from './measure.js'

const RESAMPLES = 10_000

/** Processor time of a run, the mean of two, by state; index i of all states is one round. */
export type Rounds<State extends string> = ReadonlyMap<State, readonly number[]>

/** `run` answers what one run of a state cost; each state has run once before it counts. */
export async function inTurns<State extends string>(
  states: readonly State[],
  rounds: number,
  run: (state: State) => Promise<number>
): Promise<Rounds<State>> {
  const costs = new Map<State, number[]>(states.map((state) => [state, []]))
  for (const state of states) await run(state)
  const random = uniform(1)
  for (let round = 0; round < rounds; round++) {
    const there = shuffled(states, random)
    const both = new Map<State, number>()
    for (const state of [...there, ...there.toReversed()]) {
      both.set(state, (both.get(state) ?? 0) + (await run(state)) / 2)
    }
    for (const [state, cost] of both) costs.get(state)!.push(cost)
  }
  return costs
}

export interface Overhead {
  readonly cpuNsPerRecordOff: number
  readonly cpuNsPerRecord: number
  readonly overheadPercent: number
  /** 95 % of what resampled rounds say lies between these. */
  readonly overheadLowPercent: number
  readonly overheadHighPercent: number
}

/** Costs in ns a record, round by round. */
export function overhead(off: readonly number[], on: readonly number[]): Overhead {
  const [overheadLowPercent, overheadHighPercent] = interval(off, on)
  return {
    cpuNsPerRecordOff: sum(off) / off.length,
    cpuNsPerRecord: sum(on) / on.length,
    overheadPercent: percent(sum(on) / sum(off)),
    overheadLowPercent,
    overheadHighPercent
  }
}

/** What is on top, where there is next to nothing without it: costs as parts of a processor, the difference in percent of one. */
export function excess(
  off: readonly number[],
  on: readonly number[]
): Pick<Overhead, 'overheadPercent' | 'overheadLowPercent' | 'overheadHighPercent'> {
  const difference = (a: number, b: number): number => (100 * (b - a)) / off.length
  const [overheadLowPercent, overheadHighPercent] = interval(off, on, difference)
  return { overheadPercent: difference(sum(off), sum(on)), overheadLowPercent, overheadHighPercent }
}

/** 95 % of what `compare` makes of the sums when rounds are drawn again with replacement; default: percent above 1 of their ratio. */
export function interval(
  off: readonly number[],
  on: readonly number[],
  compare = (a: number, b: number): number => percent(b / a)
): readonly [low: number, high: number] {
  const random = uniform(2)
  const drawn = Float64Array.from({ length: RESAMPLES }, () => {
    let [a, b] = [0, 0]
    for (let i = 0; i < off.length; i++) {
      const at = Math.floor(random() * off.length)
      a += off[at]!
      b += on[at]!
    }
    return compare(a, b)
  }).sort()
  return [drawn[Math.floor(RESAMPLES * 0.025)]!, drawn[Math.floor(RESAMPLES * 0.975)]!]
}

const percent = (ratio: number): number => (ratio - 1) * 100

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const order = [...items]
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return order
}
