/**
 * Three replicas write, lose, repeat and mix up each other's messages, restart under new
 * incarnations, and in the end exchange what they lack: all must hold what the oracle holds, in the
 * same bytes, and Yjs must agree.
 */
import test, { type ExecutionContext } from 'ava'
import type { Write } from '../../../engine/write/write.js'
import { describeSeed, pickSeed, seededRandom } from '../../support/ports.js'
import { Oracle } from '../oracle.js'
import { assertWhole, del, dump, openShard, put, replace, type TestShard } from '../shards.js'

interface Replica {
  shard: TestShard
  /** Deltas already sent on. */
  sent: number
  readonly inbox: Uint8Array[]
}

interface Weather {
  readonly keys: number
  readonly steps: number
  readonly lossPercent: number
  readonly duplicatePercent: number
  /** How far from the present event times may lie. */
  readonly lateness: number
}

const WEATHERS: Record<string, Weather> = {
  'a calm network': { keys: 30, steps: 400, lossPercent: 0, duplicatePercent: 0, lateness: 0 },
  'a network that loses, repeats and reorders': {
    keys: 30,
    steps: 600,
    lossPercent: 20,
    duplicatePercent: 20,
    lateness: 5
  },
  'few keys and many late events': {
    keys: 3,
    steps: 600,
    lossPercent: 30,
    duplicatePercent: 10,
    lateness: 60
  },
  'a partition that lasts to the end': {
    keys: 15,
    steps: 400,
    lossPercent: 100,
    duplicatePercent: 0,
    lateness: 20
  },
  'so many writes that logs are compacted': {
    keys: 40,
    steps: 9_000,
    lossPercent: 10,
    duplicatePercent: 5,
    lateness: 10
  }
}

function run (
  t: ExecutionContext,
  seed: number,
  { keys, steps, lossPercent, duplicatePercent, lateness }: Weather
): void {
  const random = seededRandom(seed)
  const below = (end: number): number => random.uint32() % end
  const percent = (chance: number): boolean => below(100) < chance
  const oracle = new Oracle()
  let count = 0
  let incarnations = 0
  const incarnation = (): number => (++incarnations * 0x9e3779b1) >>> 0
  const replicas: Replica[] = Array.from(
    { length: 3 },
    () => ({ shard: openShard(incarnation()), sent: 0, inbox: [] })
  )
  const anyone = (): Replica => replicas[below(3)] as Replica

  const draw = (): Write => {
    const key = `k${below(keys)}`
    // Versions collide all the time; stamps are a writer's own clock and do not.
    const version = Math.max(0, 1000 + (count >> 2) - below(lateness + 1))
    const stamp = ++count
    const kind = below(12)
    if (kind === 0) return del(key, version, stamp)
    const fields = Object.fromEntries(
      ['a', 'b', 'c', 'd'].filter(() => below(2) === 0).map(name => [name, stamp])
    )
    if (Object.keys(fields).length === 0) fields['a'] = stamp
    return kind === 1 ? replace(key, version, fields, stamp) : put(key, version, fields, stamp)
  }
  const write = (replica: Replica, drawn: Write): void => {
    replica.shard.write(drawn, percent(10))
    oracle.add({ ...drawn, incarnation: replica.shard.incarnation, count })
  }
  const send = (from: Replica): void => {
    for (; from.sent < from.shard.deltas.length; from.sent++) {
      const delta = from.shard.deltas[from.sent] as Uint8Array
      for (const to of replicas) {
        if (to === from || percent(lossPercent)) continue
        to.inbox.splice(below(to.inbox.length + 1), 0, delta)
        if (percent(duplicatePercent)) to.inbox.splice(below(to.inbox.length + 1), 0, delta)
      }
    }
  }
  const repair = (to: Replica, from: Replica): void => {
    const { outcome } = to.shard.merge(from.shard.encode(to.shard.stateVector))
    t.true(outcome === 'merged' || outcome === 'known', `repair: ${outcome}`)
  }

  for (let step = 0; step < steps; step++) {
    const replica = anyone()
    const action = below(100)
    if (action < 60) {
      const drawn = draw()
      write(replica, drawn)
      if (percent(10)) write(anyone(), drawn) // a client that got no answer tries again, somewhere
    } else if (action < 75) {
      replica.shard.flush()
      send(replica)
    } else if (action < 92) {
      const delta = replica.inbox.pop()
      if (delta !== undefined) t.not(replica.shard.merge(delta).outcome, 'refused')
    } else if (action < 96) {
      if (lossPercent < 100) repair(replica, anyone())
    } else if (action < 98) {
      replica.shard.compact()
    } else {
      // A restart: what was flushed survives on disk, the process gets a new id.
      const stored = replica.shard.encode()
      send(replica)
      replica.shard = openShard(incarnation())
      replica.shard.merge(stored)
      replica.sent = 0
    }
  }

  for (let round = 0; round < 2; round++) {
    for (const to of replicas) for (const from of replicas) if (to !== from) repair(to, from)
  }
  const [first, ...others] = replicas.map(replica => replica.shard) as [TestShard, ...TestShard[]]
  t.deepEqual(dump(first), oracle.dump())
  for (const other of others) {
    t.deepEqual(other.encode(), first.encode(), 'equal bytes')
    t.is(other.digest, first.digest)
    t.deepEqual(dump(other), dump(first))
  }
  for (const shard of [first, ...others]) {
    assertWhole(t, shard)
    t.deepEqual(shard.events.filter(event => event.type !== 'compacted'), [])
  }
  const fromScratch = openShard(incarnation())
  fromScratch.merge(first.encode())
  t.deepEqual(fromScratch.encode(), first.encode(), 'a replica that starts from nothing')
}

for (const [what, weather] of Object.entries(WEATHERS)) {
  test(`replicas agree with each other, Yjs and the oracle in ${what} (SPEC E1, E2, E7)`, t => {
    const seed = pickSeed()
    t.log(describeSeed(seed), 'npm run test:only -- tests/engine/merge/convergence.test.ts')
    const rounds = weather.steps > 1000 ? 2 : 12
    for (let round = 0; round < rounds; round++) run(t, (seed + round * 7919) >>> 0, weather)
  })
}
