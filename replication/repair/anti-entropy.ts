/**
 * Anti-entropy: how a node fetches from a peer what it lacks (D5). Always a pull: whoever lacks
 * something asks, at its own pace, and merges it itself; so flow control is the asking.
 *
 *   missing batches   resend from the peer's kept batches; when they are gone, exchange
 *   exchange          digests (trip 1) -> the shards that differ -> diffs above our state vectors
 *                     (trip 2, repeated while the peer says that some did not fit)
 *
 * Per peer one repair runs at a time, and what is asked for meanwhile waits as a set of groups, so
 * a flood of gaps costs one round. A failed round is reported; the next heartbeat that still shows
 * a difference starts another.
 */
import * as v from '../../engine/base/schema.js'
import { EnvelopeError, UnavailableError } from '../../engine/errors.js'
import { limits } from '../../engine/limits.js'
import type { Ports } from '../../engine/ports.js'
import { canPatch, decodeFloor } from '../../engine/garbage/floor.js'
import type { MergeResult } from '../../engine/shard.js'
import { decodeStateVector, encodeStateVector,
  type StateVector } from '../../engine/base/state-vector.js'
import type { Residency } from '../../storage/residency/residency.js'
import type { ShardSet } from '../../storage/shard-set.js'
import type { OnEvent } from '../events.js'
import type { Inbox } from '../deltas/inbox.js'
import type { Messenger } from '../messages/messenger.js'
import { Answers, type Answer, type Diff, type Question } from './peer-protocol.js'
import type { Subjects } from '../messages/subjects.js'

export interface AntiEntropyOptions {
  readonly cache: string
  readonly node: string
  readonly shards: ShardSet
  readonly inbox: Inbox
  readonly messenger: Messenger
  readonly subjects: Subjects
  readonly ports: Ports
  readonly requestTimeoutMs: number
  /** A gap is given this long to close by itself (reordered messages) before it is asked about. */
  readonly gapPatienceMs: number
  readonly holds: (group: number) => boolean
  readonly incarnationOf: (node: string) => number | undefined
  readonly onEvent: OnEvent
}

interface Work {
  readonly missing: Set<number>
  readonly differing: Set<number>
  busy: boolean
}

/** A process life under a name. */
interface Peer {
  readonly id: string
  readonly incarnation: number
}

/** A question with its operation, the cache and who is asked left out. */
type Asked<Op extends Question['op']> = Omit<Extract<Question, { op: Op }>, 'op' | 'cache' | 'to'>

export class AntiEntropy {
  readonly #options: AntiEntropyOptions
  readonly #peers = new Map<string, Work>()
  #closed = false

  constructor (options: AntiEntropyOptions) {
    this.#options = options
  }

  /** Batches of this peer are missing in a group. */
  missing (peer: string, group: number): void {
    this.#work(peer).missing.add(group)
    this.#start(peer, this.#options.gapPatienceMs)
  }

  /** The peer's state of a group differs from ours, and not because something is on its way. */
  differing (peer: string, group: number): void {
    this.#work(peer).differing.add(group)
    this.#start(peer, 0)
  }

  #work (peer: string): Work {
    let work = this.#peers.get(peer)
    if (work === undefined) {
      this.#peers.set(peer, work = { missing: new Set(), differing: new Set(), busy: false })
    }
    return work
  }

  forgetPeer (peer: string): void {
    this.#peers.delete(peer)
  }

  close (): void {
    this.#closed = true
  }

  #start (peer: string, delayMs: number): void {
    const work = this.#work(peer)
    if (work.busy || this.#closed) return
    work.busy = true
    this.#options.ports.timers.after(delayMs, () => {
      void this.#repair(peer, work)
    })
  }

  async #repair (peer: string, work: Work): Promise<void> {
    try {
      if (work.missing.size > 0) await this.#resend(peer, work)
      if (work.differing.size > 0) {
        const groups = [...work.differing]
        work.differing.clear()
        await this.exchange(peer, groups)
      }
    } catch (error) {
      if (!this.#closed) {
        this.#options.onEvent({
          type: 'repair-failed',
          cache: this.#options.cache,
          node: peer,
          error
        })
      }
      work.missing.clear()
      work.differing.clear()
    } finally {
      work.busy = false
    }
    if (work.missing.size + work.differing.size > 0) this.#start(peer, 0)
  }

  async #resend (peer: string, work: Work): Promise<void> {
    const { inbox, incarnationOf, cache, onEvent } = this.#options
    const incarnation = incarnationOf(peer)
    const groups = [...work.missing]
    work.missing.clear()
    if (incarnation === undefined) return
    const ask: Array<[number, number]> = []
    for (const group of groups) {
      const from = inbox.missingFrom(peer, incarnation, group)
      if (from === null) work.differing.add(group)
      else if (from !== Infinity) ask.push([group, from])
    }
    if (ask.length === 0) return
    let batches = 0
    for (
      const [group, found] of await this.#ask({ id: peer, incarnation }, 'resend', {
        groups: ask.slice(0, limits.maxShardsPerRequest)
      })
    ) {
      for (const batch of found ?? []) {
        if (batch.incarnation === incarnation) inbox.merge(peer, group, batch)
      }
      batches += found?.length ?? 0
      const still = inbox.missingFrom(peer, incarnation, group)
      if (still !== Infinity) work.differing.add(group)
    }
    onEvent({ type: 'gap-repaired', cache, node: peer, batches })
  }

  /**
   * Fetches everything the peer has and we lack in these groups. Afterwards everything the peer had
   * published before is merged here, except where one of its updates was refused.
   * @returns the groups the peer holds and of which everything was merged
   */
  async exchange (peer: string, groups: readonly number[]): Promise<number[]> {
    const { shards, inbox, cache, onEvent } = this.#options
    const asked = this.#present(peer)
    const held: number[] = []
    let repaired = 0
    for (const page of this.#pages(groups)) {
      const answers = await this.#ask(asked, 'digests', {
        groups: page.map(group => [group, shards.root(group)])
      })
      const differing = answers.flatMap(([group, , digests]) =>
        digests === null
          ? []
          : shards.topology.shardsOf(group).filter((shard, i) =>
            shards.digest(shard) !== digests[i]
          )
      )
      const { merged, failed } = await this.#fetch(asked, differing)
      repaired += merged
      for (
        const [shard, consumerGroup, cursor] of await this.#ask(asked, 'cursors', {
          groups: answers.map(([group]) => group)
        })
      ) if (this.#holds(shard)) shards.mergeCursor(shard, consumerGroup, cursor)
      for (const [group, sequence] of answers) {
        if (failed.has(group)) continue
        inbox.caughtUp(peer, asked.incarnation, group, sequence)
        held.push(group)
      }
    }
    if (repaired > 0) onEvent({ type: 'digest-repaired', cache, node: peer, shards: repaired })
    return held
  }

  /**
   * Merges diffs of these shards, as many requests as it takes. @returns how many brought something
   * new, and the groups where one was not merged
   */
  async #fetch (
    peer: Peer,
    wanted: readonly number[]
  ): Promise<{ merged: number, failed: Set<number> }> {
    const { shards } = this.#options
    const failed = new Set<number>()
    let merged = 0
    let waiting = [...wanted]
    while (waiting.length > 0 && !this.#closed) {
      const page = waiting.slice(0, limits.maxShardsPerRequest)
      const { diffs, rest } = await this.#ask(peer, 'diffs', {
        shards: page.map(shard => [shard, this.#vectorOf(shard)])
      })
      for (const diff of diffs) {
        const outcome = this.#holds(diff.shard) ? this.#apply(diff) : 'known'
        if (outcome === 'merged') merged++
        else if (outcome !== 'known') failed.add(shards.topology.groupOf(diff.shard))
      }
      if (rest.length === page.length) {
        throw new Error(`${peer.id} sends none of ${rest.length} shards`)
      }
      waiting = rest.concat(waiting.slice(limits.maxShardsPerRequest))
    }
    return { merged, failed }
  }

  #apply ({ shard, update, known, floor, retired }: Diff): MergeResult['outcome'] | 'below' {
    const { shards } = this.#options
    const theirs = decodeStateVector(known, limits)
    // A peer below our floor may have what was deleted. It asks us as well, and will be reset.
    if (floor === null && !canPatch(shards.floor(shard), theirs)) return 'below'
    const { outcome } = floor === null
      ? shards.merge(shard, update)
      : shards.reset(shard, update, decodeFloor(floor, limits))
    if (retired.length > 0) {
      // Tombstones of theirs that we still have were of use to nobody there, or the peer would have
      // them.
      shards.collect(shard, {
        stable: new Map(retired),
        before: Number.MAX_SAFE_INTEGER,
        forcedBefore: 0
      })
      shards.retire(shard, new Map(retired), new Set())
    }
    return outcome
  }

  /** What a peer has seen of these shards. @throws UnavailableError, TimeoutError */
  async vectors (peer: string, wanted: readonly number[]): Promise<Map<number, StateVector>> {
    const answer = await this.#ask(this.#present(peer), 'vectors', { shards: [...wanted] })
    return new Map(answer.map(([shard, sv]) => [shard, decodeStateVector(sv, limits)]))
  }

  /**
   * Those of our shards in a group, committed cursors included, that the peer does not have all of.
   * None proves that we may give it up.
   */
  async lacking (peer: string, group: number): Promise<number[]> {
    const { shards } = this.#options
    const asked = this.#present(peer)
    const held = shards.topology.shardsOf(group).filter(shard =>
      hasEntries(shards.at(shard)) || shards.cursors.of([shard]).length > 0
    )
    const lacking: number[] = []
    for (let i = 0; i < held.length; i += limits.maxShardsPerRequest) {
      const page = held.slice(i, i + limits.maxShardsPerRequest)
      lacking.push(
        ...(await this.#ask(asked, 'covers', {
          shards: page.map(shard => [shard, this.#vectorOf(shard)]),
          cursors: shards.cursors.of(page)
        })).lacking
      )
    }
    return lacking
  }

  /** @throws UnavailableError when the peer has left */
  #present (peer: string): Peer {
    const incarnation = this.#options.incarnationOf(peer)
    if (incarnation === undefined) throw new UnavailableError(`${peer} has left`)
    return { id: peer, incarnation }
  }

  /** A group may have been given up while its answer was on the way. */
  #holds (shard: number): boolean {
    return this.#options.holds(this.#options.shards.topology.groupOf(shard))
  }

  #vectorOf (shard: number): Uint8Array {
    return encodeStateVector(this.#options.shards.known(shard))
  }

  /** Groups in pages that name a bounded number of shards. */
  #pages (groups: readonly number[]): number[][] {
    const perGroup = Math.max(1, this.#options.shards.topology.shardsOf(0).length)
    const size = Math.max(1, Math.floor(limits.maxShardsPerRequest / perGroup))
    return Array.from(
      { length: Math.ceil(groups.length / size) },
      (_, i) => groups.slice(i * size, (i + 1) * size)
    )
  }

  async #ask<Op extends Question['op']> (
    peer: Peer,
    op: Op,
    question: Asked<Op>
  ): Promise<Answer<Op>> {
    const { messenger, subjects, node, cache, requestTimeoutMs } = this.#options
    const answer = await messenger.request(subjects.peer(peer.id, node), {
      op,
      cache,
      to: peer.incarnation,
      ...question
    }, requestTimeoutMs)
    const parsed = v.safeParse(Answers[op], answer)
    if (!parsed.success) {
      throw new EnvelopeError(
        'shape',
        `the answer of ${peer.id} to ${op} is not shaped as it should be`
      )
    }
    return parsed.output
  }
}

/** Whether a peer may lack something of a shard: a cold one has entries like any other (S5). */
function hasEntries (residency: Residency): boolean {
  switch (residency.state) {
    case 'resident':
    case 'cold':
      return true
    case 'absent':
      return false
  }
}
