/**
 * A process that commits numbered batches until it is killed, and prints each number once its batch
 * is durable. Arguments: the store's file, the number to go on after, how many shards.
 *
 * Batch n appends to every shard a delta that begins with n; every 20th batch is a snapshot of
 * every shard instead.
 */

import { limits } from '../../../engine/limits.js'
import { openSqliteStore } from '../../../storage/stores/sqlite-store.js'

const [path = '', after = '0', shardCount = '1'] = process.argv.slice(2)
const store = openSqliteStore({ path, limits })
const shards = Array.from({ length: Number(shardCount) }, (_, shard) => shard)

for (let n = Number(after) + 1;; n++) {
  const blob = new Uint8Array(4096)
  new DataView(blob.buffer).setUint32(0, n)
  const isSnapshot = n % 20 === 0
  await store.commit({
    deltas: isSnapshot ? [] : shards.map(shard => ({ shard, delta: blob })),
    snapshots: isSnapshot ? shards.map(shard => ({ shard, snapshot: blob })) : [],
    cursors: [],
    drops: []
  })
  await new Promise(resolve => process.stdout.write(`${n}\n`, resolve))
}
