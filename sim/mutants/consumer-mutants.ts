/**
 * Planted bugs of consumers and their cursors: changes are skipped, repeated in an older version,
 * or never noticed.
 */
import { decodeCursor, encodeCursor, type Cursor } from '../../engine/cursor.js'
import { join } from '../../engine/base/state-vector.js'
import * as v from '../../engine/base/schema.js'
import { limits } from '../../engine/limits.js'
import { LostHints } from '../../pubsub/hints/lost-hints.js'
import { readRequest, type PollPage, type ReadReply,
  type ReadRequest } from '../../pubsub/requests/request-protocol.js'
import { RequestServer } from '../../pubsub/requests/answer/request-server.js'
import { Wake } from '../../pubsub/consumer/wake.js'
import { CommittedCursors } from '../../storage/committed-cursors.js'
import { patch, type Undo } from '../patch.js'
import { all, type Mutant } from './mutant.js'

const Request = readRequest(limits)

export const CONSUMER_MUTANTS: readonly Mutant[] = [
  {
    name: 'cursor-skips',
    breaks: 'a page that ends early moves the cursor one entry too far',
    seeds: 20,
    plant: () =>
      patch(
        RequestServer.prototype,
        'answer',
        original =>
          function (this: RequestServer, value: unknown): ReadReply<ReadRequest['op']> {
            const reply = original.call(this, value)
            const parsed = v.safeParse(Request, value)
            return parsed.success && parsed.output.op === 'poll'
              ? (reply as PollPage[]).map(skipOne)
              : reply
          }
      )
  },
  {
    name: 'witness-ignored',
    breaks: 'a replica that is behind what a consumer saw answers it all the same',
    seeds: 40,
    plant: () =>
      patch(
        RequestServer.prototype,
        'answer',
        original =>
          function (this: RequestServer, value: unknown): ReadReply<ReadRequest['op']> {
            const parsed = v.safeParse(Request, value)
            if (!parsed.success || parsed.output.op !== 'poll') return original.call(this, value)
            const shards = parsed.output.shards.map(([shard, cursor]) => [shard, cursor === null
              ? null
              : encodeCursor({ ...decodeCursor(cursor, shard, limits), witness: new Map() })]
            )
            return original.call(this, { ...parsed.output, shards })
          }
      )
  },
  {
    name: 'cursor-overwritten',
    breaks: 'a committed cursor replaces the one before instead of being joined with it',
    seeds: 20,
    plant: () =>
      beforeEachJoin((committed, consumerGroup, cursor) => {
        if (committed.get(cursor.shard, consumerGroup) === undefined) return cursor
        const others = committed.of([cursor.shard]).filter(([, group]) => group !== consumerGroup)
        committed.drop(cursor.shard)
        for (const [shard, group, bytes] of others) committed.restore(shard, group, bytes)
        return cursor
      })
  },
  {
    name: 'cursors-joined-by-clocks',
    breaks: 'of two committed cursors that went different ways everything counts as seen, also ' +
      'records that the group was only shown in pieces',
    seeds: 40,
    plant: () =>
      beforeEachJoin((committed, consumerGroup, cursor) => {
        const bytes = committed.get(cursor.shard, consumerGroup)
        const before = bytes === undefined ? cursor : decodeCursor(bytes, cursor.shard, limits)
        return before.generation !== cursor.generation
          ? cursor
          : {
            ...cursor,
            seen: join(before.seen, cursor.seen),
            witness: join(before.witness, cursor.witness)
          }
      })
  },
  {
    name: 'lost-hints-unnoticed',
    breaks:
      'a consumer never compares digests with what it read, so a lost hint is never made up for',
    seeds: 10,
    plant: () => patch(LostHints.prototype, 'look', () => async () => {})
  },
  {
    name: 'asks-without-pause',
    breaks: 'a consumer that no replica can answer asks again at once',
    seeds: 20,
    plant: () =>
      patch(Wake.prototype, 'sleep', original =>
        function (this: Wake): Promise<void> {
          return original.call(this, 0.05)
        })
  }
]

/** Moves the cursor of a page that has more past the next entry of each incarnation. */
function skipOne (page: PollPage): PollPage {
  if (!page.more || page.cursor === null) return page
  const cursor = decodeCursor(page.cursor, page.shard, limits)
  const seen = new Map(
    [...cursor.witness].map((
      [incarnation, end]
    ) => [incarnation, Math.min(end, (cursor.seen.get(incarnation) ?? 0) + 1)])
  )
  return { ...page, cursor: encodeCursor({ ...cursor, seen }) }
}

/** Changes each cursor before it is joined, whether a consumer commits it or a peer sends it. */
function beforeEachJoin (
  change: (committed: CommittedCursors, consumerGroup: string, cursor: Cursor) => Cursor
): Undo {
  return all(
    patch(
      CommittedCursors.prototype,
      'commit',
      original =>
        function (
          this: CommittedCursors,
          consumerGroup: string,
          cursor: Cursor
        ): Uint8Array | null {
          return original.call(this, consumerGroup, change(this, consumerGroup, cursor))
        }
    ),
    patch(CommittedCursors.prototype, 'merge', original =>
      function (
        this: CommittedCursors,
        shard: number,
        consumerGroup: string,
        bytes: Uint8Array
      ): void {
        const changed = change(this, consumerGroup, decodeCursor(bytes, shard, limits))
        original.call(this, shard, consumerGroup, encodeCursor(changed))
      })
  )
}
