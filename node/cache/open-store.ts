/**
 * Opens the store of a cache: SQLite, memory, or the program's own.
 *
 * The settings of a new store are written once its node has joined. A start that the cluster
 * refuses would leave them behind otherwise, and the next one, with the cluster's settings, would
 * contradict them.
 */
import { join } from 'node:path'
import { ConfigConflictError } from '../../engine/errors.js'
import type { CacheShape } from '../../replication/membership/cache-shape.js'
import { openMemoryStore } from '../../storage/stores/memory-store.js'
import { openSqliteStore } from '../../storage/stores/sqlite-store.js'
import type { Store } from '../../storage/store.js'
import type { CheckedNodeConfig } from '../config.js'
import { openOwnStore } from '../own-adapters/guarded-store.js'
import { undoAll } from '../undoing.js'
import type { Surroundings } from '../wiring.js'

/** A store that goes with its cache. */
export interface OpenedStore {
  readonly store: Store
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
  try {
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
    writeSettings: () => {
      for (const [name, value] of missing) store.setMeta(name, value)
    }
  }
}
