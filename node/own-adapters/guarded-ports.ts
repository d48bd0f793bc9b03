/**
 * Time, timers and chance that a program brings, with a guard around them: whatever they throw or
 * give, the library meets only what the ports allow. Each is called once when a node or client
 * opens, and one that cannot be is refused by name. Later on there is nobody to refuse it to:
 *
 *   wallMs fails          the last time that it gave counts
 *   monotonicMs fails     as well, and so where it goes back or stands still; it goes on as the
 *                         timers do
 *   after fails           the system's timer
 *   uint32 fails          the system's chance; where it never gave a number, it is refused
 *
 * The first failure of each is a warning of the process. The first uint32 is drawn where it is
 * needed, and not to look at it: a simulation draws the same numbers with a guard and without.
 */
import { messageOf } from '../../engine/base/thrown.js'
import type { Ports, Random } from '../../engine/ports.js'
import { warn } from '../observe/warnings.js'
import { systemPorts } from '../system-ports.js'
import { letGo, refused } from './checks.js'
import { GuardedClock, isMs, isWallMs, type TellPort } from './guarded-clock.js'
import { GuardedTimers, setTimer } from './guarded-timers.js'

/** Of the same ports, for nodes on one event loop to share their turns. */
const guards = new WeakMap<Ports, Ports>()

/** @throws TypeError naming the call that gives what it must not */
export function guardedPorts (given: Ports): Ports {
  if (given === systemPorts) return given
  const { clock, timers, random } = given
  const now = {
    wallMs: assertGives('clock.wallMs', () => clock.wallMs(), isWallMs, 'milliseconds since 1970'),
    monotonicMs: assertGives('clock.monotonicMs', () => clock.monotonicMs(), isMs, 'milliseconds')
  }
  assertGives('clock.suspendedMs', () => clock.suspendedMs?.() ?? 0, isMs, 'milliseconds')
  assertWorks('timers.after', () => letGo(setTimer(timers, 0, () => {}).cancel()))
  let guarded = guards.get(given)
  if (guarded === undefined) {
    const tell = tellingOnce()
    const guardedClock = new GuardedClock(clock, now, tell)
    guarded = {
      clock: guardedClock,
      timers: new GuardedTimers(timers, guardedClock, tell),
      random: new GuardedRandom(random, tell)
    }
    guards.set(given, guarded)
  }
  return guarded
}

function tellingOnce (): TellPort {
  const told = new Set<string>()
  return (call, failure) => {
    if (told.has(call)) return
    told.add(call)
    warn(`ports.${call} ${failure}; later failures of it are not told`)
  }
}

class GuardedRandom implements Random {
  readonly #given: Random
  readonly #tell: TellPort
  #hasGiven = false

  constructor (given: Random, tell: TellPort) {
    this.#given = given
    this.#tell = tell
  }

  /** @throws TypeError where it never gave a number */
  uint32 (): number {
    if (!this.#hasGiven) {
      const first = assertGives('random.uint32', () => this.#given.uint32(), isUint32, UINT32)
      this.#hasGiven = true
      return first
    }
    try {
      const given: unknown = this.#given.uint32()
      if (isUint32(given)) return given
      this.#tell('random.uint32', `gave ${refused(given)}`)
    } catch (error) {
      this.#tell('random.uint32', `failed: ${messageOf(error)}`)
    }
    return systemPorts.random.uint32()
  }
}

const UINT32 = 'a whole number from 0 to 4294967295'

function isUint32 (given: unknown): given is number {
  return Number.isInteger(given) && (given as number) >= 0 && (given as number) < 2 ** 32
}

/** @throws TypeError naming the port and what it gave, or how it failed */
function assertGives (
  call: string,
  ask: () => unknown,
  isRight: (given: unknown) => given is number,
  must: string
): number {
  const given = assertWorks(call, ask)
  if (isRight(given)) return given
  throw new TypeError(`ports.${call} must give ${must}, got ${refused(given)}`)
}

/** @throws TypeError naming the port that throws */
function assertWorks<T> (call: string, ask: () => T): T {
  try {
    return ask()
  } catch (cause) {
    throw new TypeError(`ports.${call} failed: ${messageOf(cause)}`, { cause })
  }
}
