/**
 * Bounds small enough to be met within seconds: full buffers, folded stores, diffs in many parts,
 * forgotten batches. The relations between bounds are checked as they are for the real ones.
 */
import { limits, limitsWith, type Limits } from '../../engine/limits.js'

const KIB = 1024
const SMALL: Limits = limitsWith({
  maxPendingEntries: 48,
  maxElementLength: 32,
  maxClaimsPerEntry: 8,
  maxSequencedBytes: KIB,
  maxEntryBytes: 4 * KIB,
  maxDeltaBytes: 8 * KIB,
  maxBatchOverheadBytes: 2 * KIB,
  maxPartBytes: 16 * KIB,
  maxUpdateBytes: 512 * KIB,
  maxDiffReplyBytes: 4 * KIB,
  maxShardsPerRequest: 3,
  maxResendBatches: 4,
  maxResendBytes: 32 * KIB,
  maxWritesPerBatch: 8,
  maxAckWaiters: 64,
  maxSlotsPerChunk: 8,
  minHolesToPack: 2,
  maxStoredDeltas: 12,
  minStoredDeltaBytes: 2 * KIB,
  maxSnapshotsPerFlush: 1,
  maxShardsPerPoll: 3,
  maxShardsPerHint: 2,
  maxPollReplyBytes: 8 * KIB,
  maxQueryBytes: 8 * KIB,
  maxKeysPerGet: 3,
  maxExpiredPerSweep: 4
})

/** The bounds of a world whose plan asks for these. */
export function limitsOf (which: 'usual' | 'small'): Limits {
  return which === 'small' ? SMALL : limits
}
