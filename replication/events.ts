/** Events between nodes, for metrics, logs and programs that act on them. */
import type { ShardSetEvent } from '../storage/shard-set-context.js'
import type { Phase } from './groups/phases.js'

/** Nodes with the same timing. */
export interface TimingOfNodes {
  readonly heartbeatMs: number
  readonly failureTimeoutMs: number
  readonly nodes: readonly string[]
}

export type ReplicationEvent =
  | ShardSetEvent & { readonly cache: string }
  /** A message was not understood: damaged, of another version, or not shaped as it should be. */
  | { readonly type: 'message-refused', readonly subject: string, readonly reason: string }
  | { readonly type: 'handler-failed', readonly subject: string, readonly error: unknown }
  | { readonly type: 'member-joined', readonly node: string, readonly incarnation: number }
  | {
    readonly type: 'member-left',
    readonly node: string,
    readonly incarnation: number,
    readonly why: 'goodbye' | 'silent' | 'replaced'
  }
  /**
   * Nodes are configured with different timing, as in a rolling change: all of them are judged by
   * the largest heartbeat and failure timeout, given here.
   */
  | {
    readonly type: 'timing-differs',
    readonly heartbeatMs: number,
    readonly failureTimeoutMs: number,
    readonly timings: readonly TimingOfNodes[]
  }
  /** All nodes in view have the same timing again. */
  | {
    readonly type: 'timing-agrees',
    readonly heartbeatMs: number,
    readonly failureTimeoutMs: number
  }
  /**
   * The wall clock of this process is more than clockDiffersMs (10 s) ahead of the time that the
   * nodes agree on, or behind it (below 0). Writes go on; correct the clock before a second one is
   * wrong.
   */
  | { readonly type: 'clock-differs', readonly aheadMs: number, readonly from: string }
  /** It is right again. */
  | { readonly type: 'clock-agrees', readonly aheadMs: number, readonly from: string }
  /** Another process runs under this node's name. */
  | { readonly type: 'name-taken', readonly node: string, readonly incarnation: number }
  /** A process that began later has the name of this node: this one hands over, and closes. */
  | { readonly type: 'name-lost', readonly node: string, readonly incarnation: number }
  /** A member runs this cache with other settings; the two do not replicate. */
  | {
    readonly type: 'config-conflict',
    readonly cache: string,
    readonly node: string,
    readonly detail: string
  }
  | {
    readonly type: 'group-phase',
    readonly cache: string,
    readonly group: number,
    readonly phase: Phase | 'dropped'
  }
  /**
   * Placement groups began without stores that had held them, of these nodes: each was gone for too
   * long, or its node came back with another one, or an operator gave it up. What it alone had is
   * lost, unless it comes back after all.
   */
  | {
    readonly type: 'data-lost',
    readonly cache: string,
    readonly groups: readonly number[],
    readonly nodes: readonly string[]
  }
  /**
   * This node leaves, and the time for it is up (timing.drainTimeoutMs): the others may not have
   * all of these placement groups. They wait for this node's store, unless it was in memory.
   */
  | { readonly type: 'drain-ended', readonly cache: string, readonly groups: readonly number[] }
  /**
   * The transport took no more messages, and so many confirmations were dropped within a second.
   * Writes that wait for them are confirmed by equal digests in a heartbeat instead.
   */
  | { readonly type: 'confirmation-dropped', readonly cache: string, readonly count: number }
  /** A peer's batches were missing, were asked for again, and so many of them were merged. */
  | {
    readonly type: 'gap-repaired',
    readonly cache: string,
    readonly node: string,
    readonly batches: number
  }
  /** States differed where no gap had shown, and were exchanged. */
  | {
    readonly type: 'digest-repaired',
    readonly cache: string,
    readonly node: string,
    readonly shards: number
  }
  /**
   * A difference was not mended, placement groups were not fetched, or one was not handed over; it
   * is tried again. `node` is the peer that was asked, and this node itself where a hand-over
   * failed, which asks all owners.
   */
  | {
    readonly type: 'repair-failed',
    readonly cache: string,
    readonly node: string,
    readonly error: unknown
  }
  /**
   * Work that a node does on its own shards failed, and is tried with the next round: `expiry`
   * unsets what has expired, `tombstones` drops what no replica or consumer needs any more,
   * `roster` writes down which stores hold what.
   */
  | {
    readonly type: 'upkeep-failed',
    readonly cache: string,
    readonly work: 'expiry' | 'tombstones' | 'roster',
    readonly error: unknown
  }

export type OnEvent = (event: ReplicationEvent) => void
