/** Planted bugs of proof: silence counts as absence, and whoever is asked answers. */
import { Presence } from '../../replication/membership/presence.js'
import { HeldGroups } from '../../replication/groups/held-groups.js'
import type { Phase } from '../../replication/groups/phases.js'
import { LocalWrites } from '../../replication/writes/local-writes.js'
import { patch } from '../patch.js'
import { all, type Mutant } from './mutant.js'

export const SILENCE_MUTANTS: readonly Mutant[] = [
  {
    name: 'ready-by-silence',
    breaks: 'a node that hears no proven holder takes it that nobody else is there, or was',
    seeds: 60,
    plant: () =>
      all(
        patch(Presence.prototype, 'isQuiet', () => () => Promise.resolve(true)),
        patch(HeldGroups.prototype, 'waits', () => () => false)
      )
  },
  {
    name: 'roster-ignored',
    breaks: 'a placement group begins anew without the stores that had it',
    seeds: 60,
    plant: () => patch(HeldGroups.prototype, 'waits', () => () => false)
  },
  {
    name: 'phase-unchecked-at-server',
    breaks: 'an operation is taken wherever it arrives, in any phase of its placement group',
    seeds: 60,
    plant: () => {
      let taking = false
      return all(
        patch(
          HeldGroups.prototype,
          'phase',
          original =>
            function (this: HeldGroups, group: number): Phase | undefined {
              const phase = original.call(this, group)
              return taking && phase !== undefined ? 'ready' : phase
            }
        ),
        patch(
          LocalWrites.prototype,
          'take',
          original =>
            function (this: LocalWrites, ...write: Parameters<typeof original>): Promise<boolean> {
              taking = true
              try {
                return original.apply(this, write) // looks at the phase before it first waits
              } finally {
                taking = false
              }
            }
        )
      )
    }
  }
]
