/**
 * Seeds that once showed a bug of the product, with the bug in words. They run with the tests, as
 * they were found. A change of the swarm gives a seed another world; then the line still names the
 * bug, and a scenario or a unit test has to show it.
 */
export interface Regression {
  readonly seed: number
  readonly what: string
}

export const REGRESSIONS: readonly Regression[] = [
  { seed: 1, what: 'Batches of a group that its sender had given up counted as lag for ever.' },
  {
    seed: 2,
    what: 'A retry that had lost to its own first copy was dead where it was taken and alive on ' +
      'other replicas.'
  },
  {
    seed: 3,
    what:
      'Two committed cursors, joined by the greater clocks, covered a record of which the group ' +
      'was only ever shown pieces.'
  },
  {
    seed: 5,
    what: 'A lost hint was never noticed while the rest of its placement group kept changing.'
  },
  { seed: 12, what: 'A buffered delete and its retry tied, and both stayed.' },
  { seed: 18, what: 'A batch replayed on the subject of another cluster was merged there.' },
  {
    seed: 20,
    what:
      'A peer that was reset kept the parts of entries that dropped tombstones had taken from ' +
      'them elsewhere.'
  },
  {
    seed: 32,
    what: 'A node that had started with its clock a day ahead told consumers what had ended, ' +
      'before it heard another node.'
  },
  {
    seed: 51,
    what:
      'A consumer whose cursor was ahead of both replicas went from one to the other and back ' +
      'without a pause.'
  },
  {
    seed: 61,
    what:
      'A write was refused at its second owner, and its writer told that nothing had changed, ' +
      'though the first one had taken it.'
  },
  {
    seed: 567,
    what: 'A node gave up its stored copy of a group for one that another node held in memory only.'
  },
  {
    seed: 567,
    what:
      'A deleted counter went on from its old total, because a tombstone of another record was ' +
      'dated ahead.'
  },
  {
    seed: 750,
    what: 'Of two processes under one name the wrong one answered, and batches that were missing ' +
      'counted as merged.'
  },
  {
    seed: 967,
    what: 'A write was refused as dated too far ahead, and taken all the same when the network ' +
      'delivered it again after the clock had caught up.'
  }
]
