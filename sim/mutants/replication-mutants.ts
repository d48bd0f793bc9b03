/**
 * Planted bugs of replication: deltas count as arrived, confirmed or repaired that are not, and
 * placement groups are given up too early.
 */
import { limits } from '../../engine/limits.js'
import { digestOf } from '../../engine/base/state-vector.js'
import type { MergeResult } from '../../engine/shard.js'
import { Acks } from '../../replication/deltas/acks.js'
import { Coverage } from '../../replication/repair/coverage.js'
import { DigestWatch } from '../../replication/repair/digest-watch.js'
import { Inbox } from '../../replication/deltas/inbox.js'
import { ClusterTime } from '../../replication/membership/cluster-time.js'
import type { Member } from '../../replication/membership/heartbeat.js'
import { Messenger } from '../../replication/messages/messenger.js'
import type { RequestKind } from '../../replication/messages/pending-requests.js'
import type { DeltaBatch } from '../../replication/deltas/outbox.js'
import { WriteServer } from '../../replication/writes/write-server.js'
import { writeBatchWithin } from '../../replication/writes/write-protocol.js'
import * as v from '../../engine/base/schema.js'
import { ShardSet } from '../../storage/shard-set.js'
import { patch, type Undo } from '../patch.js'
import { all, type Mutant } from './mutant.js'

const Batches = writeBatchWithin(limits)
const EMPTY_DIGEST = digestOf(new Map())
/** One second, in units of versions. */
const RESTAMP_BY = 1_000_000

export const REPLICATION_MUTANTS: readonly Mutant[] = [
  {
    name: 'gap-ignored',
    breaks: 'a missing batch is passed over, and digests are not compared',
    seeds: 20,
    plant: () =>
      all(
        passOverGaps(),
        patch(Inbox.prototype, 'heard', original =>
          function (this: Inbox, member: Member): number[] {
            for (const { held } of Object.values(member.caches)) {
              for (const [group, { sequence }] of held) {
                this.caughtUp(member.id, member.incarnation, group, sequence)
              }
            }
            return original.call(this, member)
          }),
        patch(DigestWatch.prototype, 'differs', () => () => false)
      )
  },
  {
    name: 'confirmed-unmerged',
    breaks:
      'a batch behind a gap is confirmed to its sender, though some of it could not be merged',
    seeds: 40,
    plant: passOverGaps
  },
  {
    name: 'confirmation-counted-twice',
    breaks: 'one replica counts as two for a write concern',
    seeds: 40,
    plant: () =>
      patch(
        Acks.prototype,
        'confirm',
        original =>
          function (this: Acks, node, group, sequence, isStored): void {
            original.call(this, node, group, sequence, isStored)
            original.call(this, `${node} again`, group, sequence, isStored)
          }
      )
  },
  {
    name: 'digest-skips-shard',
    breaks: 'the digest of a placement group does not depend on its first shard',
    seeds: 40,
    plant: () =>
      patch(
        ShardSet.prototype,
        'digest',
        original =>
          function (this: ShardSet, shard: number): string {
            return shard === 0 ? EMPTY_DIGEST : original.call(this, shard)
          }
      )
  },
  {
    name: 'delta-of-another-shard',
    breaks: 'now and then a delta is merged into the neighbour of its shard',
    seeds: 20,
    plant: () => {
      let count = 0
      return patch(
        ShardSet.prototype,
        'merge',
        original =>
          function (this: ShardSet, shard: number, update: Uint8Array): MergeResult {
            const siblings = this.topology.shardsOf(this.topology.groupOf(shard))
            const astray = ++count % 50 === 0
              ? siblings[(siblings.indexOf(shard) + 1) % siblings.length] ?? shard
              : shard
            if (astray !== shard) original.call(this, astray, update)
            return original.call(this, shard, update)
          }
      )
    }
  },
  {
    name: 'proof-skipped',
    breaks: 'a placement group is given up without proof that its owners have all of it',
    seeds: 40,
    plant: () => patch(Coverage.prototype, 'lacking', () => async () => [])
  },
  {
    name: 'retry-restamps',
    breaks: 'a write that is sent again gets a new version',
    seeds: 40,
    plant: () => {
      const sent = new Set<string>()
      return patch(
        Messenger.prototype,
        'request',
        original =>
          function (
            this: Messenger,
            subject: string,
            value: unknown,
            timeoutMs: number,
            kind: RequestKind
          ): Promise<unknown> {
            const parsed = v.safeParse(Batches, value)
            if (!parsed.success) return original.call(this, subject, value, timeoutMs, kind)
            const writes = parsed.output.writes.map(([key, version, stamp, ...rest]) => {
              const id = `${key} ${version} ${stamp}`
              const by = sent.has(id) ? RESTAMP_BY : 0
              sent.add(id)
              return [key, version + by, stamp + by, ...rest]
            })
            return original.call(this, subject, { ...parsed.output, writes }, timeoutMs, kind)
          }
      )
    }
  },
  {
    name: 'owner-stamps',
    breaks: 'an owner dates every write without event time anew, above all that it took before',
    seeds: 40,
    plant: () => {
      const last = new WeakMap<WriteServer, number>()
      return patch(
        WriteServer.prototype,
        'take',
        original =>
          function (
            this: WriteServer,
            value: unknown,
            request: string
          ): ReturnType<WriteServer['take']> {
            const parsed = v.safeParse(Batches, value)
            if (!parsed.success) return original.call(this, value, request)
            const writes = parsed.output.writes.map(([key, version, stamp, ...rest]) => {
              if (version !== stamp) return [key, version, stamp, ...rest]
              const dated = Math.max(version, (last.get(this) ?? 0) + 1)
              last.set(this, dated)
              return [key, dated, dated, ...rest]
            })
            return original.call(this, { ...parsed.output, writes }, request)
          }
      )
    }
  },
  {
    name: 'own-clock-decides',
    breaks: 'a node goes by its own clock alone, whatever the others show',
    seeds: 40,
    plant: () => patch(ClusterTime.prototype, 'heard', () => () => {})
  }
]

/** A batch that arrives counts as if every batch before it had arrived too. */
function passOverGaps (): Undo {
  return patch(
    Inbox.prototype,
    'merge',
    original =>
      function (this: Inbox, node: string, group: number, batch: DeltaBatch): void {
        original.call(this, node, group, batch)
        this.caughtUp(node, batch.incarnation, group, batch.sequence)
      }
  )
}
