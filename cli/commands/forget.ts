/**
 * `millpond forget STORE`: says that a store will not come back. Placement groups that wait for it
 * begin without it, and what it alone had is lost.
 */
import { withClient, type ClusterFlags } from '../cluster.js'
import { CommandError, EXIT } from '../failure.js'
import { writeNdjson } from '../output.js'

export async function runForget (store: string, flags: ClusterFlags): Promise<number> {
  const given = await withClient(flags, client => client.forget(store))
  if (given.length === 0) {
    throw new CommandError(
      EXIT.no,
      `no node of cluster ${flags.cluster} waits for a store or node ${JSON.stringify(store)}`
    )
  }
  await writeNdjson(given.map(({ cache, id, node }) => ({ cache, id, node })))
  return EXIT.ok
}
