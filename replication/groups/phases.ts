/**
 * The phases of a placement group at one node, and which event takes it from which phase to which.
 *
 *                     +--------- owned --------+
 *                     v                        |
 *   dropped -----> syncing -----> ready -----> leaving -----> dropped
 *           owned          fetched,   disowned         handed-over
 *                          alone
 *
 *   dropped --restored--> leaving        syncing --disowned--> leaving
 *
 *   dropped   the node holds nothing of the group, or no longer does
 *   syncing   deltas, polls, commits and writes of whole values are taken. Gets, scans and queries
 *             are refused, for a record that is lacking here may exist. Operations that enter here
 *             are passed on: their meaning depends on entries that may be lacking
 *   ready     everything works
 *   leaving   everything still works; the group is given up when each of its owners has proved that
 *             it covers the state here, so the last copy is never dropped
 *
 * The table names every event in every phase. A phase or an event that is added does not compile
 * before each of its cells says what happens.
 */

/** Phases of groups that are held, as heartbeats name them. */
export const PHASES = ['syncing', 'ready', 'leaving'] as const
export type Phase = typeof PHASES[number]

/** A group at this node, with what its phase has to remember. */
export type GroupState =
  | { readonly phase: 'dropped' }
  | {
    readonly phase: 'syncing',
    /** Peers heard since it began to sync: what they said before may be older than that. */
    readonly heard: Set<string>
  }
  | { readonly phase: 'ready' }
  | { readonly phase: 'leaving' }

export type HeldState = Exclude<GroupState, { phase: 'dropped' }>

export type GroupEvent =
  /** The store of an earlier life of this node had something of the group. */
  | 'restored'
  /** Placement names this node among the owners. */
  | 'owned'
  /** Placement names other owners only. */
  | 'disowned'
  /** Everything was fetched from a node that holds the group. */
  | 'fetched'
  /** Every peer was heard, and none of them has more of the group than this node. */
  | 'alone'
  /** Every owner proved that it has all that is here. */
  | 'handed-over'

type PhaseName = GroupState['phase']

const AFTER: { readonly [phase in PhaseName]: { readonly [event in GroupEvent]: PhaseName } } = {
  dropped: {
    restored: 'leaving',
    owned: 'syncing',
    disowned: 'dropped',
    fetched: 'dropped',
    alone: 'dropped',
    'handed-over': 'dropped'
  },
  syncing: {
    restored: 'syncing',
    owned: 'syncing',
    disowned: 'leaving',
    fetched: 'ready',
    alone: 'ready',
    'handed-over': 'syncing'
  },
  ready: {
    restored: 'ready',
    owned: 'ready',
    disowned: 'leaving',
    fetched: 'ready',
    alone: 'ready',
    'handed-over': 'ready'
  },
  leaving: {
    restored: 'leaving',
    owned: 'syncing',
    disowned: 'leaving',
    fetched: 'leaving',
    alone: 'leaving',
    'handed-over': 'dropped'
  }
}

const BEGUN: { readonly [phase in PhaseName]: () => Extract<GroupState, { phase: phase }> } = {
  dropped: () => ({ phase: 'dropped' }),
  syncing: () => ({ phase: 'syncing', heard: new Set() }),
  ready: () => ({ phase: 'ready' }),
  leaving: () => ({ phase: 'leaving' })
}

/**
 * Whether a replica in this phase has all that was acknowledged: only such a one may say "not
 * found", or take an operation, whose meaning depends on entries that another would lack.
 */
export function isProven (phase: Phase | undefined): boolean {
  return phase === 'ready' || phase === 'leaving'
}

/** The state after the event; the same object when the event changes nothing. */
export function after (state: GroupState, event: GroupEvent): GroupState {
  const phase = AFTER[state.phase][event]
  return phase === state.phase ? state : BEGUN[phase]()
}
