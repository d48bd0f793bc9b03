import test from 'ava'
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

test('a superseded entry leaves a hole that is passed over', t => {
  const log = new ShardLog()
  const live = entriesAt(7, 0, 1, 2)
  log.append(runsOf(7, 0, 3, live))
  log.bury(live[1] as Entry)
  t.deepEqual(log.live(7, 0).map(entry => entry.clock), [0, 2])
})

test('a walk stops when it is told to', t => {
  const log = new ShardLog()
  log.append(runsOf(7, 0, 100, entriesAt(7, ...range(0, 100))))
  const visited: number[] = []
  log.eachLive(7, 10, entry => visited.push(entry.clock) < 3)
  t.deepEqual(visited, [10, 11, 12])
})

test('a stretch is as long as it is asked to be, and as the log is', t => {
  const log = new ShardLog()
  log.append(runsOf(7, 0, 1000, entriesAt(7, ...range(0, 200), ...range(900, 1000))))
  t.deepEqual(log.stretch(7, 50, 20), { runs: runsOf(7, 50, 70, log.live(7, 50).slice(0, 20)), end: 70 })
  t.is(log.stretch(7, 150, 51).end, 900, 'a run of superseded entries counts as one slot')
  t.is(log.stretch(7, 150, 60).end, 909)
  t.is(log.stretch(7, 150, Infinity).end, 1000)
})

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
