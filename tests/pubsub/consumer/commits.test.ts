/** Committing from one consumer: to whom, in how many messages, and what a missing holder means. */
import test from 'ava'
import { encodeCursor, startOf } from '../../../engine/cursor.js'
import { UnavailableError } from '../../../engine/errors.js'
import { limitsWith } from '../../../engine/limits.js'
import { Topology } from '../../../engine/topology/topology.js'
import { Commits, type ShardCursor } from '../../../pubsub/consumer/commits.js'
import { scopeOf } from '../../../pubsub/consumer/scope.js'
import type { ConsumerContext } from '../../../pubsub/context.js'
import type { Asked } from '../../../pubsub/requests/request-protocol.js'

const SHAPE = { shards: 8, groups: 2 }
const CURSORS = Array.from(
  { length: SHAPE.shards },
  (_, shard): ShardCursor => [shard, encodeCursor(startOf(shard))]
)

/** Commits to holders as named per placement group; `anywhere` is what is asked of any holder. */
function committing (
  holders: readonly string[][],
  refusing: ReadonlySet<string> = new Set()
) {
  const asked: Array<[holder: string, shards: number[]]> = []
  const anywhere: Array<[group: number, shards: number[]]> = []
  const shardsIn = ({ cursors }: Asked<'commit'>): number[] => cursors.map(([shard]) => shard)
  const context = {
    router: {
      cache: 'prices',
      topology: new Topology(SHAPE),
      holders: (group: number) => holders[group]
    },
    requests: {
      begin: () => ({}),
      ask: async (holder: string, _op: string, request: Asked<'commit'>) => {
        asked.push([holder, shardsIn(request)])
        if (refusing.has(holder)) throw new UnavailableError('not here')
        return null
      },
      askHolder: async (_: unknown, group: number, _op: string, request: Asked<'commit'>) => {
        anywhere.push([group, shardsIn(request)])
        if (holders[group]?.length === 0) throw new UnavailableError('no holder')
        return null
      }
    },
    ports: { clock: { wallMs: () => 0, monotonicMs: () => 0 } },
    limits: limitsWith({ maxShardsPerRequest: 3, maxKeysPerGet: 3 })
  } as unknown as ConsumerContext
  return {
    commits: new Commits(scopeOf(context, 'test', new AbortController().signal)),
    asked,
    anywhere
  }
}

test('a commit of more shards than a request may name goes in several (SPEC B1)', async t => {
  const { commits, asked, anywhere } = committing([['a'], ['a']])
  await commits.write(CURSORS)
  t.deepEqual(asked, [['a', [0, 1, 2]], ['a', [3, 4, 5]], ['a', [6, 7]]])
  t.deepEqual(anywhere, [])
})

test('shards that a holder refuses are committed at another of their group', async t => {
  const { commits, anywhere } = committing([['a', 'b'], ['b']], new Set(['a']))
  await commits.write(CURSORS)
  t.deepEqual(anywhere, [[0, [0, 2, 4]], [0, [6]]])
})

test('a commit does not resolve while a shard has no holder', async t => {
  const { commits, asked } = committing([[], ['b']])
  await t.throwsAsync(commits.write(CURSORS), { code: 'UNAVAILABLE' })
  t.deepEqual(asked.flatMap(([, shards]) => shards), [1, 3, 5, 7])
})
