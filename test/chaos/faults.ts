/** How each kind of fault is brought about, held and healed. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosCluster, Toxic } from './cluster.js'
import { canMoveClocks, type Daemons } from './daemons.js'
import type { ChaosInput } from './input.js'
import type { TopicReader } from './kafka-view.js'
import type { Mark } from './observer.js'
import type { Fault } from './plan.js'

export interface Victims {
  readonly cluster: ChaosCluster
  readonly daemons: Daemons
  readonly input: ChaosInput
  /** Of the input topic. */
  readonly log: Pick<TopicReader, 'leader'>
  /** The moment from which on recovery counts. */
  readonly mark: () => Mark
}

export const daemonName = (number: number): string => `daemon-${number}`

/** Resolves when everything is as it was before. */
export async function inject(fault: Fault, victims: Victims): Promise<Mark> {
  const { cluster, daemons, input, log, mark } = victims
  const { kind, victim, holdMs, force } = fault
  switch (kind) {
    case 'broker-restart':
      return away(victims, 'stop', [victim], holdMs)
    case 'broker-kill':
      return away(victims, 'kill', [victim], holdMs)
    case 'all-brokers-away':
      return away(victims, 'kill', undefined, holdMs)
    case 'leader-move':
      return away(victims, 'stop', [await log.leader(victim)], holdMs)
    case 'broker-pause':
      await cluster.broker('pause', [victim])
      await delay(holdMs)
      await cluster.broker('resume', [victim])
      return mark()
    case 'slow-broker':
    case 'silent-wire':
    case 'reset-wire':
    case 'half-closed-wire': {
      const toxics = TOXICS[kind](force)
      await cluster.addToxics(victim, toxics)
      await delay(holdMs)
      await cluster.removeToxics(victim, toxics)
      return mark()
    }
    case 'daemon-kill': {
      await daemons.kill(daemonName(victim))
      const since = mark()
      await delay(holdMs * force)
      daemons.start(daemonName(victim))
      return since
    }
    case 'daemon-pause':
      daemons.pause(daemonName(victim))
      await delay(holdMs)
      daemons.resume(daemonName(victim))
      return mark()
    case 'rebalance-storm':
      return storm(victims, holdMs, force)
    case 'poison-records':
      input.poison(50 + Math.floor(200 * force))
      await delay(holdMs / 3)
      return mark()
    case 'clock-jump':
      input.jumpClocks(force)
      if (canMoveClocks) daemons.moveClock(daemonName(victim), Math.round((force - 0.5) * 86_400))
      await delay(holdMs)
      daemons.moveClock(daemonName(victim), 0)
      return mark()
  }
}

/** The brokers are gone for so long; the fault is over when they listen again. */
async function away(
  { cluster, mark }: Victims,
  how: 'stop' | 'kill',
  ids: readonly number[] | undefined,
  holdMs: number
): Promise<Mark> {
  await cluster.broker(how, ids)
  await delay(holdMs)
  await cluster.broker('start', ids)
  return mark()
}

/** Members come, and go in either way before they have settled. */
async function storm({ daemons, mark }: Victims, holdMs: number, force: number): Promise<Mark> {
  const guests = ['guest-a', 'guest-b']
  for (const [i, guest] of guests.entries()) {
    daemons.start(guest)
    await delay(holdMs / guests.length)
    if (force < 0.5 === (i % 2 === 0)) await daemons.kill(guest)
    else await daemons.stop(guest)
  }
  return mark()
}

const TOXICS = {
  /** Each way takes 0.2 to 0.8 s longer, and little goes through. */
  'slow-broker': (force) =>
    (['upstream', 'downstream'] as const).flatMap((stream): Toxic[] => [
      { type: 'latency', stream, attributes: { latency: 200 + Math.round(600 * force), jitter: 100 } },
      { type: 'bandwidth', stream, attributes: { rate: 40 } }
    ]),
  /** Connections stay open, and nothing goes through. */
  'silent-wire': () =>
    (['upstream', 'downstream'] as const).map((stream) => ({
      type: 'timeout',
      stream,
      attributes: { timeout: 0 }
    })),
  /** Every connection is reset soon after it was made. */
  'reset-wire': (force) => [
    { type: 'reset_peer', stream: 'downstream', attributes: { timeout: Math.round(1_000 * force) } }
  ],
  /** A response breaks off in its middle, and the other direction stays open. */
  'half-closed-wire': (force) => [
    { type: 'limit_data', stream: 'downstream', attributes: { bytes: 2_000 + Math.round(20_000 * force) } },
    { type: 'slow_close', stream: 'downstream', attributes: { delay: 4_000 } }
  ]
} as const satisfies Record<string, (force: number) => readonly Toxic[]>
