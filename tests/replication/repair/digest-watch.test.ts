/** When a difference between the digests of two replicas is worth an exchange. */
import test from 'ava'
import { intervals } from '../../../engine/timing.js'
import type { HeldGroup } from '../../../replication/membership/heartbeat.js'
import { DigestWatch } from '../../../replication/repair/digest-watch.js'

const theirs = (root: string): HeldGroup => ({ sequence: 1, root, cursorRoot: '', phase: 'ready' })

/** Takes heartbeats that show this root, beside our own. @returns those that call for a repair */
function beats (watch: DigestWatch, count: number, root = 'x', own = 'y'): number[] {
  const found = []
  for (let beat = 1; beat <= count; beat++) {
    if (watch.differs('p', 0, theirs(root), own, '')) found.push(beat)
  }
  return found
}

test('a difference that stands still for two heartbeats is repaired (SPEC R4)', t => {
  t.deepEqual(beats(new DigestWatch(), 2), [2])
})

test('equal digests are no difference, and forget an earlier one', t => {
  const watch = new DigestWatch()
  t.deepEqual(beats(watch, 1), [])
  t.deepEqual(beats(watch, 1, 'x', 'x'), [])
  t.deepEqual(beats(watch, 1), [])
})

test('a difference that a repair left as it was is repaired seldom', t => {
  const watch = new DigestWatch()
  const seldom = intervals.movingBeats
  t.deepEqual(beats(watch, 2 + 2 * seldom), [2, 2 + seldom, 2 + 2 * seldom])
})

test('after a repair that failed the difference is repaired as before (SPEC R4)', t => {
  const watch = new DigestWatch()
  t.deepEqual(beats(watch, 3), [2])
  watch.repairFailed('p')
  t.deepEqual(beats(watch, 2).length, 1)
})

test('another difference is repaired within two heartbeats, whatever came before (SPEC R4)', t => {
  const watch = new DigestWatch()
  beats(watch, 5)
  t.deepEqual(beats(watch, 2, 'z'), [2])
})

test('a difference that keeps moving is repaired now and then', t => {
  const watch = new DigestWatch()
  const found = []
  for (let beat = 1; beat <= 2 * intervals.movingBeats; beat++) {
    if (watch.differs('p', 0, theirs(`x${beat}`), 'y', '')) found.push(beat)
  }
  t.deepEqual(found, [intervals.movingBeats, 2 * intervals.movingBeats])
})
