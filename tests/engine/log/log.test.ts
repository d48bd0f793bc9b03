import { limits } from '../../../engine/limits.js'
import test from 'ava'
import * as Y from 'yjs'
import { Entry } from '../../../engine/record/entry.js'
import { ShardLog } from '../../../engine/log/log.js'
import { runsOf } from '../../../engine/log/run.js'
import { ROOT } from '../../../engine/log/update.js'

function entriesAt (incarnation: number, ...clocks: number[]): Entry[] {
  return clocks.map(clock =>
    new Entry(`k${clock}`, clock, clock, { a: 1 }, false, incarnation, clock)
  )
}

const range = (start: number, end: number): number[] =>
  Array.from({ length: end - start }, (_, i) => start + i)

test('runs are appended where their incarnation ends, and nowhere else', t => {
  const log = new ShardLog(limits)
  log.append(runsOf(7, 0, 3, entriesAt(7, 0, 1)))
  t.is(log.end(7), 3)
  t.is(log.end(8), 0)
  for (const clock of [0, 2, 4]) {
    t.throws(() => log.append(runsOf(7, clock, clock + 1, [])), { message: /which ends at 3/ })
  }
  t.is(log.end(7), 3)
})

test('the live entries of an incarnation come in order, from any clock on', t => {
  const log = new ShardLog(limits)
  const live = entriesAt(7, 1, 2, 5)
  log.append(runsOf(7, 0, 4, live.slice(0, 2)))
  log.append(runsOf(7, 4, 8, live.slice(2)))
  log.append(runsOf(9, 0, 1, entriesAt(9, 0)))
  for (let from = 0; from < 10; from++) {
    t.deepEqual(
      log.live(7, from),
      live.filter(entry => entry.clock >= from),
      `from ${from}`
    )
  }
  t.is(log.live(9, 0).length, 1)
  t.deepEqual(log.live(1, 0), [])
})

test('a superseded entry leaves a hole that is passed over', t => {
  const log = new ShardLog(limits)
  const live = entriesAt(7, 0, 1, 2)
  log.append(runsOf(7, 0, 3, live))
  log.bury(live[1] as Entry)
  t.deepEqual(log.live(7, 0).map(entry => entry.clock), [0, 2])
})

test('a walk stops when it is told to', t => {
  const log = new ShardLog(limits)
  log.append(runsOf(7, 0, 100, entriesAt(7, ...range(0, 100))))
  const visited: number[] = []
  log.eachLive(7, 10, entry => visited.push(entry.clock) < 3)
  t.deepEqual(visited, [10, 11, 12])
})

test('flushes of one incarnation share an item, so that their number costs nothing', t => {
  const log = new ShardLog(limits)
  for (let i = 0; i < 500; i++) {
    log.append(runsOf(7, i * 2, i * 2 + 2, entriesAt(7, i * 2, i * 2 + 1)))
  }
  t.is(log.doc.store.clients.get(7)?.length, 1)
  t.is(log.live(7, 0).length, 1000)
})

test('incarnations that take turns do not disturb each other', t => {
  const log = new ShardLog(limits)
  for (let i = 0; i < 300; i++) {
    for (const incarnation of [9, 3, 0xffffffff, 5]) {
      log.append(runsOf(incarnation, i, i + 1, entriesAt(incarnation, i)))
    }
  }
  for (const incarnation of [9, 3, 0xffffffff, 5]) t.is(log.live(incarnation, 100).length, 200)
  t.is(log.doc.store.pendingStructs, null)
  t.is(log.doc.getArray(ROOT).length, 1200)
  for (const items of log.doc.store.clients.values()) t.is(items.length, 1)
})

test('runs in turn live and superseded share an item, in which the latter have no place', t => {
  const log = new ShardLog(limits)
  for (let from = 0; from < 1000; from += 100) {
    log.append(runsOf(7, from, from + 100, entriesAt(7, ...range(from + 10, from + 20), from + 50)))
  }
  t.is(log.doc.store.clients.get(7)?.length, 1)
  t.is(log.doc.getArray(ROOT).length, 1000)
  t.is(log.holes, 0)
  t.is(log.live(7, 0).length, 110)
  t.deepEqual(
    log.doc.getArray(ROOT).toArray().filter(value => value !== undefined),
    log.live(7, 0),
    'Yjs sees the same'
  )
  t.deepEqual(Y.decodeStateVector(Y.encodeStateVector(log.doc)), new Map(log.stateVector))
})

test('superseded entries are counted until they are taken out (SPEC E12)', t => {
  const log = new ShardLog(limits)
  const entries = [...entriesAt(7, ...range(0, 10)), ...entriesAt(9, ...range(0, 10))]
  log.append([...runsOf(7, 0, 10, entries.slice(0, 10)), ...runsOf(9, 0, 10, entries.slice(10))])
  for (const entry of [entries[3], entries[4], entries[15]] as Entry[]) t.is(log.bury(entry), 0)
  t.is(log.holes, 3)
  t.is(log.pack(), 3)
  t.is(log.holes, 0)
  t.deepEqual(log.live(7, 0).length + log.live(9, 0).length, 17)
})

test('an incarnation that is forgotten leaves nothing behind, and may come back (SPEC E22)', t => {
  for (const forgotten of [[3], [5], [7], [9], [3, 9], [5, 7], [3, 5, 7, 9]]) {
    const log = new ShardLog(limits)
    for (const incarnation of [5, 9, 3, 7]) {
      log.append(runsOf(incarnation, 0, 10, incarnation === 5 ? [] : entriesAt(incarnation, 4)))
    }
    for (const incarnation of forgotten) log.forget(incarnation)
    const others = [3, 5, 7, 9].filter(each => !forgotten.includes(each))
    for (let i = 0; i < 3; i++) {
      for (const incarnation of others) {
        log.append(runsOf(incarnation, 10 + i, 11 + i, entriesAt(incarnation, 10 + i)))
      }
    }
    t.is(log.doc.getArray(ROOT).length, others.length * 13)
    t.is(log.doc.getArray(ROOT).toArray().length, others.length * 13)
    for (const incarnation of forgotten) {
      t.is(log.end(incarnation), 0)
      t.false(log.hasLive(incarnation))
      log.append(runsOf(incarnation, 0, 12, entriesAt(incarnation, 11)))
    }
    for (const incarnation of [3, 5, 7, 9]) {
      t.is(log.live(incarnation, 10).length, forgotten.includes(incarnation) ? 1 : 3)
    }
    t.is(log.doc.getArray(ROOT).toArray().length, others.length * 13 + forgotten.length * 12)
    for (const items of log.doc.store.clients.values()) t.is(items.length, 1)
  }
})
