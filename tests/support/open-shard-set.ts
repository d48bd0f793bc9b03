/**
 * The shards of one node on a store of their own, with everything they report written down; nothing
 * replicates by itself.
 */
import { limits as usualLimits, type Limits } from '../../engine/limits.js'
import { HybridClock } from '../../engine/base/hlc.js'
import type { IndexDeclaration } from '../../engine/query/query.js'
import { Topology } from '../../engine/topology/topology.js'
import type { Fields } from '../../engine/base/values.js'
import { MemoryDisk } from '../../storage/stores/memory-store.js'
import { Persister } from '../../storage/write-behind/persister.js'
import { ShardSet } from '../../storage/shard-set.js'
import type { Store } from '../../storage/store.js'
import { VirtualTime } from './virtual-time.js'

export interface ShardSetSettings {
  readonly shards?: number
  readonly groups?: number
  readonly store?: Store
  readonly indexes?: IndexDeclaration
  readonly limits?: Limits
}

export function openShardSet (
  incarnation: number,
  settings: ShardSetSettings = {}
) {
  const { shards: count = 8, groups = 4, limits = usualLimits, indexes } = settings
  const { store = new MemoryDisk().open() } = settings
  const time = new VirtualTime(1)
  const ports = time.ports('node')
  const clock = new HybridClock(ports.clock, limits)
  const persister = new Persister({
    store,
    timers: ports.timers,
    limits,
    storeIntervalMs: 5,
    onEvent: () => {}
  })
  const deltas: Array<[shard: number, delta: Uint8Array]> = []
  const events: Array<{ readonly type: string }> = []
  let asked = 0
  let drawn = incarnation
  const topology = new Topology({ shards: count, groups })
  const shards = new ShardSet({
    topology,
    limits,
    clock,
    persister,
    incarnation,
    drawIncarnation: () => drawn += 1000,
    ...indexes === undefined ? {} : { indexes },
    onEvent: event => {
      events.push(event)
    }
  }, {
    onDelta: (shard, delta) => {
      deltas.push([shard, delta])
    },
    onPending: () => {
      asked++
    },
    onChange: () => {}
  })
  return {
    shards,
    store,
    time,
    persister,
    deltas,
    events,
    /** How often a flush was asked for. */
    get asked () {
      return asked
    },
    put: (key: string, fields: Fields | null) => {
      const version = clock.next()
      return shards.write(topology.shardOf(key), { key, version, stamp: version, fields }, false)
    },
    get: (key: string) => shards.record(topology.shardOf(key), key),
    deliverTo (other: ShardSet) {
      for (const [shard, delta] of deltas.splice(0)) other.merge(shard, delta)
    },
    async close () {
      shards.flush()
      await time.wait(persister.close())
      await store.close()
    }
  }
}
