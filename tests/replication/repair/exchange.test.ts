/** One exchange: what its caller may rely on afterwards. */
import test from 'ava'
import { encodeStateVector } from '../../../engine/base/state-vector.js'
import { NO_FLOOR } from '../../../engine/garbage/floor.js'
import { limits } from '../../../engine/limits.js'
import { Topology } from '../../../engine/topology/topology.js'
import { intervals } from '../../../engine/timing.js'
import { systemPorts } from '../../../node/system-ports.js'
import type { CacheContext } from '../../../replication/contexts.js'
import { Exchange, type ExchangeParts } from '../../../replication/repair/exchange.js'

/** A context whose clock goes on by a whole turn with every look at it. */
function contextOf (): CacheContext {
  let nowMs = 0
  return {
    cache: 'prices',
    limits,
    topology: new Topology({ shards: 4, groups: 2 }),
    onEvent: () => {},
    ports: {
      ...systemPorts,
      clock: { wallMs: () => nowMs, monotonicMs: () => nowMs += intervals.turnBudgetMs }
    }
  } as unknown as CacheContext
}

test('an exchange closed half-way claims nothing that it did not fetch (SPEC R3)', async t => {
  const caughtUp: number[] = []
  const exchange: Exchange = new Exchange(contextOf(), {
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

test('diffs are merged turn by turn, none once the exchange is closed (SPEC R3, B6)', async t => {
  const [merged, failed]: [number[], number[]] = [[], []]
  let turns = 0
  const isOver = { now: false }
  const count = (): void => {
    turns++
    if (!isOver.now) setImmediate(count)
  }
  const diff = {
    update: new Uint8Array(),
    known: encodeStateVector(new Map()),
    floor: null,
    retired: []
  }
  const exchange: Exchange = new Exchange(contextOf(), {
    client: {
      life: (id: string) => ({ id, incarnation: 7 }),
      ask: async (_: unknown, op: string) => {
        if (op === 'digests') {
          return [[0, 5, ['another', 'another']], [1, 5, ['another', 'another']]]
        }
        if (op === 'cursors') return []
        setImmediate(count)
        return { diffs: [0, 1, 2, 3].map(shard => ({ shard, ...diff })), rest: [] }
      }
    },
    shards: {
      root: () => 'root',
      digest: () => 'digest',
      known: () => new Map(),
      floor: () => NO_FLOOR,
      merge: (shard: number) => {
        merged.push(shard)
        if (merged.length === 3) exchange.close()
        return { outcome: 'merged' }
      }
    },
    held: { has: () => true },
    rest: {
      groupRests: () => false,
      shardRests: () => false,
      failed: (_: string, group: number) => failed.push(group),
      fetched: () => {}
    },
    inbox: { caughtUp: () => {} }
  } as unknown as ExchangeParts)
  await exchange.exchange('b', [0, 1])
  isOver.now = true
  t.is(merged.length, 3)
  t.is(failed.length, 1, 'the group of the shard that was not merged')
  t.true(turns >= 2, `${turns} turns`)
})
