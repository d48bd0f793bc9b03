/**
 * `millpond dump`: every record as a line of JSON, sorted by the bytes of the keys. Two replicas
 * that hold the same records print the same bytes.
 *
 * Records come shard by shard, so all of them are held until the last one was read: memory grows
 * with the cache.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { CacheRecord } from '../../node/cache/cache.js'
import type { MillpondClient } from '../../node/connect.js'
import { ConfigError, UnavailableError } from '../../engine/errors.js'
import { intervals, namedNodePatienceMs } from '../../engine/timing.js'
import { withClient, type CacheFlags } from '../cluster.js'
import { EXIT } from '../failure.js'
import { jsonFields } from '../json-fields.js'
import { askMembers } from '../members.js'
import { sortByKey, writeNdjson } from '../output.js'

export interface DumpFlags extends CacheFlags {
  readonly node?: string
}

export async function runDump (flags: DumpFlags): Promise<number> {
  const { cache, node } = flags
  const records = await withClient(flags, async client => {
    if (node !== undefined) await heard(client, node)
    const found: CacheRecord[] = []
    for await (const record of client.cache(cache).scan(node === undefined ? {} : { node })) {
      found.push(record)
    }
    return found
  })
  await writeNdjson(lines(sortByKey(records)))
  return EXIT.ok
}

/**
 * Waits for the node's heartbeat, which says what it holds: a client may be connected before it has
 * heard every node.
 */
async function heard (client: MillpondClient, node: string): Promise<void> {
  const { nodes, unanswered } = await askMembers(client)
  const names = [...nodes, ...unanswered].map(member => member.node)
  if (!names.includes(node)) {
    throw new ConfigError(
      `--node ${JSON.stringify(node)}: no such node; there are ${names.join(', ')}`
    )
  }
  const pollMs = intervals.namedNodePollMs
  for (let waitedMs = 0; !client.nodes.includes(node); waitedMs += pollMs) {
    const patienceMs = namedNodePatienceMs(client.timing)
    if (waitedMs >= patienceMs) {
      throw new UnavailableError(
        `--node ${
          JSON.stringify(node)
        }: no heartbeat of it for ${patienceMs} ms; is it still running?`
      )
    }
    await sleep(pollMs)
  }
}

function* lines (records: readonly CacheRecord[]): Generator {
  for (const { key, fields, version } of records) yield { key, fields: jsonFields(fields), version }
}
