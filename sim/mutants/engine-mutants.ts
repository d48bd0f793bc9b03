/** Planted bugs of the engine: what wins, what is kept, and what an update claims. */
import { Entry, NO_FIELDS } from '../../engine/entry.js'
import { ShardLog } from '../../engine/log.js'
import { isDeleted } from '../../engine/record.js'
import type { Run } from '../../engine/run.js'
import { Shard, type MergeResult, type Write } from '../../engine/shard.js'
import type { StateVector } from '../../engine/state-vector.js'
import { decodeUpdate, encodeUpdate } from '../../engine/update.js'
import { all, patch, type Mutant } from './mutant.js'

export const ENGINE_MUTANTS: readonly Mutant[] = [
  {
    name: 'tombstone-dropped',
    breaks: 'compaction forgets deletes, so an older write of the key comes back',
    seeds: 20,
    plant: () => patch(Shard.prototype, 'compact', original => function (this: Shard): void {
      this.flush()
      for (const [key, head] of this.index) {
        if (!isDeleted(head)) continue
        head.live = false
        this.index.delete(key)
      }
      original.call(this)
    })
  },
  {
    name: 'compaction-loses-entry',
    breaks: 'a compacted log lacks one live entry',
    seeds: 20,
    plant: () => patch(ShardLog.prototype, 'compacted', original => function (this: ShardLog): ShardLog {
      let lost = false
      const live = this.live.bind(this)
      this.live = (incarnation: number, clock: number): Entry[] => {
        const entries = live(incarnation, clock)
        if (!lost) lost = entries.pop() !== undefined
        return entries
      }
      return original.call(this)
    })
  },
  {
    name: 'ties-first-come',
    breaks: 'versions are compared with < alone: of two writes of equal version the one that arrives first stays',
    seeds: 20,
    plant: () => all(
      patch(Shard.prototype, 'write', original => function (this: Shard, write: Write, keepLoser = false): boolean {
        return original.call(this, ties(this, write.key, write.version) ? { ...write, stamp: 0 } : write, keepLoser)
      }),
      patch(Shard.prototype, 'merge', original => function (this: Shard, update: Uint8Array): MergeResult {
        let runs: Run[]
        try {
          runs = decodeUpdate(update)
        } catch {
          return original.call(this, update)
        }
        const losing = (entry: Entry): Entry => ties(this, entry.key, entry.version) ? new Entry(entry.key, entry.version, 0, entry.fields, entry.clears, entry.incarnation, entry.clock) : entry
        return original.call(this, encodeUpdate(runs.map(run => ({ ...run, entries: run.entries?.map(losing) ?? null }))))
      })
    )
  },
  {
    name: 'stamps-ignored',
    breaks: 'of two events of one time the one written later does not win: only versions and dots are compared',
    seeds: 40,
    plant: () => patch(Shard.prototype, 'write', original => function (this: Shard, write: Write, keepLoser = false): boolean {
      return original.call(this, { ...write, stamp: write.version }, keepLoser)
    })
  },
  {
    name: 'diff-claims-more',
    breaks: 'a diff covers all clocks up to the full vector and leaves out some of the entries',
    seeds: 20,
    plant: () => patch(Shard.prototype, 'encode', original => function (this: Shard, since?: StateVector): Uint8Array {
      const update = original.call(this, since)
      if (since === undefined) return update // what is stored, and what checkers look at, is whole
      return encodeUpdate(decodeUpdate(update).map(run => run.length < 2 ? run : { ...run, entries: null }))
    })
  }
]

/** Whether a record has an entry of this version. */
function ties (shard: Shard, key: string, version: number): boolean {
  for (let entry = shard.index.get(key) ?? null; entry !== null; entry = entry.next) {
    if (entry.version === version && (entry.fields !== NO_FIELDS || entry.clears)) return true
  }
  return false
}
