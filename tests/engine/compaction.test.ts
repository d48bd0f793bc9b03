import test from 'ava'
import * as Y from 'yjs'
import { Compaction } from '../../engine/compaction.js'
import { Entry } from '../../engine/entry.js'
import { ShardLog } from '../../engine/log.js'
import { runsOf } from '../../engine/run.js'
import { ROOT } from '../../engine/update.js'

const range = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, i) => start + i)

function entriesAt (incarnation: number, ...clocks: number[]): Entry[] {
  return clocks.map(clock => new Entry(`k${clock}`, clock, clock, { a: 1 }, false, incarnation, clock))
}

/** A log of [0, end) of which only the entries at `clocks` are live. */
function logOf (incarnation: number, end: number, clocks: readonly number[]): { log: ShardLog, live: Entry[] } {
  const log = new ShardLog()
  const entries = entriesAt(incarnation, ...range(0, end))
  log.append(runsOf(incarnation, 0, end, entries))
  const kept = new Set(clocks)
  for (const entry of entries) if (!kept.has(entry.clock)) log.bury(entry)
  return { log, live: entries.filter(entry => kept.has(entry.clock)) }
}

// Few and many entries between two live ones: short runs of superseded entries stay as holes, long ones become items.
for (const gap of [1, 2, 31, 32, 33, 500]) {
  for (const slice of [1, 7, 100, Infinity]) {
    test(`compaction with ${gap} superseded entries between two live ones, in slices of ${slice}, changes nothing but memory (SPEC E12)`, t => {
      const end = 41 * (gap + 1)
      const { log, live } = logOf(7, end, range(1, 40).map(i => i * (gap + 1)))
      log.append(runsOf(3, 0, 5, []))
      const compaction = new Compaction(log)
      let steps = 1
      while (!compaction.step(slice)) steps++
      if (slice === 1) t.true(steps > 40)
      const { fresh } = compaction
      t.deepEqual(fresh.stateVector, log.stateVector)
      t.deepEqual(Y.decodeStateVector(Y.encodeStateVector(fresh.doc)), new Map([[7, end], [3, 5]]))
      for (const from of [0, 1, gap, gap + 1, gap + 2, end - gap, end - 1]) {
        t.deepEqual(fresh.live(7, from), live.filter(entry => entry.clock >= from), `from ${from}`)
      }
      fresh.append(runsOf(7, end, end + 1, entriesAt(7, end)))
      t.deepEqual(fresh.live(7, end - 1).map(entry => entry.clock), [end])
      t.true(fresh.doc.getArray(ROOT).length <= 40 * 33, 'a live entry keeps a bounded number of holes')
    })
  }
}

test('what happens to the old log while it is copied happens to the fresh one (SPEC E12)', t => {
  const { log, live } = logOf(7, 3000, range(0, 1000).map(i => i * 3))
  const compaction = new Compaction(log)
  const left = new Set(live)
  let clock = 3000
  for (let step = 0; !compaction.step(100); step++) {
    for (const victim of [live[step], live[999 - step]] as Entry[]) {
      log.bury(victim)
      compaction.bury(victim)
      left.delete(victim)
    }
    const added = entriesAt(7, clock, clock + 1)
    log.append(runsOf(7, clock, clock + 2, added))
    for (const entry of added) left.add(entry)
    clock += 2
    log.append(runsOf(9 + step, 0, 1, entriesAt(9 + step, 0)))
  }
  t.deepEqual(compaction.fresh.live(7, 0), [...left])
  t.deepEqual(compaction.fresh.stateVector, log.stateVector)
  t.true(compaction.holes > 10)
})
