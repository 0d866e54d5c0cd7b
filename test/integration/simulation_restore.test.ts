/**
 * Seeded worlds: per stream, the keys and values on the output topic equal the uninterrupted run's, byte for byte, whatever
 * ends the lives of daemons in between and whatever retention removes of what no restart needs.
 */
import { expect, test } from '@jest/globals'
import { repeatsOnly, seeded } from '../support/pipeline-world.js'
import { logOf, RestoreWorld, shapeOf, type Fate, type Shape } from '../support/restore-world.js'

const RECORDS = 260
const SEEDS = Number(process.env['TDA_SEEDS'] ?? 60)
const FIRST = Number(process.env['TDA_SEED'] ?? 1)

type Results = Awaited<ReturnType<RestoreWorld['results']>>

async function undisturbed(seed: number, shape: Shape): Promise<Results> {
  const world = await RestoreWorld.make(shape)
  await world.publish(logOf(seed, RECORDS, shape.mixed))
  expect(await world.life()).toBeNull()
  return world.results()
}

function compare(seed: number, shape: Shape, whole: Results, got: Results, said: readonly string[]): void {
  const about = `TDA_SEED=${seed} ${shape.guarantee}\n${said.join('\n')}`
  const wrong = (what: string): Error => new Error(`${what}\n${about}`)
  if (String([...got.values.keys()].sort()) !== String([...whole.values.keys()].sort())) throw wrong('other streams')
  for (const [stream, values] of whole.values) {
    const of = got.values.get(stream)!
    if (shape.guarantee === 'exactly-once') {
      const at = values.findIndex((value, i) => value !== of[i])
      if (at >= 0 || of.length !== values.length) {
        throw wrong(`${stream}: value ${at} of ${values.length} (${of.length})\n${values[at]}\n${of[at]}`)
      }
    } else {
      const repeated = repeatsOnly(values, of)
      if (repeated !== null) throw wrong(`${stream}: ${repeated}`)
    }
  }
  const letters = (from: Results): string[] => (shape.guarantee === 'exactly-once' ? from.letters : [...new Set(from.letters)])
  if (String(letters(got)) !== String(letters(whole))) {
    const odd = [...letters(got).filter((one) => !whole.letters.includes(one)), '|', ...letters(whole).filter((one) => !got.letters.includes(one))]
    throw wrong(`other dead letters: ${odd.join(', ')}`)
  }
}

/** The log comes in pieces; each is read by lives that end at random places, the last one by a drain. */
async function disturbed(seed: number, shape: Shape, between: (world: RestoreWorld) => Promise<void>): Promise<RestoreWorld> {
  const world = await RestoreWorld.make(shape)
  const log = logOf(seed, RECORDS, shape.mixed)
  const random = seeded(seed + 1_000_003)
  for (let at = 0; at < log.length;) {
    const end = Math.min(log.length, at + 20 + Math.floor(random() * 90))
    await world.publish(log.slice(at, end))
    at = end
    for (let lives = 0; ; lives++) {
      const fate: Fate = {
        ...(lives < 3 && random() < 0.7 ? { crashAt: 1 + Math.floor(random() * 12), after: random() < 0.5 } : {}),
        ...(random() < 0.4 ? { rebalanceAt: 1 + Math.floor(random() * 6) } : {})
      }
      const died = await world.life(fate)
      if (died === null) break
      if (!String(died).includes('crash')) throw new Error(`TDA_SEED=${seed}: ${String(died)}\n${world.said.join('\n')}`, { cause: died })
      await between(world)
    }
    await between(world)
  }
  return world
}

function seeds(count: number): number[] {
  return Array.from({ length: count }, (_, i) => FIRST + i)
}

test(`simulation: crashes and rebalances anywhere change no byte (${SEEDS} seeds)`, async () => {
  let continued = 0
  for (const seed of seeds(SEEDS)) {
    const shape = shapeOf(seed)
    const world = await disturbed(seed, shape, async () => {})
    compare(seed, shape, await undisturbed(seed, shape), await world.results(), world.said)
    if (world.said.some((text) => text.includes('go on from offset'))) continued += 1
  }
  expect(continued).toBeGreaterThan(SEEDS * 0.8) // or nothing was tried
}, 600_000)
