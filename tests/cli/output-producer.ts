/**
 * A process that writes more lines than any pipe holds, and says on standard error how many it got
 * rid of.
 */
import { writeNdjson } from '../../cli/output.js'

function* lines (): Generator {
  for (let i = 0; i < 1_000_000; i++) yield { key: `k${i}`, fields: { i } }
}

const written = await writeNdjson(lines())
process.stderr.write(`${written}\n`)
