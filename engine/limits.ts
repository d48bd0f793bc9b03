/**
 * Every bound of the system, with its reason. Code elsewhere names a bound from here and never
 * invents one.
 *
 * The bounds are a value that is passed in: code of the core imports only the type, and what opens
 * a node, a test or a simulation chooses the value. So small bounds reach every check.
 *
 * The relations between bounds are asserted where a value is made: a change that breaks one stops
 * the process at start instead of corrupting something under load.
 */
import { describe, isPlainObject, shortened } from './base/plain.js'

const KIB = 1024
const MIB = 1024 * KIB

const usual = Object.freeze({
  /**
   * Keys are held once per live record and travel with every entry; longer ones are almost always a
   * mistake.
   */
  maxKeyBytes: 512,
  /** Field names are repeated in every entry. */
  maxFieldNameBytes: 128,
  /**
   * Fields that one write sets, and as many that it unsets: admission compares them with those of
   * the record one by one.
   */
  maxFieldsPerRecord: 256,
  /** Nested values are walked recursively when they are checked. */
  maxValueDepth: 16,
  /** Characters of an element of a set: it is repeated in each add and remove. */
  maxElementLength: 256,
  /**
   * Claims of one entry, about counters, sets and the like. Each claim is compared with every other
   * claim of its record.
   */
  maxClaimsPerEntry: 128,
  /**
   * Bytes of the values of sequenced fields in one entry. The bound leaves room for the other
   * claims of the entry.
   */
  maxSequencedBytes: 64 * KIB,
  /** One entry must fit into one delta, and one delta into one message, with room to spare. */
  maxEntryBytes: 256 * KIB,
  /** Entries that wait for the log of a shard. One more is logged without waiting for the timer. */
  maxPendingEntries: 2048,
  /** Bytes of one delta. With the envelope it stays below NATS's default max_payload of 1 MiB. */
  maxDeltaBytes: 512 * KIB,
  /**
   * Room in one message part beside the deltas of a batch: the envelope, numbers, and framing. A
   * batch of so many small deltas that their framing takes more goes in a second part.
   */
  maxBatchOverheadBytes: 64 * KIB,
  /**
   * Runs in one update. A delta may have many small runs, but no honest peer sends more than this.
   */
  maxRunsPerUpdate: 4_000_000,
  /** Incarnations (process lives) one shard may name in its state vector. */
  maxIncarnationsPerShard: 4096,
  /**
   * Codes of unknown kinds of fields that a shard reports each by itself. A peer that makes up more
   * of them gets no more attention.
   */
  maxUnknownCodes: 8,
  /**
   * Bytes of an update that carries a whole shard. It is applied whole or not at all, so the
   * receiver must hold it in memory.
   */
  maxUpdateBytes: 64 * MIB,
  /**
   * Slots of one chunk of a log. So many are copied at once to take holes out: a few microseconds
   * of work.
   */
  maxSlotsPerChunk: 1024,
  /**
   * A chunk is packed when more than this share of its slots are holes of 10 bytes each. So for
   * each hole three entries are copied ...
   */
  maxHoleShare: 0.25,
  /** ... but never for fewer holes than this. */
  minHolesToPack: 8,
  /**
   * A shard of more records than this reports itself as large, and again at each doubling. It is
   * stored, sent to new replicas and compared as one piece.
   */
  warnRecordsPerShard: 131_072,
  /** Shards per cache. Each costs a Y.Doc (about 2.5 KB when empty). */
  maxShards: 65_536,
  /**
   * Placement groups per cache: each costs about 40 bytes in every heartbeat, which must fit one
   * message.
   */
  maxGroups: 1024,
  /** Replicas of one placement group. */
  maxReplicas: 16,
  /** Caches of one node: their placement groups share one heartbeat message. */
  maxCaches: 16,
  /**
   * Stores that one placement group is remembered to have had, in view or not: about 50 bytes each
   * in memory and in the store.
   */
  maxRosterStores: 64,
  /** Consumer groups whose cursors one shard remembers. */
  maxConsumerGroups: 256,
  /**
   * Bytes of the name of a consumer group: it stands beside its cursor in each shard, in memory, on
   * disk and in each commit.
   */
  maxConsumerGroupBytes: 256,
  /** Bytes of a node's zone: it travels in every heartbeat. */
  maxZoneBytes: 256,
  /** A write whose version lies further ahead than this is refused where it enters (D2). */
  maxFutureMs: 60_000,

  /** Expired records one sweep writes down before it pauses: about 10 ms of work. */
  maxExpiredPerSweep: 2048,

  /**
   * Bytes of one message part on the wire, below NATS's default max_payload (1 MiB) with room for
   * subject and headers.
   */
  maxPartBytes: 900 * KIB,
  /**
   * Bytes of a message that a network of the program's own takes, at the least: a delta with what
   * is around it must fit into maxParts of them.
   */
  minMessageBytes: 8 * KIB,
  /** Parts of one logical message: maxUpdateBytes plus its envelope, and some room. */
  maxParts: 96,
  /** Logical messages that one connection may be putting together at the same time. */
  maxPartialMessages: 64,
  /** Requests one connection may have in flight; more fail with TOO_BUSY. */
  maxRequestsInFlight: 1024,
  /**
   * Published delta batches one node keeps per placement group so that a peer can ask for a lost
   * one again.
   */
  maxResendBatches: 64,
  /** Bytes of those batches, over all placement groups of a cache. */
  maxResendBytes: 64 * MIB,
  /** Bytes a reply to an anti-entropy request may carry before the peer has to ask for the rest. */
  maxDiffReplyBytes: 4 * MIB,
  /**
   * Items of one request between nodes or to one: shards, placement groups, committed cursors, keys
   * of a get. Committed cursors of one delta batch as well.
   */
  maxShardsPerRequest: 4096,
  /**
   * Shards whose tombstones are looked at in one go: a request to each replica, then a walk over
   * their records.
   */
  maxShardsPerCollection: 64,
  /**
   * Incarnations a shard may list before it looks for some that own nothing live. Each costs 10
   * bytes in every cursor.
   */
  maxIdleIncarnations: 16,
  /**
   * Deletes a shard remembers after their tombstones were dropped, 12 bytes each. An event older
   * than a remembered delete is known to be deleted.
   */
  maxGravesPerShard: 1024,
  /** Leaving placement groups one step of hand-over looks at: each costs its owners a request. */
  maxHandOversPerStep: 16,
  /**
   * Bytes of incomplete messages on one connection: enough for two of the largest. The oldest
   * message is given up for a new one.
   */
  maxPartialBytes: 160 * MIB,
  /**
   * Bytes handed to a NATS connection and not yet confirmed by a flush. The buffer of the
   * connection itself has no bound.
   */
  maxUnflushedBytes: 32 * MIB,
  /**
   * Bytes of one subject. A NATS command with two subjects must stay below the server's
   * max_control_line (4 KiB), or the server closes the connection.
   */
  maxSubjectBytes: 1024,
  /** Members a view holds; heartbeats of more nodes than this are refused and counted. */
  maxMembers: 512,
  /**
   * Names of silent nodes of which a process knows when their last process began, about 100 bytes
   * each. All members of a view may fall silent at once.
   */
  maxSilentNames: 512,
  /**
   * Names of which one heartbeat tells that, up to 75 bytes each: those that are about to join. A
   * few nodes are replaced at a time, and the heartbeat must stay one message.
   */
  maxNamesTold: 64,
  /**
   * Writes one client or node may have on their way to an owner, waiting for an acknowledgement.
   */
  maxWritesInFlight: 16_384,
  /**
   * Failed writes that the error of a flush names by their keys: enough to see what they have in
   * common. All are counted.
   */
  maxFailedKeys: 16,
  /**
   * Codes of failed writes that are told apart, by a flush and by warnings: there are about twenty,
   * and a node of another release may send others.
   */
  maxFailureCodes: 32,
  /** Writes of one forwarded batch. */
  maxWritesPerBatch: 1024,
  /**
   * Batches of writes an owner remembers having taken, so that a copy of one does nothing. Each
   * writer sends a few hundred batches a second.
   */
  maxRememberedBatches: 16_384,
  /** Writers who wait for other replicas to confirm, per cache. */
  maxAckWaiters: 65_536,

  /**
   * Deltas a shard may have in its store before they are folded into a snapshot, whatever their
   * size.
   */
  maxStoredDeltas: 512,
  /**
   * Deltas of a shard are folded into its snapshot when they outgrow it, but never for fewer bytes
   * than this. Every shard may have so many bytes of deltas.
   */
  minStoredDeltaBytes: 8 * KIB,
  /**
   * Snapshots one flush writes. Encoding a large shard takes milliseconds, and writers wait for the
   * flush.
   */
  maxSnapshotsPerFlush: 8,
  /** Bytes of deltas waiting to be stored; a writer that outruns the disk is made to wait here. */
  maxUnstoredBytes: 64 * MIB,
  /**
   * Damaged blobs, and blobs behind them, that a store keeps as evidence. The oldest go first. They
   * take no more space than before they were damaged.
   */
  maxQuarantinedBlobs: 1024,
  /**
   * Pages (of 4 KiB) of write-ahead log after which a commit also moves them into the database:
   * about 10 ms of work.
   */
  maxWalPages: 1000,
  /**
   * A write-ahead log that one large batch made longer than this is cut back once its pages are in
   * the database.
   */
  maxIdleWalBytes: 16 * MIB,

  /** Records one poll returns at most. */
  maxPollLimit: 10_000,
  /** Shards one poll request names: enough to fill a batch from many nearly quiet shards. */
  maxShardsPerPoll: 256,
  /** Bytes of records in one poll reply: it ends early rather than growing past this. */
  maxPollReplyBytes: 4 * MIB,
  /** Keys one call may read: all the records are in memory at once. */
  maxKeysPerRead: 10_000,
  /**
   * Keys of one get request. The node that answers does nothing else meanwhile. The answer ends
   * early at maxPollReplyBytes.
   */
  maxKeysPerGet: 256,
  /** Get requests that one call sends at the same time. Their answers are in memory twice. */
  maxGetsInFlight: 8,
  /** Records one scan page holds. */
  maxScanPage: 10_000,
  /**
   * Indexed fields of a cache: each costs every record that has the field about 100 bytes, and
   * every change of it half a microsecond.
   */
  maxIndexes: 16,
  /**
   * Keys an index leaves for later. A key that is written over and over meanwhile costs the index
   * one update. A query waits for all these keys, for less than a millisecond.
   */
  maxUnindexedKeys: 1024,
  /** Fields one query has conditions on: each is checked for every candidate. */
  maxQueryConditions: 32,
  /** Values one `in` lists: each is looked up in the index, or compared with. */
  maxQueryInValues: 1024,
  /**
   * Bytes of the values one query compares with. The query travels in one message part, and is
   * sent again with every page.
   */
  maxQueryBytes: 256 * KIB,
  /** Records one page of a query holds. */
  maxQueryPage: 10_000,
  /**
   * Candidates after which a query ends its page with the current shard: about 10 ms, during which
   * nothing else runs.
   */
  maxQueryCandidates: 10_000,
  /**
   * Consumers, and consumer groups of a cache, one status lists: a person reads it, and a scrape of
   * metrics has a line for each. Shards or placement groups that one event of a consumer names.
   */
  maxStatusItems: 256,
  /** Shards named in one hint, about 3 bytes each; more make several hints. */
  maxShardsPerHint: 8192,

  /**
   * Bytes of one row the command line reads. It holds the largest entry with all its quoting; a
   * quote left open costs no more.
   */
  maxRowBytes: MIB
})

export type Limits = { readonly [name in keyof typeof usual]: number }

/** The one bound that is a share; the others are whole numbers. */
const SHARE = 'maxHoleShare'

/** The bounds of every node, client and tool that is given no others; frozen. */
export const limits: Limits = Object.freeze(usual)
assertLimits(limits)

/**
 * The usual bounds with some of them replaced. Use the same ones for all nodes and clients of a
 * cluster: a node refuses what another one wrote under larger bounds.
 * @throws TypeError naming the bound that cannot be, or the relations that would be broken
 */
export function limitsWith (overrides: Partial<Limits>): Limits {
  if (!isPlainObject(overrides)) {
    throw new TypeError(`limitsWith takes an object of bounds, got ${describe(overrides)}`)
  }
  const chosen = { ...limits, ...overrides }
  assertLimits(chosen)
  return Object.freeze(chosen)
}

/** @throws TypeError naming the bound, its value and the range */
function assertValues (l: Limits): void {
  if (typeof l !== 'object' || l === null) {
    throw new TypeError(`limits must be those of limitsWith, got ${describe(l)}`)
  }
  for (const name of Object.keys(l)) {
    if (!Object.hasOwn(usual, name)) throw new TypeError(`limits.${shortened(name)} is not a bound`)
  }
  for (const name of Object.keys(usual) as Array<keyof Limits>) {
    const value: unknown = l[name]
    if (name !== SHARE && (!Number.isSafeInteger(value) || (value as number) < 1)) {
      throw new TypeError(
        `limits.${name} is ${
          typeof value === 'number' ? value : describe(value)
        }; use a whole number from 1 up`
      )
    }
  }
}

/**
 * Values that a bound can have, and relations that must hold between bounds.
 * @throws TypeError naming the bound that cannot be, or the relations that do not hold
 */
export function assertLimits (l: Limits): void {
  assertValues(l)
  const broken = [
    [l.maxHoleShare > 0 && l.maxHoleShare < 1 && l.minHolesToPack >= 1 && l.maxSlotsPerChunk >= 2,
      'a chunk must have room for entries, and holes in it an end'],
    [
      l.maxKeyBytes + 64 + l.maxSequencedBytes +
          l.maxClaimsPerEntry * (l.maxElementLength * 3 + l.maxFieldNameBytes + 64) <=
        l.maxEntryBytes,
      'an entry must hold its key, and as many claims as it may make'
    ],
    [l.maxEntryBytes * 2 <= l.maxDeltaBytes, 'a delta must hold an entry of the largest size'],
    [l.maxDeltaBytes + l.maxBatchOverheadBytes <= l.maxPartBytes,
      'a delta and what its batch adds must fit into one part of a message'],
    [l.maxUpdateBytes + l.maxDiffReplyBytes <= l.maxPartBytes * l.maxParts,
      'a whole shard must fit into one message'],
    [l.maxKeyBytes * 8 <= l.maxEntryBytes, 'a key must be small beside its entry'],
    [l.maxPartialBytes >= l.maxPartBytes * l.maxParts, 'the parts of one message must find room'],
    [l.maxGroups <= l.maxShards, 'a placement group must hold at least one shard'],
    [l.maxEntryBytes * 2 <= l.maxRowBytes,
      'a row must hold an entry of the largest size, with every character of it a doubled quote'],
    [l.maxEntryBytes <= l.maxPollReplyBytes, 'a poll reply must hold at least one record'],
    [l.maxKeysPerGet <= l.maxShardsPerRequest,
      'a request must have room for all the keys it may ask for'],
    [l.maxQueryBytes < l.maxPartBytes, 'a query must fit into one part of a message'],
    [l.maxQuarantinedBlobs > l.maxStoredDeltas,
      'the quarantine must hold everything one shard has stored'],
    [l.maxUnknownCodes >= 1, 'an update that only a newer release can read must be reported'],
    [l.maxSilentNames >= l.maxMembers, 'all members of a view may fall silent at once'],
    [l.maxResendBatches >= 2, 'the resend ring must hold the batch before the last one'],
    [
      l.minMessageBytes <= l.maxPartBytes &&
      l.maxDeltaBytes * 1.25 <= l.minMessageBytes * l.maxParts,
      'a delta must fit into as many of the smallest messages as one may be cut into'
    ]
  ].filter(([holds]) => holds !== true).map(([, rule]) => rule)
  if (broken.length > 0) throw new TypeError(`limits contradict each other: ${broken.join('; ')}`)
}
