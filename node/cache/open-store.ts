/**
 * Opens the store of a cache: SQLite, memory, or the program's own.
 *
 * The settings of a new store are written once its node has joined. A start that the cluster
 * refuses would leave them behind otherwise, and the next one, with the cluster's settings, would
 * contradict them.
 */
import { join } from 'node:path'
import { ConfigConflictError } from '../../engine/errors.js'
import type { Ports } from '../../engine/ports.js'
import type { StoreIdentity } from '../../replication/groups/roster.js'
import type { CacheShape } from '../../replication/membership/cache-shape.js'
import { openMemoryStore } from '../../storage/stores/memory-store.js'
import { openSqliteStore } from '../../storage/stores/sqlite-store.js'
import type { Store } from '../../storage/store.js'
import type { CheckedNodeConfig } from '../config.js'
import { openOwnStore } from '../own-adapters/guarded-store.js'
import { undoAll } from '../undoing.js'
import type { Surroundings } from '../wiring.js'

function drawStoreId (random: Ports['random']): string {
  return [random.uint32(), random.uint32()]
    .map(word => word.toString(16).padStart(8, '0')).join('')
}

/** A store that goes with its cache. */
export interface OpenedStore {
  readonly store: Store
  /** By which other nodes know it again. */
  readonly identity: StoreIdentity
  /** Writes the settings that the store does not have yet. @throws StoreError */
  readonly writeSettings: () => void
}

/**
 * Opens a cache's store and checks that it belongs to this cluster and has its shape.
 * @throws StoreError; ConfigConflictError naming what differs; TypeError when `open` gives no Store
 */
export async function openStore (
  config: CheckedNodeConfig,
  cache: string,
  shape: CacheShape,
  { limits, ports }: Pick<Surroundings, 'limits' | 'ports'>,
  open?: (cache: string) => Store
): Promise<OpenedStore> {
  const path = config.dataDir === undefined ? undefined : join(config.dataDir, `${cache}.sqlite`)
  const store = open !== undefined
    ? openOwnStore(open, cache)
    : path === undefined
    ? openMemoryStore()
    : openSqliteStore({ path, durability: config.durability, limits })
  const facts = {
    cluster: config.cluster,
    cache,
    shards: String(shape.shards),
    groups: String(shape.groups)
  }
  const missing: Array<[name: string, value: string]> = []
  let id: string | undefined
  try {
    id = store.getMeta('store')
    if (id === undefined) missing.push(['store', id = drawStoreId(ports.random)])
    for (const [name, wanted] of Object.entries(facts)) {
      const stored = store.getMeta(name)
      if (stored === undefined) missing.push([name, wanted])
      else if (stored !== wanted) {
        const [place, other] = path === undefined
          ? ['', 'another store']
          : [` (${path})`, 'give the node another data directory']
        throw new ConfigConflictError(
          `${name} ${wanted} contradicts the data in the store of cache ${cache}${place}, which ` +
            `was written with ${name} ${stored}: use ${stored}, or ${other}`
        )
      }
    }
  } catch (error) {
    await undoAll([() => store.close()], ports.timers)
    throw error
  }
  return {
    store,
    identity: { id, durable: path !== undefined || open !== undefined },
    writeSettings: () => {
      for (const [name, value] of missing) store.setMeta(name, value)
    }
  }
}
