/** Opens the store of a cache: SQLite, memory, or the program's own. */
import { join } from 'node:path'
import { ConfigConflictError } from '../../engine/errors.js'
import type { Limits } from '../../engine/limits.js'
import type { CacheShape } from '../../replication/membership/cache-shape.js'
import { openMemoryStore } from '../../storage/stores/memory-store.js'
import { openSqliteStore } from '../../storage/stores/sqlite-store.js'
import type { Store } from '../../storage/store.js'
import type { CheckedNodeConfig } from '../config.js'
import { openOwnStore, withCode } from '../own-adapters.js'

/**
 * Opens a cache's store and checks that it belongs to this cluster and has its shape.
 * @throws StoreError; ConfigConflictError naming what differs; TypeError when `open` gives no Store
 */
export async function openStore (
  config: CheckedNodeConfig,
  cache: string,
  shape: CacheShape,
  limits: Limits,
  open?: (cache: string) => Store
): Promise<Store> {
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
  try {
    for (const [name, wanted] of Object.entries(facts)) {
      const stored = withCode(cache, () => store.getMeta(name))
      if (stored === undefined) withCode(cache, () => store.setMeta(name, wanted))
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
    return store
  } catch (error) {
    await store.close()
    throw error
  }
}
