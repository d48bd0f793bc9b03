import test from 'ava'
import * as Y from 'yjs'
import { Entry } from '../../engine/entry.js'
import { ShardLog } from '../../engine/log.js'
import { runsOf } from '../../engine/run.js'
import { ROOT } from '../../engine/update.js'

function entriesAt (incarnation: number, ...clocks: number[]): Entry[] {
  return clocks.map(clock => new Entry(`k${clock}`, clock, clock, { a: 1 }, false, incarnation, clock))
}

const range = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, i) => start + i)

test('runs are appended where their incarnation ends, and nowhere else', t => {
  const log = new ShardLog()
  log.append(runsOf(7, 0, 3, entriesAt(7, 0, 1)))
  t.is(log.end(7), 3)
  t.is(log.end(8), 0)
  for (const clock of [0, 2, 4]) t.throws(() => log.append(runsOf(7, clock, clock + 1, [])), { message: /which ends at 3/ })
  t.is(log.end(7), 3)
})

test('the live entries of an incarnation come in order, from any clock on', t => {
  const log = new ShardLog()
  const live = entriesAt(7, 1, 2, 5)
  log.append(runsOf(7, 0, 4, live.slice(0, 2)))
  log.append(runsOf(7, 4, 8, live.slice(2)))
  log.append(runsOf(9, 0, 1, entriesAt(9, 0)))
  for (let from = 0; from < 10; from++) t.deepEqual(log.live(7, from), live.filter(entry => entry.clock >= from), `from ${from}`)
  t.is(log.live(9, 0).length, 1)
  t.deepEqual(log.live(1, 0), [])
})

test('an entry that died where it stands is passed over', t => {
  const log = new ShardLog()
  const live = entriesAt(7, 0, 1, 2)
  log.append(runsOf(7, 0, 3, live));
  (live[1] as Entry).live = false
  t.deepEqual(log.live(7, 0).map(entry => entry.clock), [0, 2])
})

test('a walk stops when it is told to', t => {
  const log = new ShardLog()
  log.append(runsOf(7, 0, 100, entriesAt(7, ...range(0, 100))))
  const visited: number[] = []
  log.eachLive(7, 10, entry => visited.push(entry.clock) < 3)
  t.deepEqual(visited, [10, 11, 12])
})

// Few and many entries between two live ones: short runs of superseded entries stay as holes, long ones become items.
for (const gap of [1, 2, 31, 32, 33, 500]) {
  test(`compaction with ${gap} superseded entries between two live ones changes nothing but memory`, t => {
    const log = new ShardLog()
    const live = entriesAt(7, ...range(1, 40).map(i => i * (gap + 1)))
    const end = 41 * (gap + 1)
    log.append(runsOf(7, 0, end, entriesAt(7, ...range(0, end)).map(entry => live.find(other => other.clock === entry.clock) ?? dead(entry))))
    log.append(runsOf(3, 0, 5, []))
    const fresh = log.compacted()
    t.deepEqual(fresh.stateVector, log.stateVector)
    t.deepEqual(Y.decodeStateVector(Y.encodeStateVector(fresh.doc)), new Map([[7, end], [3, 5]]))
    for (const from of [0, 1, gap, gap + 1, gap + 2, end - gap, end - 1]) {
      t.deepEqual(fresh.live(7, from), live.filter(entry => entry.clock >= from), `from ${from}`)
    }
    fresh.append(runsOf(7, end, end + 1, entriesAt(7, end)))
    t.deepEqual(fresh.live(7, end - 1).map(entry => entry.clock), [end])
    t.deepEqual(fresh.compacted().live(7, 0).map(entry => entry.clock), [...live.map(entry => entry.clock), end])
    t.true(fresh.doc.getArray(ROOT).length <= 40 * 33, 'a live entry keeps a bounded number of holes')
  })
}

function dead (entry: Entry): Entry {
  entry.live = false
  return entry
}

test('flushes of one incarnation share an item, so that their number costs nothing', t => {
  const log = new ShardLog()
  for (let i = 0; i < 500; i++) log.append(runsOf(7, i * 2, i * 2 + 2, entriesAt(7, i * 2, i * 2 + 1)))
  t.is(log.doc.store.clients.get(7)?.length, 1)
  t.is(log.live(7, 0).length, 1000)
})

test('incarnations that take turns do not disturb each other', t => {
  const log = new ShardLog()
  for (let i = 0; i < 300; i++) for (const incarnation of [9, 3, 0xffffffff, 5]) log.append(runsOf(incarnation, i, i + 1, entriesAt(incarnation, i)))
  for (const incarnation of [9, 3, 0xffffffff, 5]) t.is(log.live(incarnation, 100).length, 200)
  t.is(log.doc.store.pendingStructs, null)
  t.is(log.doc.getArray(ROOT).length, 1200)
})
