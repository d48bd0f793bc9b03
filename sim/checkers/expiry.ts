/**
 * Fields that have expired read as absent on every replica, at any time, by the time that the
 * replica's node takes its cluster to agree on (SPEC E23, T3). Once the world is healed they are
 * unset, so that consumers hear of their end (C10).
 */
import { NO_FIELDS } from '../../engine/record/entry.js'
import { hasExpired } from '../../engine/record/reading.js'
import { entriesOf } from '../../engine/record/record.js'
import { kindOfKey } from '../fields/field-op.js'
import type { Model } from '../model.js'
import type { NodeMachine } from '../world/node-machine.js'
import { Violation } from '../violation.js'
import { heldShards } from './shard-contents.js'

/** Fields that expire later than this are not waited for. */
const SOON_UNITS = 60_000_000

export function checkExpired (
  model: Model,
  place: string,
  { inside, name }: NodeMachine,
  cache: string
): void {
  const shards = inside?.replicas.get(cache)?.replicator.shards
  if (inside === undefined || shards === undefined) return
  const now = inside.membership.time.nowMs()
  for (const key of model.fields.keys(place)) {
    if (kindOfKey(key) !== 'dated') continue
    const ops = model.fields.of<'dated'>(place, key)
    if (!ops.some(({ body }) => body.expiresMs !== undefined && body.expiresMs <= now)) continue
    const fields = shards.record(shards.topology.shardOf(key), key) ?? {}
    for (const [field, value] of Object.entries(fields)) {
      const source = ops.find(({ body }) => body.sets[field] === value)
      // In the very millisecond in which a field expires it may read as there or as absent.
      if (source?.body.expiresMs !== undefined && source.body.expiresMs <= now - 1) {
        throw new Violation(
          'what has expired reads as absent',
          `${name}: ${key}.${field} ended ${
            (now - source.body.expiresMs).toFixed(1)
          } ms ago and reads as ${JSON.stringify(value)}`
        )
      }
    }
  }
}

/**
 * A record with fields that have expired, or soon will, and are not unset yet; or null.
 */
export function notYetUnset (machines: readonly NodeMachine[], cache: string): string | null {
  for (const { inside, name } of machines) {
    for (const shard of heldShards(inside?.replicas.get(cache)?.replicator.shards)) {
      for (const [key, head] of shard.index) {
        const entry = entriesOf(head).find(each =>
          each.fields !== NO_FIELDS && hasExpired(each, shard.now + SOON_UNITS)
        )
        if (entry !== undefined) {
          return `${key} on ${name}: ${
            Object.keys(entry.fields).join(', ')
          } ends at ${entry.extra?.expires}, it is ${shard.now}`
        }
      }
    }
  }
  return null
}
