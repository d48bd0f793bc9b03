/** One exchange: what its caller may rely on afterwards. */
import test from 'ava'
import { limits } from '../../../engine/limits.js'
import { Topology } from '../../../engine/topology/topology.js'
import type { CacheContext } from '../../../replication/contexts.js'
import { Exchange, type ExchangeParts } from '../../../replication/repair/exchange.js'

test('an exchange closed half-way claims nothing that it did not fetch (SPEC R3)', async t => {
  const caughtUp: number[] = []
  const context = {
    cache: 'prices',
    limits,
    topology: new Topology({ shards: 4, groups: 2 }),
    onEvent: () => {}
  } as unknown as CacheContext
  const exchange: Exchange = new Exchange(context, {
    client: {
      life: (id: string) => ({ id, incarnation: 7 }),
      ask: async (_: unknown, op: string) => {
        exchange.close()
        return op === 'digests' ? [[0, 5, ['another', 'another']], [1, 5, null]] : []
      }
    },
    shards: { root: () => 'root', digest: () => 'digest' },
    rest: {
      groupRests: () => false,
      shardRests: () => false,
      failed: () => {},
      fetched: () => {}
    },
    inbox: { caughtUp: (_: string, __: number, group: number) => caughtUp.push(group) }
  } as unknown as ExchangeParts)
  const fetched: number[] = []
  await exchange.exchange('b', [0, 1], group => fetched.push(group))
  t.deepEqual(fetched, [1])
  t.deepEqual(caughtUp, [1])
})
