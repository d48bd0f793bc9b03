/** Which stores had a placement group: who is missed, for how long, and what is written down. */
import test from 'ava'
import { Roster, type NodeStore, type RosterNode } from '../../../replication/groups/roster.js'

const store = (node: string, durable = true, id = `disk of ${node}`): NodeStore => ({
  id,
  node,
  durable
})
const holding = (of: NodeStore, what: ReturnType<RosterNode['has']>): RosterNode => ({
  store: of,
  has: () => what
})
const [a, b, c] = [store('a'), store('b'), store('c', false)]

function open () {
  let nowMs = 0
  const make = (): Roster =>
    new Roster({
      self: a,
      clock: { monotonicMs: () => nowMs, wallMs: () => 0 },
      timing: { memoryLostAfterMs: 60, diskLostAfterMs: 600 },
      maxStores: 3
    })
  const roster = make()
  const look = (...nodes: RosterNode[]): boolean => roster.look([0], nodes, 2)
  const names = (of: readonly NodeStore[]): string => of.map(({ node }) => node).join()
  return {
    roster,
    make,
    look,
    pass: (ms: number) => {
      nowMs += ms
    },
    missing: () => names(roster.missing(0)),
    lost: () => names(roster.lost(0))
  }
}

test('a store that is gone is missed, and lost after a time: on disk later (SPEC R22)', t => {
  const { look, pass, missing, lost } = open()
  t.true(look(holding(a, 'something'), holding(b, 'ready'), holding(c, 'ready')))
  t.is(missing(), '')
  look(holding(a, 'something'))
  t.is(missing(), 'b,c')
  pass(60)
  t.deepEqual([missing(), lost()], ['b', 'c'])
  pass(540)
  t.deepEqual([missing(), lost()], ['', 'b,c'])
  look(holding(a, 'something'), holding(b, 'empty'))
  t.deepEqual([missing(), lost()], ['', 'c'], 'one that is back is neither')
})

test('a store that handed over, or that enough ready ones cover, is not missed', t => {
  const { look, missing } = open()
  look(holding(a, 'something'), holding(b, 'ready'))
  look(holding(a, 'something'), holding(b, undefined))
  look(holding(a, 'something'))
  t.is(missing(), '')
  look(holding(a, 'something'), holding(b, 'ready'))
  look(holding(a, 'ready'), holding(c, 'something'))
  t.is(missing(), 'b', 'one ready holder of two')
  look(holding(a, 'ready'), holding(c, 'ready'))
  t.is(missing(), '')
})

test('the name of a node that comes back with another store is a loss at once (SPEC R22)', t => {
  const { look, missing, lost } = open()
  look(holding(a, 'something'), holding(b, 'ready'))
  look(holding(a, 'something'), holding(store('b', true, 'new disk'), 'empty'))
  t.deepEqual([missing(), lost()], ['', 'b'])
})

test('an operator gives a store up that is gone, and none that is there', t => {
  const { roster, look, missing, lost } = open()
  look(holding(a, 'something'), holding(b, 'ready'))
  t.deepEqual(roster.giveUp('b'), [])
  look(holding(a, 'something'))
  t.is(roster.giveUp('b').length, 1)
  t.deepEqual([missing(), lost()], ['', 'b'])
  roster.forget(0, roster.lost(0))
  t.deepEqual([missing(), lost()], ['', ''])
})

test('a roster that was written down misses the same stores in the next life', t => {
  const { roster, make, look } = open()
  look(holding(a, 'something'), holding(b, 'ready'), holding(c, 'ready'))
  const next = make()
  next.load(roster.text())
  t.deepEqual(next.missing(0).map(({ id }) => id), [b.id, c.id])
  t.is(next.text(), roster.text())
  for (const text of [undefined, '', '{}', '[1]', '{"stores":[["x"]],"groups":{}}']) {
    const none = make()
    none.load(text)
    t.deepEqual(none.missing(0), [], text)
  }
})

test('a roster is bounded, and has itself alone only where no other was', t => {
  const { roster, look } = open()
  look(holding(a, 'ready'))
  t.true(roster.isOwn(0))
  for (let i = 0; i < 10; i++) {
    roster.learn([0, `disk ${i}`, `n${i}`, true, i === 9, false])
  }
  t.false(roster.isOwn(0))
  t.is(roster.goneOf(0).length, 2, 'three, and the one in view stays')
  t.false(roster.learn([0, 'disk 8', 'n8', true, false, false]), 'nothing new')
})

test('of a roster that is full, a store that is lost goes before one that is missed', t => {
  const { roster, look, missing, lost } = open()
  look(holding(a, 'ready'))
  roster.learn([0, 'disk 1', 'n1', true, false, false])
  roster.learn([0, 'disk 2', 'n2', true, true, false])
  t.true(roster.learn([0, 'disk 3', 'n3', true, false, false]))
  t.deepEqual([missing(), lost()], ['n1,n3', ''])
})

test('a holder that has a part is waited for, and the group is as new (SPEC R22)', t => {
  const { roster, make, look, missing } = open()
  look(holding(a, 'empty'), holding(b, 'partial'))
  t.true(roster.isNew(0))
  t.false(roster.isOwn(0))
  look(holding(a, 'empty'))
  t.is(missing(), 'b')
  const next = make()
  next.load(roster.text())
  t.deepEqual([next.missing(0).length, next.isNew(0)], [1, true])
  const told = make()
  for (const gone of roster.goneOf(0)) told.learn(gone)
  t.true(told.isNew(0))
  look(holding(a, 'something'), holding(b, 'ready'))
  look(holding(a, 'something'), holding(b, 'partial'))
  t.false(roster.isNew(0), 'it had all, and lost nothing of it')
})
