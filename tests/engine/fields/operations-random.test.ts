/**
 * Random histories of every kind of write on three replicas that lose, repeat and reorder what they
 * tell each other.
 */
import test, { type ExecutionContext } from 'ava'
import { KindError } from '../../../engine/errors.js'
import type { Operation } from '../../../engine/fields/kinds.js'
import type { Write } from '../../../engine/write/write.js'
import { describeSeed, pickSeed, seededRandom } from '../../support/ports.js'
import { assertWhole, dump, openShard, type TestShard } from '../shards.js'

function run (t: ExecutionContext, seed: number): void {
  const random = seededRandom(seed)
  const below = (end: number): number => random.uint32() % end
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T
  const replicas = [1, 2, 3].map(incarnation => openShard(incarnation))
  let count = 0
  const draw = (): Write => {
    const base = {
      key: `k${below(4)}`,
      version: Math.max(1, 1000 + count - below(20)),
      stamp: 1000 + ++count
    }
    if (below(12) === 0) return { ...base, fields: null }
    if (below(2) === 0) {
      return {
        ...base,
        version: base.stamp,
        fields: null,
        operations: Array.from({ length: 1 + below(2) }, operation)
      }
    }
    const fields: Record<string, number | undefined> = {
      [pick(['a', 'b'])]: below(5) === 0 ? undefined : count
    }
    if (below(6) === 0) fields[pick(['n', 't'])] = undefined
    return { ...base, fields, ...below(8) === 0 ? { clears: true } : {} }
  }
  const operation = (): Operation =>
    pick<() => Operation>([
      () => ({ kind: 'increment', field: 'n', by: below(5) - 2 }),
      () => ({ kind: pick(['add', 'remove'] as const), field: 't', element: below(3) }),
      () => ({ kind: pick(['add', 'remove'] as const), field: 't', element: below(3) }),
      () => ({ kind: 'max', field: 'm', value: below(9) }),
      () => ({
        kind: 'sequenced',
        field: 'q',
        sequence: below(9),
        ...below(3) === 0 ? {} : { value: count }
      })
    ])()
  const write = (replica: TestShard): void => {
    try {
      replica.write(draw(), below(4) === 0)
    } catch (error) {
      if (!(error instanceof KindError)) throw error
    }
  }
  for (let step = 0; step < 150; step++) {
    const replica = pick(replicas)
    switch (below(8)) {
      case 0:
        replica.flush()
        break
      case 1:
        replica.merge(pick(replicas).encode())
        break
      case 2:
        for (const delta of pick(replicas).deltas.slice(-3)) replica.merge(delta)
        break
      default:
        write(replica)
    }
  }
  for (let round = 0; round < 2; round++) {
    for (const to of replicas) for (const from of replicas) to.merge(from.encode(to.stateVector))
  }
  const [first] = replicas as [TestShard]
  for (const replica of replicas) {
    t.deepEqual(replica.encode(), first.encode(), describeSeed(seed))
    t.deepEqual(dump(replica), dump(first), describeSeed(seed))
    assertWhole(t, replica)
  }
  const late = openShard(9)
  late.merge(first.encode())
  t.deepEqual(late.encode(), first.encode(), `${describeSeed(seed)}: one who joined late`)
}

test('after any history of operations all replicas hold the same bytes (SPEC E1, E2, E18)', t => {
  const seed = pickSeed()
  t.log(describeSeed(seed), 'npm run test:only -- tests/engine/fields/operations-random.test.ts')
  for (let i = 0; i < 250; i++) run(t, (seed + i) >>> 0)
})
