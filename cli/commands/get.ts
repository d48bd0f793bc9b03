/** `millpond get KEY`: a record's fields as one line of JSON. */
import { withClient, type CacheFlags } from '../cluster.js'
import { CommandError, EXIT } from '../failure.js'
import { jsonFields } from '../json-fields.js'
import { writeNdjson } from '../output.js'

export async function runGet (key: string, flags: CacheFlags): Promise<number> {
  const fields = await withClient(flags, client => client.cache(flags.cache).get(key))
  if (fields === undefined) {
    throw new CommandError(EXIT.no, `no record ${JSON.stringify(key)} in cache ${flags.cache}`)
  }
  await writeNdjson([jsonFields(fields)])
  return EXIT.ok
}
