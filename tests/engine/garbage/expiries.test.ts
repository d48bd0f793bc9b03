/** The entries that are due, and how many of them at once. */
import test from 'ava'
import { NO_CLAIMS } from '../../../engine/fields/claims.js'
import { Entry, NO_FIELDS } from '../../../engine/record/entry.js'
import { Expiries } from '../../../engine/garbage/expiries.js'
import { limits } from '../../../engine/limits.js'

const expiring = (key: string, expires: number): Entry =>
  new Entry(key, 1, 1, { n: 1 }, false, 1, 0, { expires, late: 0, claims: NO_CLAIMS })

test('entries are due from their time on, until they are taken out', t => {
  const expiries = new Expiries(limits)
  const [early, late, never] = [expiring('early', 10), expiring('late', 20), expiring('never', 0)]
  for (const entry of [late, never, early]) expiries.add(entry)
  t.deepEqual(expiries.due(9), [])
  t.deepEqual(expiries.due(10), [early])
  expiries.delete(early)
  t.deepEqual(expiries.due(19), [])
  t.deepEqual(expiries.due(1e9), [late])
})

test('replacements without fields are not due, however many, and delay nobody (SPEC B1)', t => {
  const expiries = new Expiries(limits)
  const emptied = Array.from(
    { length: limits.maxExpiredPerSweep + 5 },
    (_, i) => expiring(`k${i}`, 10)
  )
  const last = expiring('last', 10)
  for (const entry of [...emptied, last]) expiries.add(entry)
  for (const entry of emptied) entry.fields = NO_FIELDS
  t.deepEqual(expiries.due(10), [last])
})

test('an entry that was due and could not be unset is due again (SPEC C10)', t => {
  const expiries = new Expiries(limits)
  const entry = expiring('k', 10)
  expiries.add(entry)
  t.deepEqual(expiries.due(10), [entry])
  t.deepEqual(expiries.due(11), [entry])
  expiries.delete(entry)
  t.deepEqual(expiries.due(12), [])
})

test('a sweep is handed no more expiries than it may write, the rest next time (SPEC B1)', t => {
  const expiries = new Expiries(limits)
  const entries = Array.from(
    { length: limits.maxExpiredPerSweep + 5 },
    (_, i) => expiring(`k${i}`, 10)
  )
  for (const entry of entries) expiries.add(entry)
  const first = expiries.due(10)
  t.is(first.length, limits.maxExpiredPerSweep)
  for (const entry of first) expiries.delete(entry)
  t.deepEqual(expiries.due(10), entries.slice(limits.maxExpiredPerSweep))
})
