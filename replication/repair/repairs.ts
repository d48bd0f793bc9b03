/**
 * When a peer is asked for something that is missing here, and in which way (D5):
 *
 *   missing batches   asked for again, while the peer still keeps them; else the groups differ
 *   differing groups  an exchange (exchange.ts)
 *
 * Per peer one repair runs at a time, and the groups found meanwhile wait as a set, so a flood of
 * gaps costs one round. A failed round is reported; the next heartbeat that still shows a
 * difference starts another. Groups of which this node refuses what the peer has rest
 * (repair-rest.ts).
 */
import { gapPatienceMs } from '../../engine/timing.js'
import type { CacheContext } from '../contexts.js'
import type { Inbox } from '../deltas/inbox.js'
import type { DigestWatch } from './digest-watch.js'
import type { Exchange } from './exchange.js'
import type { PeerClient } from './peer-client.js'
import type { RepairRest } from './repair-rest.js'

/** Groups of one peer that wait for their repair. */
interface RepairWork {
  readonly missing: Set<number>
  readonly differing: Set<number>
  busy: boolean
}

export interface RepairsParts {
  readonly client: PeerClient
  readonly inbox: Inbox
  readonly exchange: Exchange
  readonly rest: RepairRest
  readonly digests: DigestWatch
}

export class Repairs {
  readonly #context: CacheContext
  readonly #parts: RepairsParts
  readonly #peers = new Map<string, RepairWork>()
  #closed = false

  constructor (context: CacheContext, parts: RepairsParts) {
    this.#context = context
    this.#parts = parts
  }

  /** Batches of this peer are missing in a group. */
  missing (peer: string, group: number): void {
    if (this.#parts.rest.groupRests(peer, group)) return
    this.#work(peer).missing.add(group)
    this.#start(peer, gapPatienceMs(this.#context.timing))
  }

  /** The peer's state of a group differs from ours, and not because something is on its way. */
  differing (peer: string, group: number): void {
    if (this.#parts.rest.groupRests(peer, group)) return
    this.#work(peer).differing.add(group)
    this.#start(peer, 0)
  }

  forgetPeer (peer: string): void {
    this.#peers.delete(peer)
    this.#parts.rest.forgetPeer(peer)
    this.#parts.digests.forgetPeer(peer)
  }

  #work (peer: string): RepairWork {
    let work = this.#peers.get(peer)
    if (work === undefined) {
      this.#peers.set(peer, work = { missing: new Set(), differing: new Set(), busy: false })
    }
    return work
  }

  #start (peer: string, delayMs: number): void {
    const work = this.#work(peer)
    if (work.busy || this.#closed) return
    work.busy = true
    this.#context.ports.timers.after(delayMs, () => {
      void this.#repair(peer, work)
    })
  }

  async #repair (peer: string, work: RepairWork): Promise<void> {
    try {
      if (work.missing.size > 0) await this.#resend(peer, work)
      if (work.differing.size > 0) {
        const groups = [...work.differing]
        work.differing.clear()
        await this.#parts.exchange.exchange(peer, groups)
      }
    } catch (error) {
      const { cache, onEvent } = this.#context
      if (!this.#closed) onEvent({ type: 'repair-failed', cache, node: peer, error })
      work.missing.clear()
      work.differing.clear()
      this.#parts.digests.repairFailed(peer)
    } finally {
      work.busy = false
    }
    if (work.missing.size + work.differing.size > 0) this.#start(peer, 0)
  }

  /** Asks for batches again. Groups where that is not enough are left as differing. */
  async #resend (peer: string, work: RepairWork): Promise<void> {
    const { membership, cache, limits, onEvent } = this.#context
    const { client, inbox } = this.#parts
    const groups = [...work.missing]
    work.missing.clear()
    if (!membership.members.has(peer)) return
    const life = client.life(peer)
    const ask: Array<[group: number, from: number]> = []
    for (const group of groups) {
      const missing = inbox.missing(peer, life.incarnation, group)
      if (missing.state === 'unknown') work.differing.add(group)
      else if (missing.state === 'from') ask.push([group, missing.sequence])
    }
    if (ask.length === 0) return
    const asked = new Map(ask)
    let batches = 0
    const answer = await client.ask(life, 'resend', {
      groups: ask.slice(0, limits.maxShardsPerRequest)
    })
    for (const [group, found] of answer) {
      for (const batch of found ?? []) {
        if (batch.incarnation === life.incarnation) inbox.merge(peer, group, batch)
      }
      const still = inbox.missing(peer, life.incarnation, group)
      if (still.state !== 'none') work.differing.add(group)
      // A batch that was refused, in whole or in part, moves no position.
      const hasMoved = still.state !== 'from' || still.sequence !== asked.get(group)
      if (hasMoved) batches += found?.length ?? 0
    }
    if (batches > 0) onEvent({ type: 'gap-repaired', cache, node: peer, batches })
  }

  close (): void {
    this.#closed = true
  }
}
