/** Seeded numbers: the same on every machine, for the load generator and the benchmarks. */

/** Numbers in [0, 1). */
export type Random = () => number

/** Uniform in [0, 1): 32 bits of a Weyl sequence through the finaliser of MurmurHash3 (public domain). */
export function uniform(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32
  }
}

/** A standard normal number by Box and Muller's method. Draws two numbers whatever is used of them, so that the sequence never depends on it. */
export function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(random() + 2 ** -40))
  return radius * Math.cos(2 * Math.PI * random())
}

/** A seed for each purpose from one: the `purpose`-th number of the sequence of `seed`, as 32 bits. */
export function derivedSeed(seed: number, purpose: number): number {
  const random = uniform(seed)
  let derived = 0
  for (let i = 0; i <= purpose; i++) derived = random() * 2 ** 32
  return derived >>> 0
}
