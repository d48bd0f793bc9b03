/**
 * The arithmetic of placement: key -> shard -> placement group. Pure and stable for ever, because
 * changing either function moves data. Private to this folder: other code asks a Topology.
 *
 * Keys that share a `{tag}` land in one shard, so that records which belong together can be scanned
 * together. As in Redis Cluster, only the part between the first '{' and the next '}' is hashed, if
 * there is anything in it.
 */
import { hash32 } from '../base/hash.js'

/** The part of the key that decides its shard. */
export function routingPart (key: string): string {
  const open = key.indexOf('{')
  if (open === -1) return key
  const close = key.indexOf('}', open + 1)
  return close <= open + 1 ? key : key.slice(open + 1, close)
}

/** The shard of a key, in [0, shards). */
export function shardOf (key: string, shards: number): number {
  return hash32(routingPart(key)) % shards
}

/** The placement group of a shard, in [0, groups): the unit of placement, subject and batch. */
export function groupOf (shard: number, groups: number): number {
  return shard % groups
}

/** The shards of a placement group, ascending. */
export function shardsOfGroup (group: number, shards: number, groups: number): number[] {
  const members = []
  for (let shard = group; shard < shards; shard += groups) members.push(shard)
  return members
}
