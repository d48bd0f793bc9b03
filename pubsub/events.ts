/**
 * Events between nodes and consumers, to be counted, logged or acted on. Events about a consumer
 * are raised in the process it runs in: a node hears nothing of consumers that read from it.
 */
export type PubsubEvent =
  /**
   * The transport took no more messages, and so many hints of this node were dropped within a
   * second. Consumers find the changes by digests instead, some heartbeats later.
   */
  | { readonly type: 'hint-dropped', readonly cache: string, readonly count: number }
  | ConsumerEvent & { readonly cache: string, readonly consumerGroup: string }

/** The shards of an event: the first limits.maxStatusItems of them, and how many more there are. */
export interface ShardList {
  readonly shards: readonly number[]
  readonly unlistedShards: number
}

export type ConsumerEvent =
  /**
   * A consumer knows where to begin, and begins to read: `committedShards` of the cache's `shards`
   * at the cursors its group has committed, the others at their start.
   */
  | { readonly type: 'consumer-started', readonly shards: number, readonly committedShards: number }
  /**
   * No holder of these shards has seen as much as the consumer's cursors: a node that had is gone
   * or out of reach. Each shard is told once until it can be read again; `forMs` is how long that
   * has been so for the first of them.
   */
  | ShardList & { readonly type: 'consumer-behind', readonly forMs: number }
  /**
   * No node in view holds these placement groups: their nodes are gone, or the connection is. Each
   * placement group is told once until it has a holder again. `groups` has the first
   * limits.maxStatusItems of them, and `unlistedGroups` counts the others.
   */
  | {
    readonly type: 'consumer-unheld',
    readonly groups: readonly number[],
    readonly unlistedGroups: number
  }
  /** Every placement group has a holder again; `forMs` is how long that was not so. */
  | { readonly type: 'consumer-held', readonly forMs: number }
  /**
   * The consumer goes on after an error with this code, and tries again: `times` it did since that
   * was last told, at most once a second per code. `error` and `shards` are of the last time; there
   * are no shards where the error is about none in particular.
   */
  | ShardList & {
    readonly type: 'consumer-retrying',
    readonly code: string,
    readonly times: number,
    readonly error: unknown
  }
  /** These shards are read again from the start. */
  | ShardList & { readonly type: 'consumer-reset', readonly why: ResetReason }
  /** The group's cursors of these shards were not all committed. The program gets the error too. */
  | ShardList & { readonly type: 'commit-failed', readonly error: unknown }
  /** A consumer will give out nothing more. `error` is there when that is why. */
  | { readonly type: 'consumer-ended', readonly why: EndReason, readonly error?: unknown }

/**
 * `floor`: tombstones were dropped that the consumer had not come to. `patience`: for too long no
 * replica could continue the consumer's cursor, because entries it had seen were lost.
 */
export type ResetReason = 'floor' | 'patience'

/**
 * `stopped`: the program left the loop or aborted its signal. `idle`: nothing new came for
 * stopWhenIdleMs. `closed`: the node or client closed. `error`: see the event's error.
 */
export type EndReason = 'stopped' | 'idle' | 'closed' | 'error'

export type OnPubsubEvent = (event: PubsubEvent) => void
