/** Planted bugs of the engine: which write wins, which entries stay, and what an update claims. */
import { limits } from '../../engine/limits.js'
import { Entry, NO_FIELDS } from '../../engine/record/entry.js'
import { ShardLog } from '../../engine/log/log.js'
import { isDeleted } from '../../engine/record/reading.js'
import type { Run } from '../../engine/log/run.js'
import { Shard, type MergeResult } from '../../engine/shard.js'
import type { Write } from '../../engine/write/write.js'
import type { StateVector } from '../../engine/base/state-vector.js'
import { decodeUpdate, encodeUpdate } from '../../engine/log/update.js'
import { patch } from '../patch.js'
import { all, type Mutant } from './mutant.js'

export const ENGINE_MUTANTS: readonly Mutant[] = [
  {
    name: 'tombstone-dropped',
    breaks: 'a shard with garbage forgets its deletes too, so an older write of the key comes back',
    seeds: 20,
    plant: () => {
      let dropping = false
      return patch(Shard.prototype, 'flush', original =>
        function (this: Shard): void {
          original.call(this)
          if (dropping) return
          dropping = true
          for (const [key, head] of this.index) {
            if (!isDeleted(head) || this.deadEntries === 0) continue
            this.log.bury(head)
            this.index.delete(key)
          }
          dropping = false
        })
    }
  },
  {
    name: 'compaction-loses-entry',
    breaks: 'a log that is rid of superseded entries loses a live one with them',
    seeds: 20,
    plant: () => {
      const lost = new WeakSet<Entry>()
      return patch(
        ShardLog.prototype,
        'bury',
        original =>
          function (this: ShardLog, entry: Entry): number {
            if (lost.delete(entry)) return 0
            const taken = original.call(this, entry)
            const [first, second] = taken === 0 ? [] : this.live(entry.incarnation, 0)
            if (first === undefined || second === undefined) return taken
            lost.add(first)
            return taken + original.call(this, first)
          }
      )
    }
  },
  {
    name: 'ties-first-come',
    breaks:
      'versions are compared with < alone: of two writes of equal version the one that arrives ' +
      'first stays',
    seeds: 20,
    plant: () =>
      all(
        patch(Shard.prototype, 'write', original =>
          function (this: Shard, write: Write, keepLoser = false): boolean {
            return original.call(
              this,
              ties(this, write.key, write.version) ? { ...write, stamp: 0 } : write,
              keepLoser
            )
          }),
        patch(Shard.prototype, 'merge', original =>
          function (this: Shard, update: Uint8Array, isOurs = false): MergeResult {
            let runs: Run[]
            try {
              runs = decodeUpdate(update, limits)
            } catch {
              return original.call(this, update, isOurs)
            }
            const losing = (entry: Entry): Entry =>
              ties(this, entry.key, entry.version)
                ? new Entry(
                  entry.key,
                  entry.version,
                  0,
                  entry.fields,
                  entry.clears,
                  entry.incarnation,
                  entry.clock
                )
                : entry
            return original.call(
              this,
              encodeUpdate(
                runs.map(run => ({ ...run, entries: run.entries?.map(losing) ?? null }))
              ),
              isOurs
            )
          })
      )
  },
  {
    name: 'stamps-ignored',
    breaks:
      'of two events of one time the one written later does not win: only versions and dots are ' +
      'compared',
    seeds: 40,
    plant: () =>
      patch(
        Shard.prototype,
        'write',
        original =>
          function (this: Shard, write: Write, keepLoser = false): boolean {
            return original.call(this, { ...write, stamp: write.version }, keepLoser)
          }
      )
  },
  {
    name: 'diff-claims-more',
    breaks: 'a diff covers all clocks up to the full vector and leaves out some of the entries',
    seeds: 20,
    plant: () =>
      patch(
        Shard.prototype,
        'encode',
        original =>
          function (this: Shard, since?: StateVector): Uint8Array {
            const update = original.call(this, since)
            // Whole updates are for stores and checkers, which must see the true state.
            if (since === undefined) return update
            return encodeUpdate(
              decodeUpdate(update, limits).map(run =>
                run.length < 2 ? run : { ...run, entries: null }
              )
            )
          }
      )
  }
]

/** Whether a record has an entry of this version. */
function ties (shard: Shard, key: string, version: number): boolean {
  for (let entry = shard.index.get(key) ?? null; entry !== null; entry = entry.next) {
    if (entry.version === version && (entry.fields !== NO_FIELDS || entry.clears)) return true
  }
  return false
}
