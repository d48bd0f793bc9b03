import test from 'ava'
import { Entry } from '../../../engine/record/entry.js'
import { runFrom, runsOf } from '../../../engine/log/run.js'

const entriesAt = (...clocks: number[]): Entry[] =>
  clocks.map(clock => new Entry(`k${clock}`, clock, clock, { a: 1 }, false, 7, clock))
const shape = (start: number, end: number, ...clocks: number[]): string =>
  runsOf(7, start, end, entriesAt(...clocks))
    .map(run =>
      `${run.clock}+${run.length}${
        run.entries === null ? ' dead' : ` ${run.entries.map(entry => entry.clock).join(',')}`
      }`
    ).join(' | ')

test('runs cover the whole span, live and superseded ones in turn', t => {
  t.is(shape(0, 0), '')
  t.is(shape(0, 3), '0+3 dead')
  t.is(shape(0, 3, 0, 1, 2), '0+3 0,1,2')
  t.is(shape(0, 6, 1, 2, 5), '0+1 dead | 1+2 1,2 | 3+2 dead | 5+1 5')
  t.is(shape(4, 9, 4, 6), '4+1 4 | 5+1 dead | 6+1 6 | 7+2 dead')
})

test('the part of a run above a clock keeps its entries in place', t => {
  const [run] = runsOf(7, 3, 6, entriesAt(3, 4, 5))
  if (run === undefined) return t.fail()
  t.is(runFrom(run, 0), run)
  t.is(runFrom(run, 3), run)
  t.deepEqual(runFrom(run, 5), {
    incarnation: 7,
    clock: 5,
    length: 1,
    entries: run.entries?.slice(2)
  })
  t.is(runFrom(run, 6), null)
  t.deepEqual(runFrom({ incarnation: 7, clock: 0, length: 10, entries: null }, 4), {
    incarnation: 7,
    clock: 4,
    length: 6,
    entries: null
  })
  return undefined
})
