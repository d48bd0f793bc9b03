/**
 * The Store port: where one node keeps one cache. Two adapters pass one contract suite
 * (testing/store-contract.ts): memory and SQLite.
 *
 * A shard is stored as a snapshot followed by the deltas that came after it, in order, so that a
 * flush appends a few bytes instead of rewriting the shard. The store does not look inside
 * snapshots, deltas or cursors.
 *
 *   commit(batch) is atomic: after a crash all of a batch is there or none, and no batch that came
 *   after a missing one.
 *   shards() never hands out a blob that was damaged. A store whose bytes outlive the process tells
 *   by a checksum of each blob; one in memory has none.
 */

/** The changes of one commit. Every blob is the caller's again once commit has returned. */
export interface StoreBatch {
  /** Deltas to append behind the shard's stored ones, in this order. */
  readonly deltas: ReadonlyArray<{ readonly shard: number, readonly delta: Uint8Array }>
  /**
   * Snapshots that replace a shard's snapshot and all deltas it has, including those of this batch.
   */
  readonly snapshots: ReadonlyArray<{ readonly shard: number, readonly snapshot: Uint8Array }>
  /** Committed cursors, one per shard and consumer group; the new one replaces the old one. */
  readonly cursors: ReadonlyArray<
    { readonly shard: number, readonly consumerGroup: string, readonly cursor: Uint8Array }
  >
  /**
   * Shards to forget: snapshot, deltas and cursors. Applied before everything else in the batch.
   */
  readonly drops: readonly number[]
}

/** Everything a store has of one shard. Blobs are plain Uint8Arrays with memory of their own. */
export interface StoredShard {
  /** Its number, from 0 to one below the shards of the cache: another one fails openNode. */
  readonly shard: number
  readonly snapshot: Uint8Array | null
  /** The deltas since the snapshot, in the order in which they were committed. */
  readonly deltas: readonly Uint8Array[]
  readonly cursors: ReadonlyArray<{ readonly consumerGroup: string, readonly cursor: Uint8Array }>
  /**
   * Blobs that failed their checksum and were left out. A damaged snapshot leaves out the deltas
   * behind it as well, a damaged delta those after it: the blobs handed out are always a prefix of
   * the blobs stored.
   */
  readonly damaged: number
}

/**
 * An open store. Its place can be open once at a time: opening it again is a StoreError whose
 * message says "open". Once closed, every call but close fails with a StoreError whose message says
 * "closed", also a `shards` that is being read. The contract suite matches these two words. A node
 * makes any error without a code the cause of a StoreError, and refuses what no call may give with
 * a TypeError.
 */
export interface Store {
  /** A setting kept beside the data (cluster, cache, shards, groups), or undefined. */
  getMeta(name: string): string | undefined
  /** Keeps a setting; durable when it returns. */
  setMeta(name: string, value: string): void
  /**
   * Every stored shard, in ascending order, one at a time. A caller may stop early, and must not
   * commit in between.
   * @throws StoreError when the store cannot be read
   */
  shards(): Iterable<StoredShard>
  /**
   * Makes a batch durable; resolves when it is. Batches become durable in the order of the calls.
   * @throws StoreError when nothing of the batch was stored (a full disk, a closed store)
   */
  commit(batch: StoreBatch): Promise<void>
  /** Makes every commit durable and releases the files. Calling it again does nothing. */
  close(): Promise<void>
}
