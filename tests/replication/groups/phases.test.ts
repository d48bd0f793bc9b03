/** The table of phases: the ways a group can go, and that no other leads out of a phase. */
import test from 'ava'
import { after, isGoing, isProven, PHASES, type GroupEvent,
  type GroupState } from '../../../replication/groups/phases.js'

const EVENTS: readonly GroupEvent[] = ['restored', 'owned', 'disowned', 'proven', 'cut-off',
  'handed-over']

const follow = (...events: GroupEvent[]): string[] => {
  let state: GroupState = { phase: 'dropped' }
  return events.map(event => (state = after(state, event)).phase)
}

test('a group goes from dropped over syncing, ready and leaving back to dropped', t => {
  t.deepEqual(follow('owned', 'proven', 'disowned', 'handed-over'), [
    'syncing',
    'ready',
    'leaving',
    'dropped'
  ])
})

test('a group that the store had is a stray until placement names this node an owner', t => {
  t.deepEqual(follow('restored', 'disowned', 'owned', 'restored', 'disowned', 'handed-over'), [
    'stray',
    'stray',
    'syncing',
    'syncing',
    'stray',
    'dropped'
  ])
})

test('a group that was cut off is unproven until it is exchanged (SPEC R19)', t => {
  t.deepEqual(follow('owned', 'cut-off', 'proven', 'cut-off', 'cut-off', 'proven'), [
    'syncing',
    'syncing',
    'ready',
    'stale',
    'stale',
    'ready'
  ])
  t.is(follow('owned', 'proven', 'cut-off', 'disowned').at(-1), 'stray')
  t.is(follow('owned', 'proven', 'disowned', 'cut-off').at(-1), 'stray')
})

test('a group that leaves keeps its proof, and one without gets none by leaving', t => {
  t.deepEqual(follow('owned', 'proven', 'disowned', 'owned'), [
    'syncing',
    'ready',
    'leaving',
    'ready'
  ])
  t.deepEqual(follow('owned', 'disowned', 'proven', 'owned'), [
    'syncing',
    'stray',
    'stray',
    'syncing'
  ])
})

test('a group is never dropped unproved', t => {
  for (const phase of ['ready', 'dropped'] as const) {
    t.is(after({ phase }, 'handed-over').phase, phase)
  }
  t.is(follow('owned', 'handed-over').at(-1), 'syncing')
  t.is(follow('owned', 'proven', 'cut-off', 'handed-over').at(-1), 'stale')
})

test('only ready and leaving replicas are proven (SPEC R18)', t => {
  t.deepEqual(PHASES.filter(isProven), ['ready', 'leaving'])
  t.deepEqual(PHASES.filter(isGoing), ['leaving', 'stray'])
  t.false(isProven(undefined))
})

test('an event that changes nothing returns the very state, with what it remembers', t => {
  const state: GroupState = {
    phase: 'syncing',
    heard: new Set(['b']),
    told: new Set(),
    isQuiet: true
  }
  for (const event of EVENTS) {
    const now = after(state, event)
    if (now.phase === 'syncing') t.is(now, state)
  }
})

test('a group that begins to sync again has heard nobody', t => {
  const syncing = after({ phase: 'stray' }, 'owned')
  t.deepEqual(syncing, { phase: 'syncing', heard: new Set(), told: new Set(), isQuiet: false })
})
