/**
 * The work of placement groups that come or go: fetches syncing groups from a node that holds them,
 * and gives a leaving group up once its owners have proved that they cover it.
 *
 * One step runs at a time, however often one is asked for; a step that fails is reported, and the
 * next heartbeat takes it again.
 */
import type { ShardSet } from '../../storage/shard-set.js'
import type { CacheContext } from '../contexts.js'
import type { Member } from '../membership/heartbeat.js'
import type { Coverage } from '../repair/coverage.js'
import type { Exchange } from '../repair/exchange.js'
import type { CachePeers } from './cache-peers.js'
import type { HeldGroups } from './held-groups.js'

export interface GroupMovesParts {
  readonly held: HeldGroups
  readonly peers: CachePeers
  readonly shards: ShardSet
  readonly exchange: Exchange
  readonly coverage: Coverage
}

export class GroupMoves {
  readonly #context: CacheContext
  readonly #parts: GroupMovesParts
  /**
   * The group whose hand-over was looked at last: the next step goes on behind it, so that none
   * starves.
   */
  #lookedAt = -1
  #stepping = false
  #closed = false

  constructor (context: CacheContext, parts: GroupMovesParts) {
    this.#context = context
    this.#parts = parts
  }

  /** Call it at every heartbeat, and when placement changed. */
  step (): void {
    if (this.#stepping || this.#closed) return
    this.#stepping = true
    void this.#step()
      .catch((error: unknown) => this.#failed(this.#context.self.id, error))
      .finally(() => {
        this.#stepping = false
      })
  }

  async #step (): Promise<void> {
    const peers = this.#parts.peers.all()
    for (const [source, groups] of this.#sources(peers)) await this.#fetch(source, groups)
    for (const group of this.#leavingInTurn()) {
      this.#lookedAt = group
      if (await this.#isCovered(group, peers)) this.#parts.held.tell(group, 'handed-over')
    }
  }

  /** The syncing groups by the peer to fetch them from. A group without such a peer is ready. */
  #sources (peers: readonly Member[]): Map<string, number[]> {
    const { held } = this.#parts
    const bySource = new Map<string, number[]>()
    for (const group of held.in('syncing')) {
      const inPhase = (phase: 'ready' | 'leaving'): Member | undefined =>
        peers.find(peer => this.#parts.peers.groupAt(peer, group)?.phase === phase)
      // The data of a leaving node may have lain on its disk for long: a ready one knows better.
      const source = inPhase('ready') ?? inPhase('leaving')
      if (source !== undefined) {
        bySource.set(source.id, [...bySource.get(source.id) ?? [], group])
      } else if (held.hasHeard(group, peers)) held.tell(group, 'alone')
    }
    return bySource
  }

  async #fetch (source: string, groups: readonly number[]): Promise<void> {
    try {
      for (const group of await this.#parts.exchange.exchange(source, groups)) {
        this.#parts.held.tell(group, 'fetched')
      }
    } catch (error) {
      this.#failed(source, error)
    }
  }

  #leavingInTurn (): number[] {
    const leaving = this.#parts.held.in('leaving')
    const inTurn = [...leaving.filter(group => group > this.#lookedAt),
      ...leaving.filter(group => group <= this.#lookedAt)]
    return inTurn.slice(0, this.#context.limits.maxHandOversPerStep)
  }

  /**
   * Whether every owner holds the group ready and covers all that is here, with nothing written
   * here meanwhile.
   */
  async #isCovered (group: number, peers: readonly Member[]): Promise<boolean> {
    const { held, shards, coverage } = this.#parts
    const owners = held.owners(group)
    const enough = Math.min(this.#context.shape.replicas, peers.length)
    if (owners.length < enough || owners.length === 0) return false
    const stateNow = (): string => shards.root(group) + shards.cursorRoot(group)
    const before = stateNow()
    for (const owner of owners) {
      const peer = peers.find(({ id }) => id === owner)
      if (peer === undefined || this.#parts.peers.groupAt(peer, group)?.phase !== 'ready') {
        return false
      }
      if ((await coverage.lacking(owner, group)).length > 0) return false
    }
    return held.phase(group) === 'leaving' && stateNow() === before
  }

  #failed (node: string, error: unknown): void {
    const { cache, onEvent } = this.#context
    if (!this.#closed) onEvent({ type: 'repair-failed', cache, node, error })
  }

  close (): void {
    this.#closed = true
  }
}
