/**
 * Compares the records of nodes with the model: no acknowledged write is lost, no stale version
 * wins, deleted records stay deleted, and nothing crosses from one cache or cluster into another.
 */
import type { Fields } from '../../engine/base/values.js'
import { graveOf } from '../../engine/garbage/floor.js'
import { fieldsOf } from '../../engine/record/reading.js'
import { describe, type Model, type Op } from '../model.js'
import type { NodeMachine } from '../world/node-machine.js'
import { Violation } from '../violation.js'
import { heldShard, heldShards } from './shard-contents.js'

/**
 * Judges every record that a node holds of a cache. `final` also asks whether records are missing.
 */
export function finalRecords (
  model: Model,
  place: string,
  machines: readonly NodeMachine[],
  cache: string
): Map<string, Fields> {
  const records = new Map<string, Fields>()
  const tombstones = new Set<string>()
  for (const { inside } of machines) {
    const replicator = inside?.replicas.get(cache)?.replicator
    for (const shard of heldShards(replicator?.shards)) {
      for (const [key, head] of shard.index) {
        const fields = fieldsOf(head)
        if (fields === undefined) tombstones.add(key)
        else records.set(key, fields)
      }
    }
  }
  for (const key of new Set([...model.keys(place), ...records.keys(), ...tombstones])) {
    const problem = model.judge(place, key, records.get(key), true)
    if (problem !== null) {
      throw new Violation('no acknowledged write is lost and no stale one wins', problem)
    }
  }
  return records
}

/** At any time, every record that a node holds is made of writes to it. */
export function checkOrigins (
  model: Model,
  place: string,
  machine: NodeMachine,
  cache: string
): void {
  for (const shard of heldShards(machine.inside?.replicas.get(cache)?.replicator.shards)) {
    for (const [key, head] of shard.index) {
      const problem = model.judge(place, key, fieldsOf(head), false)
      if (problem !== null) {
        throw new Violation('what is held was written there', `${machine.name}: ${problem}`)
      }
    }
  }
}

/**
 * SPEC R8: a write that is reported done is held by as many replicas as its write concern says, or
 * they had it and crashed since.
 */
export function checkAcknowledged (
  model: Model,
  op: Op,
  machines: readonly NodeMachine[],
  goneSince: (sinceMs: number) => ReadonlySet<string>
): void {
  if (op.needed < 2) return
  const holding = new Set(
    machines.filter(machine => holds(model, op, machine)).map(({ name }) => name)
  )
  for (const machine of goneSince(op.submittedMs)) holding.add(machine)
  if (holding.size < op.needed) {
    throw new Violation(
      'an acknowledged write is held by as many replicas as it says',
      `${describe(op)} of ${op.place} ${op.key} is held by ${
        [...holding].join(', ') || 'no node'
      }, ${op.needed} were promised`
    )
  }
}

function holds (model: Model, op: Op, { inside }: NodeMachine): boolean {
  const replicator = inside?.replicas.get(op.place.split('/')[1] ?? '')?.replicator
  if (replicator === undefined) return false
  const shard = heldShard(replicator.shards, replicator.topology.shardOf(op.key))
  const names = op.fields ?? [undefined]
  // A tombstone was dropped, so all replicas had it.
  if (shard !== undefined && names.every(name => graveOf(shard.floor, op.key, name) >= 0)) {
    return true
  }
  const head = shard?.index.get(op.key)
  for (let entry = head ?? null; entry !== null; entry = entry.next) {
    // A delete does not tell which write it was; the final check finds out.
    if (entry.clears) return true
    for (const [field, value] of Object.entries(entry.fields)) {
      if (op.fields?.includes(field) === false) continue
      if ((model.opOf(value)?.order ?? -1) >= op.order) return true
    }
  }
  return false
}
