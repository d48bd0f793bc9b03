/**
 * Decides when a difference between two replicas is worth an exchange. Under load their digests
 * nearly always differ, because deltas are on their way. A difference that stands still is one that
 * no delta will mend; one that keeps moving is looked into now and then all the same.
 */
import { intervals } from '../../engine/timing.js'
import type { HeldGroup } from '../membership/heartbeat.js'

interface Seen {
  readonly difference: string
  readonly still: number
  readonly moving: number
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
    const seen = {
      difference,
      still: before?.difference === difference ? before.still + 1 : 1,
      moving: (before?.moving ?? 0) + 1
    }
    if (seen.still < intervals.stillBeats && seen.moving < intervals.movingBeats) {
      groups.set(group, seen)
      return false
    }
    groups.delete(group)
    return true
  }

  forgetPeer (peer: string): void {
    this.#seen.delete(peer)
  }
}
