/**
 * What something costs, on a machine that is never quiet: the same work with and without it in turns, rounds in an order
 * that changes, so that all states meet the same machine. The interval is of the ratio of means, by resampling whole
 * rounds.
 */
import { uniform } from '../lib/loadgen/random.js'
import { sum } from './measure.js'

const RESAMPLES = 10_000

/** Processor time of each run, by state; index i of all states is one round. */
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
    for (const state of shuffled(states, random)) costs.get(state)!.push(await run(state))
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

/** 95 % of what the ratio of means is when rounds are drawn again with replacement, in percent above 1. */
export function interval(
  off: readonly number[],
  on: readonly number[]
): readonly [low: number, high: number] {
  const random = uniform(2)
  const ratios = Float64Array.from({ length: RESAMPLES }, () => {
    let [a, b] = [0, 0]
    for (let i = 0; i < off.length; i++) {
      const at = Math.floor(random() * off.length)
      a += off[at]!
      b += on[at]!
    }
    return b / a
  }).sort()
  return [percent(ratios[Math.floor(RESAMPLES * 0.025)]!), percent(ratios[Math.floor(RESAMPLES * 0.975)]!)]
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
