/**
 * Planted bugs of storage: writes are confirmed before they are on disk, shards stay on disk for
 * ever, and a node begins a new life under the id of an old one.
 */
import type { MergeResult } from '../../engine/shard.js'
import { Persister } from '../../storage/write-behind/persister.js'
import { ShardSet } from '../../storage/shard-set.js'
import type { Loss } from '../model.js'
import { NodeMachine } from '../world/node-machine.js'
import { SimRandom } from '../random.js'
import { patch } from '../patch.js'
import { all, type Mutant } from './mutant.js'

export const STORAGE_MUTANTS: readonly Mutant[] = [
  {
    name: 'acknowledged-before-durable',
    breaks: 'a write with concern durable is acknowledged before it is on disk',
    seeds: 40,
    plant: () => patch(Persister.prototype, 'synced', () => async () => {})
  },
  {
    name: 'merges-never-folded',
    breaks: 'a node folds its deltas into a snapshot only when it takes a write itself',
    seeds: 40,
    plant: () => {
      let merging = false
      return all(
        patch(
          ShardSet.prototype,
          'merge',
          original =>
            function (this: ShardSet, shard, update): MergeResult {
              merging = true
              try {
                return original.call(this, shard, update)
              } finally {
                merging = false
              }
            }
        ),
        patch(
          Persister.prototype,
          'wantsSnapshot',
          original =>
            function (this: Persister, shard): boolean {
              return !merging && original.call(this, shard)
            }
        )
      )
    }
  },
  {
    name: 'dropped-stays-on-disk',
    breaks: 'a placement group that is given up is forgotten in memory only',
    seeds: 40,
    plant: () => patch(Persister.prototype, 'drop', () => () => {})
  },
  {
    name: 'incarnation-reused',
    breaks:
      'a node whose disk lost its tail starts again under the incarnation id of its last life',
    seeds: 40,
    plant: () => {
      const lost = new Set<string>()
      const lives = new Map<string, string>()
      return all(
        patch(
          NodeMachine.prototype,
          'lose',
          original =>
            function (this: NodeMachine, fromMs: number, destroyed: boolean): Loss[] {
              const losses = original.call(this, fromMs, destroyed)
              if (!destroyed) return losses
              lost.add(this.name)
              // Rows of its last life would give the reused id away.
              for (const disk of this.disks.values()) disk.wipe()
              return losses
            }
        ),
        // A process draws its id from chance of its own: the same chance, the same id.
        patch(
          SimRandom.prototype,
          'fork',
          original =>
            function (this: SimRandom, name: string): SimRandom {
              const [kind, machine = ''] = name.split(' ')
              if (kind !== 'process') return original.call(this, name)
              const before = lives.get(machine)
              if (before !== undefined && lost.delete(machine)) return original.call(this, before)
              lives.set(machine, name)
              return original.call(this, name)
            }
        )
      )
    }
  }
]
