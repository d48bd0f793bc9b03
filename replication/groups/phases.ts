/**
 * The phases of a placement group at one node, and which event takes it from which phase to which.
 *
 *                    owned             proven
 *     dropped ----------------> syncing ----> ready <-----------+
 *        |                       ^ |          |  ^ |            | owned
 *        | restored        owned | | disowned |  | | disowned   |
 *        v                       | v          |  | +--------> leaving ---> dropped
 *       stray -------------------+ stray      |  | proven       |   handed-over
 *        |  handed-over                cut-off v  |              | cut-off
 *        +---------> dropped                  stale             v
 *                                               +--disowned-> stray
 *
 *   dropped   the node holds nothing of the group, or no longer does
 *   syncing   an owner that may lack something. Deltas, polls, commits and writes of whole values
 *             are taken. Gets, scans and queries are refused, for a record that is lacking here may
 *             exist. Operations are refused and passed on: their meaning depends on entries that
 *             may be lacking
 *   ready     proven: the node has all that was acknowledged before; everything works
 *   stale     was ready, and met a holder again of which it had not heard for longer than the
 *             failure timeout: each may have taken what the other lacks. As syncing, until the
 *             node has exchanged with that holder
 *   leaving   proven, and no longer an owner. Everything still works; the group is given up when
 *             each of its owners has proved that it covers the state here, so the last copy is
 *             never dropped
 *   stray     as leaving, and may lack something: refuses what syncing refuses
 *
 * The table names every event in every phase. A phase or an event that is added does not compile
 * before each of its cells says what happens.
 */

/** Phases of groups that are held. */
export const PHASES = ['syncing', 'ready', 'stale', 'leaving', 'stray'] as const
export type Phase = typeof PHASES[number]

/** A group at this node, with what its phase has to remember. */
export type GroupState =
  | { readonly phase: 'dropped' }
  | {
    readonly phase: 'syncing',
    /** Peers heard since it began to sync: what they said before may be older than that. */
    readonly heard: Set<string>,
    /** Peers that said since then which stores had it and are gone. */
    readonly told: Set<string>,
    /** Whether it was found since then that nobody is there who is not heard. */
    isQuiet: boolean
  }
  | { readonly phase: 'ready' }
  | {
    readonly phase: 'stale',
    /** Holders that were met again, and have not been exchanged with since. */
    readonly apart: Set<string>
  }
  | { readonly phase: 'leaving' }
  | { readonly phase: 'stray' }

export type HeldState = Exclude<GroupState, { phase: 'dropped' }>

export type GroupEvent =
  /** The store of an earlier life of this node had something of the group. */
  | 'restored'
  /** Placement names this node among the owners. */
  | 'owned'
  /** Placement names other owners only. */
  | 'disowned'
  /** All that was acknowledged is here. */
  | 'proven'
  /** A proven holder was met again that had not been heard for longer than the failure timeout. */
  | 'cut-off'
  /** Every owner proved that it has all that is here. */
  | 'handed-over'

type PhaseName = GroupState['phase']

const AFTER: { readonly [phase in PhaseName]: { readonly [event in GroupEvent]: PhaseName } } = {
  dropped: {
    restored: 'stray',
    owned: 'syncing',
    disowned: 'dropped',
    proven: 'dropped',
    'cut-off': 'dropped',
    'handed-over': 'dropped'
  },
  syncing: {
    restored: 'syncing',
    owned: 'syncing',
    disowned: 'stray',
    proven: 'ready',
    'cut-off': 'syncing',
    'handed-over': 'syncing'
  },
  ready: {
    restored: 'ready',
    owned: 'ready',
    disowned: 'leaving',
    proven: 'ready',
    'cut-off': 'stale',
    'handed-over': 'ready'
  },
  stale: {
    restored: 'stale',
    owned: 'stale',
    disowned: 'stray',
    proven: 'ready',
    'cut-off': 'stale',
    'handed-over': 'stale'
  },
  leaving: {
    restored: 'leaving',
    owned: 'ready',
    disowned: 'leaving',
    proven: 'leaving',
    'cut-off': 'stray',
    'handed-over': 'dropped'
  },
  stray: {
    restored: 'stray',
    owned: 'syncing',
    disowned: 'stray',
    proven: 'stray',
    'cut-off': 'stray',
    'handed-over': 'dropped'
  }
}

const BEGUN: { readonly [phase in PhaseName]: () => Extract<GroupState, { phase: phase }> } = {
  dropped: () => ({ phase: 'dropped' }),
  syncing: () => ({ phase: 'syncing', heard: new Set(), told: new Set(), isQuiet: false }),
  ready: () => ({ phase: 'ready' }),
  stale: () => ({ phase: 'stale', apart: new Set() }),
  leaving: () => ({ phase: 'leaving' }),
  stray: () => ({ phase: 'stray' })
}

/**
 * Whether a replica in this phase has all that was acknowledged: only such a one may say "not
 * found", or take an operation, whose meaning depends on entries that another would lack.
 */
export function isProven (phase: Phase | undefined): boolean {
  return phase === 'ready' || phase === 'leaving'
}

/** Whether the group is to be handed over to its owners. */
export function isGoing (phase: Phase | undefined): boolean {
  return phase === 'leaving' || phase === 'stray'
}

/** The state after the event; the same object when the event changes nothing. */
export function after (state: GroupState, event: GroupEvent): GroupState {
  const phase = AFTER[state.phase][event]
  return phase === state.phase ? state : BEGUN[phase]()
}
