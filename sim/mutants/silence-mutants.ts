/**
 * Planted bugs of proof and of names: silence counts as absence, whoever is asked answers, and of
 * two processes of one name the wrong one stays.
 */
import { Acks } from '../../replication/deltas/acks.js'
import type { NodeStart } from '../../replication/membership/heartbeat.js'
import { OwnName } from '../../replication/membership/own-name.js'
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
  },
  {
    name: 'nobody-gives-way',
    breaks: 'a process that hears a later one under its name goes on',
    seeds: 60,
    plant: () =>
      patch(
        OwnName.prototype,
        'heardBeat',
        original =>
          function (this: OwnName, other: NodeStart): void {
            original.call(this, { ...other, beganMs: -Infinity })
          }
      )
  },
  {
    name: 'older-keeps-name',
    breaks: 'of two processes of one name the one that began earlier stays',
    seeds: 60,
    plant: () =>
      all(
        patch(
          OwnName.prototype,
          'begins',
          original =>
            function (this: OwnName, beganMs: number): void {
              original.call(this, -beganMs)
            }
        ),
        patch(
          OwnName.prototype,
          'heardBeat',
          original =>
            function (this: OwnName, other: NodeStart): void {
              original.call(this, { ...other, beganMs: -(other.beganMs ?? 0) })
            }
        )
      )
  },
  {
    name: 'memory-counts-as-store',
    breaks: 'a write that asks for two stores is done once a second replica has it in memory',
    seeds: 60,
    plant: () =>
      patch(
        Acks.prototype,
        'confirm',
        original =>
          function (this: Acks, node: string, group: number, sequence: number): void {
            original.call(this, node, group, sequence, true)
          }
      )
  }
]
