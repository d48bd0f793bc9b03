/** The table of phases: the ways a group can go, and that no other leads out of a phase. */
import test from 'ava'
import { after, type GroupEvent, type GroupState } from '../../../replication/groups/phases.js'

const EVENTS: readonly GroupEvent[] = ['restored', 'owned', 'disowned', 'fetched', 'alone',
  'handed-over']

const follow = (...events: GroupEvent[]): string[] => {
  let state: GroupState = { phase: 'dropped' }
  return events.map(event => (state = after(state, event)).phase)
}

test('a group goes from dropped over syncing, ready and leaving back to dropped', t => {
  t.deepEqual(follow('owned', 'fetched', 'disowned', 'handed-over'), [
    'syncing',
    'ready',
    'leaving',
    'dropped'
  ])
  t.deepEqual(follow('owned', 'alone'), ['syncing', 'ready'])
})

test('a group that the store had is leaving until placement names this node an owner', t => {
  t.deepEqual(follow('restored', 'disowned', 'owned', 'restored', 'disowned'), [
    'leaving',
    'leaving',
    'syncing',
    'syncing',
    'leaving'
  ])
})

test('a group that leaves is not ready for having been fetched, and never dropped unproved', t => {
  t.deepEqual(follow('owned', 'disowned', 'fetched', 'alone'), [
    'syncing',
    'leaving',
    'leaving',
    'leaving'
  ])
  for (const phase of ['ready', 'dropped'] as const) {
    t.is(after({ phase }, 'handed-over').phase, phase)
  }
  t.is(follow('owned', 'handed-over').at(-1), 'syncing')
})

test('an event that changes nothing returns the very state, with what it remembers', t => {
  const state: GroupState = { phase: 'syncing', heard: new Set(['b']) }
  for (const event of EVENTS) {
    const now = after(state, event)
    if (now.phase === 'syncing') t.is(now, state)
  }
})

test('a group that begins to sync again has heard nobody', t => {
  const syncing = after({ phase: 'leaving' }, 'owned')
  t.deepEqual(syncing, { phase: 'syncing', heard: new Set() })
})
