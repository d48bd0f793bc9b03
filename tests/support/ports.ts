/**
 * The ports as tests use them: the real clock and real timers, but chance from a seed, so that a
 * failure can be repeated.
 *
 * A test that draws from it logs `describeSeed(seed)`; the run is repeated by setting
 * MILLPOND_SEED.
 */
import type { Ports, Random } from '../../engine/ports.js'
import { systemPorts } from '../../node/system-ports.js'

/** The seed given from outside, or a new one. */
export function pickSeed (): number {
  const given = process.env['MILLPOND_SEED']
  const seed = given === undefined || given === ''
    ? Math.floor(Math.random() * 2 ** 32)
    : Number(given)
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new TypeError(`MILLPOND_SEED must be an integer in [0, 2^32), not ${given}`)
  }
  return seed
}

export function describeSeed (seed: number): string {
  return `seed ${seed}; repeat with MILLPOND_SEED=${seed}`
}

/** mulberry32: small, fast, and good enough to shake things up. Never for secrets. */
export function seededRandom (seed: number): Random {
  let state = seed >>> 0
  return {
    uint32 () {
      state = (state + 0x6D2B79F5) >>> 0
      let mixed = Math.imul(state ^ (state >>> 15), state | 1)
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
      return (mixed ^ (mixed >>> 14)) >>> 0
    }
  }
}

export function testPorts (seed: number = pickSeed()): Ports & { readonly seed: number } {
  return { ...systemPorts, random: seededRandom(seed), seed }
}
