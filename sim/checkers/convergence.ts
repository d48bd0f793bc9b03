/**
 * Replicas agree (SPEC E2): the owners of a placement group hold it, ready; no other node does; and
 * all holders have the same state vectors and the same canonical bytes. The question is put again
 * and again once the world is healed, until the answer is yes or time is up.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Shard } from '../../engine/shard.js'
import { fieldsOf } from '../../engine/record/reading.js'
import { entriesOf } from '../../engine/record/record.js'
import type { Fields } from '../../engine/base/values.js'
import type { CacheReplica } from '../../node/cache/cache-replica.js'
import type { NodeMachine } from '../world/node-machine.js'
import { Violation } from '../violation.js'
import { notAtRest } from './bounds.js'
import { heldShard, heldShards } from './shard-contents.js'

const NOTHING = new Uint8Array(0)

interface Holder {
  readonly name: string
  readonly replica: CacheReplica
}

/** The reason why a cluster has not converged yet, or null. */
export function notConverged (machines: readonly NodeMachine[], cache: string): string | null {
  const holders: Holder[] = []
  for (const machine of machines) {
    const replica = machine.inside?.replicas.get(cache)
    if (!machine.up || replica === undefined) return `${machine.name} is not up`
    if (machine.inside?.membership.members.size !== machines.length - 1) {
      return `${machine.name} sees ${machine.inside?.membership.members.size} of ${
        machines.length - 1
      } other members`
    }
    const busy = notAtRest(machine.name, machine.inside)
    if (busy !== null) return busy
    holders.push({ name: machine.nodeName, replica })
  }
  const [first] = holders
  if (first === undefined) return null
  const { shape, topology } = first.replica.replicator
  for (const group of topology.allGroups()) {
    const owners = first.replica.replicator.held.owners(group)
    if (owners.length !== Math.min(shape.replicas, holders.length)) {
      return `${first.name} sees owners ${owners.join(', ')} of group ${group}`
    }
    for (const { name, replica: { replicator } } of holders) {
      if (replicator.held.owners(group).join() !== owners.join()) {
        return `${name} sees other owners of group ${group} than ${first.name}`
      }
      const phase = replicator.held.phase(group)
      if (phase !== (owners.includes(name) ? 'ready' : undefined)) {
        return `${name} has group ${group} as ${phase ?? 'not held'}, owners are ${
          owners.join(', ')
        }`
      }
    }
    const difference = differenceBetween(holders.filter(({ name }) => owners.includes(name)), group)
    if (difference !== null) return difference
  }
  return null
}

function differenceBetween (holders: readonly Holder[], group: number): string | null {
  const [first, ...others] = holders
  if (first === undefined) return null
  const { shards } = first.replica.replicator
  for (const { name, replica: { replicator } } of others) {
    for (const shard of shards.topology.shardsOf(group)) {
      if (shards.digest(shard) !== replicator.shards.digest(shard)) {
        return `shard ${shard} differs between ${first.name} and ${name}`
      }
      // A digest that leaves something out would agree with itself.
      if (!sameContents(heldShard(shards, shard), heldShard(replicator.shards, shard))) {
        return `shard ${shard} has different contents on ${first.name} and ${name}`
      }
    }
    if (shards.cursorRoot(group) !== replicator.shards.cursorRoot(group)) {
      return `committed cursors of group ${group} differ between ${first.name} and ${name}`
    }
  }
  return null
}

/** A shard that nothing was written to is the same as none. */
function bytesOf (shard: Shard | undefined): Uint8Array {
  return shard === undefined || shard.stateVector.size === 0 ? NOTHING : shard.encode()
}

/**
 * Replicas that have dropped nothing hold the same bytes; others may differ in tombstones, and
 * agree on every record.
 */
function sameContents (a: Shard | undefined, b: Shard | undefined): boolean {
  if (Buffer.compare(bytesOf(a), bytesOf(b)) === 0) return true
  if (a === undefined || b === undefined || a.floor.below.size + b.floor.below.size === 0) {
    return false
  }
  const keys = new Set([...a.index.keys(), ...b.index.keys()])
  return [...keys].every(key => isDeepStrictEqual(recordAt(a, key), recordAt(b, key)))
}

/**
 * Fields that have expired and are not unset count as there: whether they read as absent depends on
 * the clock of the machine.
 */
function recordAt (shard: Shard, key: string): Fields | undefined {
  const head = shard.index.get(key)
  return head === undefined ? undefined : fieldsOf(head)
}

function describeDifference (a: Shard, b: Shard): string {
  for (const key of new Set([...a.index.keys(), ...b.index.keys()])) {
    const [mine, theirs] = [entriesAt(a, key), entriesAt(b, key)]
    if (mine !== theirs && !isDeepStrictEqual(recordAt(a, key), recordAt(b, key))) {
      return `${key} is ${mine} on one and ${theirs} on the other; floors ${a.floor.newest} and ` +
        `${b.floor.newest}`
    }
  }
  return 'the same records in other bytes'
}

function entriesAt (shard: Shard, key: string): string {
  const head = shard.index.get(key)
  if (head === undefined) return 'nothing'
  return entriesOf(head).map(entry =>
    `${entry.incarnation}:${entry.clock} of ${entry.version}/${entry.stamp}${
      entry.clears ? ' clears' : ''
    } ${JSON.stringify(entry.fields)}${
      entry.extra === null ? '' : ` ${JSON.stringify(entry.extra)}`
    }`
  ).join(' + ')
}

/** Equal digests mean equal state: at any time, between any two nodes. */
export function checkEqualDigests (machines: readonly NodeMachine[], cache: string): void {
  const seen = new Map<string, { readonly name: string, readonly shard: Shard }>()
  for (const { name, inside } of machines) {
    for (const shard of heldShards(inside?.replicas.get(cache)?.replicator.shards)) {
      // Asking for its digest would flush the shard, and a checker must change nothing.
      if (shard.pendingEntries > 0) continue
      const id = `${shard.shard} ${shard.digest}`
      const other = seen.get(id)
      if (other === undefined) seen.set(id, { name, shard })
      else if (!sameContents(other.shard, shard)) {
        throw new Violation(
          'equal digests mean equal state',
          `shard ${shard.shard} of ${cache} has one digest and different contents on ` +
            `${other.name} and ${name}: ${describeDifference(other.shard, shard)}`
        )
      }
    }
  }
}
