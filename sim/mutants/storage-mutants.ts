/** Planted bugs around what is durable: promised too early, or begun again under an old name. */
import { Persister } from '../../storage/persister.js'
import { NodeMachine } from '../node-machine.js'
import { SimRandom } from '../random.js'
import { all, patch, type Mutant } from './mutant.js'

export const STORAGE_MUTANTS: readonly Mutant[] = [
  {
    name: 'acknowledged-before-durable',
    breaks: 'a write with concern durable is acknowledged before it is on disk',
    seeds: 40,
    plant: () => patch(Persister.prototype, 'synced', () => async () => {})
  },
  {
    name: 'incarnation-reused',
    breaks: 'a node whose disk lost its tail starts again under the incarnation id of its last life',
    seeds: 40,
    plant: () => {
      const lost = new Set<string>()
      const lives = new Map<string, string>()
      return all(
        patch(NodeMachine.prototype, 'lose', original => function (this: NodeMachine, fromMs: number, destroyed: boolean): void {
          original.call(this, fromMs, destroyed)
          if (!destroyed) return
          lost.add(this.name)
          for (const disk of this.disks.values()) disk.wipe() // what is left of its last life would give it away
        }),
        // A process draws its id from chance of its own: the same chance, the same id.
        patch(SimRandom.prototype, 'fork', original => function (this: SimRandom, name: string): SimRandom {
          const [kind, machine = ''] = name.split(' ')
          if (kind !== 'process') return original.call(this, name)
          const before = lives.get(machine)
          if (before !== undefined && lost.delete(machine)) return original.call(this, before)
          lives.set(machine, name)
          return original.call(this, name)
        })
      )
    }
  }
]
