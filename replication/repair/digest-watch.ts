/**
 * Decides when a difference between two replicas is worth an exchange. Under load their digests
 * nearly always differ, because deltas are on their way.
 *
 *   stands still              no delta will mend it: repaired after intervals.stillBeats
 *   keeps moving              deltas may mend it: repaired after intervals.movingBeats all the same
 *   is as a repair left it    the peer lacks something, or this node cannot take what the peer has:
 *                             repaired again after intervals.movingBeats
 */
import { intervals } from '../../engine/timing.js'
import type { HeldGroup } from '../membership/heartbeat.js'

interface Seen {
  readonly difference: string
  readonly still: number
  readonly moving: number
  /** The difference that the last repair was meant to end; null when none was, or it failed. */
  readonly repaired: string | null
}

export class DigestWatch {
  readonly #seen = new Map<string, Map<number, Seen>>()

  /** Takes a peer's heartbeat for one group; true when the difference should be repaired now. */
  differs (
    peer: string,
    group: number,
    theirs: HeldGroup,
    root: string,
    cursorRoot: string
  ): boolean {
    let groups = this.#seen.get(peer)
    if (groups === undefined) this.#seen.set(peer, groups = new Map<number, Seen>())
    if (theirs.root === root && theirs.cursorRoot === cursorRoot) {
      groups.delete(group)
      return false
    }
    const before = groups.get(group)
    const difference = `${theirs.root} ${theirs.cursorRoot} ${root} ${cursorRoot}`
    const repaired = before?.repaired === difference ? difference : null
    const still = before?.difference === difference ? before.still + 1 : 1
    const moving = (before?.moving ?? 0) + 1
    const isStill = repaired === null && still >= intervals.stillBeats
    if (!isStill && moving < intervals.movingBeats) {
      groups.set(group, { difference, still, moving, repaired })
      return false
    }
    groups.set(group, { difference, still: 0, moving: 0, repaired: difference })
    return true
  }

  /** A repair with the peer failed: what differs is repaired as if it had not been tried. */
  repairFailed (peer: string): void {
    const groups = this.#seen.get(peer) ?? new Map<number, Seen>()
    for (const [group, seen] of groups) groups.set(group, { ...seen, repaired: null })
  }

  forgetPeer (peer: string): void {
    this.#seen.delete(peer)
  }
}
