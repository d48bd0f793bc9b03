/**
 * The inbox: a position moves only over what was merged, and only what was merged is confirmed
 * (SPEC R3).
 */
import test from 'ava'
import type { CommittedCursors } from '../../../storage/committed-cursors.js'
import type { MergeResult } from '../../../engine/shard.js'
import { Topology } from '../../../engine/topology/topology.js'
import { Inbox } from '../../../replication/deltas/inbox.js'
import type { DeltaBatch } from '../../../replication/deltas/outbox.js'

const NO_CURSORS = { merge: () => {} } as unknown as CommittedCursors
const MERGED: MergeResult = { outcome: 'merged', entries: 1, maxVersion: 1 }

function open (outcomeOf: (delta: Uint8Array) => MergeResult = () => MERGED) {
  const confirmed: number[] = []
  const wantedOfStore: number[] = []
  const missing: number[] = []
  const merged: number[] = []
  const inbox = new Inbox({ cache: 'prices', onEvent: () => {} }, {
    held: { has: group => group === 0 },
    shards: {
      topology: new Topology({ shards: 4, groups: 2 }),
      cursors: NO_CURSORS,
      merge: (shard, delta) => {
        merged.push(shard)
        return outcomeOf(delta)
      }
    },
    rest: { gap: () => {} },
    confirmations: {
      send: (_, __, ___, sequence) => {
        confirmed.push(sequence)
      }
    },
    stored: {
      want: (_, __, ___, sequence) => {
        wantedOfStore.push(sequence)
      }
    }
  })
  const receive = (group: number, value: DeltaBatch): void => {
    if (inbox.receive('b', group, value)) missing.push(group)
  }
  return { inbox, receive, confirmed, wantedOfStore, missing, merged }
}

const batch = (sequence: number, delta = 1, shard = 0): DeltaBatch => ({
  incarnation: 7,
  sequence,
  ack: true,
  deltas: [[shard, Uint8Array.of(delta)]],
  cursors: []
})

test('batches in order are merged and confirmed one by one (SPEC R3)', t => {
  const { receive, confirmed, missing } = open()
  for (const sequence of [1, 2, 3]) receive(0, batch(sequence))
  t.deepEqual(confirmed, [1, 2, 3])
  t.deepEqual(missing, [])
})

test('the store is asked once a batch that wants it is merged, also where it comes again', t => {
  const { receive, confirmed, wantedOfStore } = open()
  receive(0, batch(1))
  receive(0, { ...batch(3), store: true })
  t.deepEqual([confirmed, wantedOfStore], [[1], []])
  receive(0, batch(2))
  receive(0, batch(3))
  t.deepEqual([confirmed, wantedOfStore], [[1, 3], [3]])
  receive(0, { ...batch(3), store: true })
  t.deepEqual([confirmed, wantedOfStore], [[1, 3, 3], [3, 3]])
})

test('a batch behind a missing one is merged, but confirmed only when both are (SPEC R3)', t => {
  const { inbox, receive, confirmed, missing } = open()
  receive(0, batch(1))
  receive(0, batch(3))
  t.deepEqual(confirmed, [1])
  t.deepEqual(missing, [0])
  t.deepEqual(inbox.missing('b', 7, 0), { state: 'from', sequence: 2 })
  inbox.merge('b', 0, batch(2))
  inbox.merge('b', 0, batch(3))
  t.deepEqual(confirmed, [1, 3])
  t.deepEqual(inbox.missing('b', 7, 0), { state: 'none' })
  t.deepEqual(inbox.missing('b', 7, 1), { state: 'unknown' })
})

for (const outcome of [{ outcome: 'gap' }, { outcome: 'refused', reason: 'test' }] as const) {
  const fate = outcome.outcome === 'gap' ? 'behind a gap' : 'refused'
  test(`a batch whose delta is ${fate} is not confirmed (SPEC R3)`, t => {
    const { inbox, receive, confirmed, missing } = open(delta => delta[0] === 9 ? outcome : MERGED)
    receive(0, batch(1, 9))
    t.deepEqual(confirmed, [])
    t.deepEqual(missing, [0])
    inbox.caughtUp('b', 7, 0, 1)
    t.deepEqual(confirmed, [1])
  })
}

test('a delta of a shard that is not in the group is not merged (SPEC R10)', t => {
  const { receive, confirmed, merged } = open()
  receive(0, batch(1, 1, 1))
  t.deepEqual(merged, [])
  t.deepEqual(confirmed, [])
})

test('a batch of a group that is not held is passed over', t => {
  const { receive, merged, missing } = open()
  receive(5, batch(1))
  t.deepEqual(merged, [])
  t.deepEqual(missing, [])
})

test('a new life of a peer starts a new count', t => {
  const { inbox, receive, confirmed } = open()
  receive(0, batch(1))
  receive(0, { ...batch(1), incarnation: 8 })
  t.deepEqual(confirmed, [1, 1])
  t.is(inbox.lag, 0)
})
