import test from 'ava'
import { limitsWith } from '../../../engine/limits.js'
import { Entry } from '../../../engine/record/entry.js'
import { PendingEntries } from '../../../engine/write/pending.js'

const entry = (key: string): Entry => new Entry(key, 1, 1, { a: 1 }, false)
const open = (maxPendingEntries = 4): PendingEntries =>
  new PendingEntries(limitsWith({ maxPendingEntries }))

function die (pending: PendingEntries, entries: readonly Entry[]): void {
  for (const one of entries) {
    one.live = false
    pending.died()
  }
}

test('losers are logged before the others, and entries that died are not logged', t => {
  const pending = open()
  const [dead, live, loser] = [entry('dead'), entry('live'), entry('loser')]
  pending.add(dead)
  pending.add(live)
  pending.keep(loser)
  die(pending, [dead])
  t.is(pending.size, 3)
  t.deepEqual(pending.waiting, { losers: [loser], entries: [loser, live] })
  t.is(pending.size, 3, 'they wait until they have been logged')
  pending.clear()
  t.deepEqual(pending.waiting, { losers: [], entries: [] })
})

test('a full buffer is flushed, unless leaving out what died makes room (SPEC B1)', t => {
  const pending = open()
  const entries = ['a', 'b', 'c', 'd'].map(entry)
  for (const one of entries) {
    t.false(pending.needsFlush())
    pending.add(one)
  }
  t.true(pending.isFull)
  t.true(pending.needsFlush())
  die(pending, entries.slice(0, 2))
  t.false(pending.needsFlush(), 'half of them died')
  t.is(pending.size, 2)
  t.false(pending.isFull)
})

test('a loser that only a dot decides about is flushed at once', t => {
  const pending = open()
  pending.keepUndecided(entry('a'))
  t.true(pending.needsFlush())
  pending.clear()
  t.false(pending.needsFlush())
})

test('a tombstone is logged again once, however many writes it hides', t => {
  const pending = open()
  const [tombstone, first, second] = [entry('a'), entry('a'), entry('a')]
  pending.keepOnce(tombstone, first)
  pending.keepOnce(tombstone, second)
  t.deepEqual(pending.waiting.losers, [first])
  pending.clear()
  pending.keepOnce(tombstone, second)
  t.deepEqual(pending.waiting.losers, [second])
})
