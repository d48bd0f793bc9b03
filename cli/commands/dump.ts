/**
 * `millpond dump`: every record as a line of JSON, sorted by the bytes of the keys. Two replicas that hold the same
 * records print the same bytes.
 *
 * Records come shard by shard, so all of them are held until the last one was read: memory grows with the cache.
 */
import type { CacheRecord } from '../../node/cache.js'
import { ConfigError } from '../../engine/errors.js'
import { withClient, type CacheFlags } from '../cluster.js'
import { EXIT } from '../failure.js'
import { jsonFields } from '../json-fields.js'
import { sortByKey, writeNdjson } from '../output.js'

export interface DumpFlags extends CacheFlags {
  readonly node?: string
}

export async function runDump (flags: DumpFlags): Promise<number> {
  const { cache, node } = flags
  const records = await withClient(flags, async client => {
    if (node !== undefined && !client.nodes.includes(node)) throw new ConfigError(`--node ${JSON.stringify(node)}: no such node in cluster ${flags.cluster}; there are ${client.nodes.join(', ')}`)
    const found: CacheRecord[] = []
    for await (const record of client.cache(cache).scan(node === undefined ? {} : { node })) found.push(record)
    return found
  })
  await writeNdjson(lines(sortByKey(records)))
  return EXIT.ok
}

function * lines (records: readonly CacheRecord[]): Generator {
  for (const { key, fields, version } of records) yield { key, fields: jsonFields(fields), version }
}
