/**
 * When the last process of each name began, as one process has heard. A replacement whose wall
 * clock is behind would seem to be the earlier one and give way; so a node that joins is told when
 * the process before it began, and says that it began later (SPEC R17).
 *
 *   node says hello under a name   its peers tell in their heartbeats when that name's last process
 *                                  began, for as long as a member may be silent
 *   node sends its first heartbeat it stamps itself: its own clock, or just after the last one told
 *
 * The last process may be in view still, as when it was stopped a moment ago, or silent for long.
 */
import type { Clock } from '../../engine/ports.js'
import type { Limits } from '../../engine/limits.js'
import type { Member, NodeLife } from './heartbeat.js'

/** A stamp must be greater than the one that it follows. */
const JUST_AFTER_MS = 1

/** When a node begins: by its own clock, or after the last process of its name. */
export function beginsMs (wallMs: number, lastMs: number | undefined): number {
  return lastMs === undefined ? wallMs : Math.max(wallMs, lastMs + JUST_AFTER_MS)
}

export interface NameStartsOptions {
  readonly clock: Clock
  readonly limits: Pick<Limits, 'maxSilentNames' | 'maxNamesTold'>
}

export class NameStarts {
  readonly #options: NameStartsOptions
  /** When the last processes of names began that left no word; those heard last stand last. */
  readonly #silent = new Map<string, number>()
  /** Newcomers that said hello, and when, by the monotonic clock. */
  readonly #asked = new Map<string, number>()

  constructor (options: NameStartsOptions) {
    this.#options = options
  }

  /** A member left without a goodbye: its process may go on one day. */
  fellSilent ({ id, beganMs }: Member): void {
    const lastMs = this.#silent.get(id)
    if (beganMs === undefined) return
    keep(
      this.#silent,
      id,
      Math.max(beganMs, lastMs ?? beganMs),
      this.#options.limits.maxSilentNames
    )
  }

  /** A node said hello. One that is in view has begun long ago, and connects anew. */
  greeted ({ id, incarnation }: NodeLife, members: ReadonlyMap<string, Member>): void {
    const { clock, limits } = this.#options
    const member = members.get(id)
    if (member === undefined ? !this.#silent.has(id) : member.incarnation === incarnation) return
    keep(this.#asked, id, clock.monotonicMs(), limits.maxNamesTold)
  }

  /** What a heartbeat tells to newcomers; undefined where none is there. */
  told (
    members: ReadonlyMap<string, Member>,
    forMs: number
  ): Readonly<Record<string, number>> | undefined {
    const nowMs = this.#options.clock.monotonicMs()
    const told: Array<[name: string, beganMs: number]> = []
    for (const [id, askedMs] of this.#asked) {
      const beganMs = this.#lastOf(id, members)
      if (nowMs - askedMs > forMs) this.#asked.delete(id)
      else if (beganMs !== undefined) told.push([id, beganMs])
    }
    return told.length === 0 ? undefined : Object.fromEntries(told)
  }

  #lastOf (id: string, members: ReadonlyMap<string, Member>): number | undefined {
    const known = [this.#silent.get(id), members.get(id)?.beganMs].filter(ms => ms !== undefined)
    return known.length === 0 ? undefined : Math.max(...known)
  }
}

/** The entry is the youngest from now on; beyond the bound the oldest one goes. */
function keep (entries: Map<string, number>, id: string, ms: number, max: number): void {
  entries.delete(id)
  entries.set(id, ms)
  const [oldest] = entries.keys()
  if (entries.size > max && oldest !== undefined) entries.delete(oldest)
}
