/**
 * Events inside a shard that are worth counting, logging or acting on. The engine reports them to a
 * callback. Metrics and logs are listeners, so the logic calls neither.
 */
import type { NewerForm } from './errors.js'

export type EngineEvent =
  /** Superseded entries were taken out of the log. */
  | {
    readonly type: 'compacted',
    readonly shard: number,
    readonly live: number,
    readonly dropped: number
  }
  /** An update was refused; the shard is unchanged. */
  | {
    readonly type: 'update-refused',
    readonly shard: number,
    readonly reason: string,
    readonly detail: string
  }
  /**
   * Updates were refused because of an entry that a newer release wrote, and that this one cannot
   * read; the shard stays as it is until this node is upgraded. Told at once, and then once a
   * minute for each code: `updates` were refused since.
   */
  | NewerForm & {
    readonly type: 'newer-release',
    readonly shard: number,
    readonly detail: string,
    readonly updates: number
  }
  /** Yjs threw, which it never should. The log was made anew from the records; nothing was lost. */
  | { readonly type: 'log-rebuilt', readonly shard: number, readonly error: unknown }
  /**
   * A peer holds entries under the incarnation id of this process that this process never wrote:
   * two processes use one id.
   */
  | { readonly type: 'own-incarnation', readonly shard: number, readonly incarnation: number }
  /** Entries were merged whose versions lie too far ahead for the local clock to follow. */
  | { readonly type: 'clock-ahead', readonly shard: number, readonly version: number }
  /**
   * The shard has more records than it should; the cache needs more shards. Reported above
   * limits.warnRecordsPerShard records and at each doubling.
   */
  | { readonly type: 'shard-large', readonly shard: number, readonly records: number }
  /** Writers used one field as more than one kind; every replica gives up the same use. */
  | {
    readonly type: 'field-kind-conflict',
    readonly shard: number,
    readonly key: string,
    readonly field: string
  }
  /**
   * Tombstones were dropped; `forced` of them because of their age, before every replica and every
   * consumer group had seen them.
   */
  | {
    readonly type: 'tombstones-collected',
    readonly shard: number,
    readonly dropped: number,
    readonly forced: number
  }
  /**
   * This replica lay below a peer's floor and took over the peer's whole state. It dropped
   * `dropped` entries that the peer no longer had.
   */
  | { readonly type: 'shard-reset', readonly shard: number, readonly dropped: number }
  /** Incarnations that own nothing live were taken out of the state vector. */
  | { readonly type: 'incarnations-retired', readonly shard: number, readonly count: number }
